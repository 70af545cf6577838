"""Progress on stderr: bars on a terminal, one line each ten seconds elsewhere."""

import sys
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from bakeoff import clock
from bakeoff.engine.control import Progress

if TYPE_CHECKING:
    import rich.progress

_LINE_NS = 10_000_000_000


class Display:
    """Listen to a run and show how far it is. Use as a context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars: rich.progress.Progress | None = None
        self._tasks: dict[tuple[str, str, str], Any] = {}
        self._done: Counter[tuple[str, str, str]] = Counter()
        self._total: Counter[tuple[str, str, str]] = Counter()
        self._failed: Counter[tuple[str, str, str]] = Counter()
        self._passed: Counter[tuple[str, str, str]] = Counter()
        self._graded: Counter[tuple[str, str, str]] = Counter()
        self._last_line = clock.now_ns()

    def __enter__(self) -> "Display":
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[facts]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def note(self, text: str) -> None:
        """Show a line of its own."""
        if self._quiet:
            return
        if self._bars is not None:
            self._bars.console.print(text, highlight=False, markup=False)
        else:
            click.echo(text, err=True)

    def __call__(self, step: Progress) -> None:
        """Take one step of the run."""
        if step.kind == "note":
            self.note(step.text)
            return
        if step.stage is None:
            return
        key = (step.stage.benchmark, step.stage.target, step.stage.name)
        if step.kind == "stage":
            self._total[key] += step.total
            self._done[key] += step.done
            self._show(key, new=True)
            return
        self._done[key] += 1
        if step.sample is not None:
            self._failed[key] += step.sample.outcome in {"error", "timeout"}
        if step.passed is not None:
            self._graded[key] += 1
            self._passed[key] += step.passed
        self._show(key, new=False)

    def _facts(self, key: tuple[str, str, str]) -> str:
        parts: list[str] = []
        if graded := self._graded[key]:
            parts.append(f"{self._passed[key] / graded:.0%} right")
        if failed := self._failed[key]:
            parts.append(f"{failed} failed")
        return ", ".join(parts)

    def _show(self, key: tuple[str, str, str], *, new: bool) -> None:
        name = f"{key[0]} · {key[1]}" + ("" if key[2] == "main" else f" ({key[2]})")
        if self._bars is not None:
            if key not in self._tasks:
                self._tasks[key] = self._bars.add_task(name, total=None, facts="")
            self._bars.update(
                self._tasks[key], total=self._total[key], completed=self._done[key], facts=self._facts(key)
            )
            return
        now = clock.now_ns()
        if not self._quiet and (new or now - self._last_line > _LINE_NS):
            self._last_line = now
            facts = self._facts(key)
            click.echo(
                f"{name}: {self._done[key]}/{self._total[key]}" + (f", {facts}" if facts else ""), err=True
            )
