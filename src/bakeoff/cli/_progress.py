"""Progress on stderr: bars on a terminal, a line each ten seconds and at the end of a part elsewhere."""

import sys
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from bakeoff import clock
from bakeoff.engine.control import Progress
from bakeoff.records import Plan

if TYPE_CHECKING:
    import rich.progress

_LINE_NS = 10_000_000_000
_FAILED = frozenset({"error", "timeout"})

Part = tuple[str, str]


class Display:
    """Listen to a run and show how far each benchmark of each target is. Use as a context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars: rich.progress.Progress | None = None
        self._tasks: dict[Part, Any] = {}
        self._done: Counter[Part] = Counter()
        self._total: Counter[Part] = Counter()
        self._failed: Counter[Part] = Counter()
        self._passed: Counter[Part] = Counter()
        self._graded: Counter[Part] = Counter()
        self._last_line = clock.now_ns()

    def __enter__(self) -> "Display":
        if not self._quiet and sys.stderr.isatty():
            from bakeoff.cli._bars import make_bars

            self._bars = make_bars()
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def expect(self, plan: Plan) -> None:
        """Learn how many requests there will be."""
        for stage in plan.stages:
            self._total[stage.benchmark, stage.target] += stage.requests

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
        elif step.stage is not None and step.kind in {"stage", "sample"}:
            part = (step.stage.benchmark, step.stage.target)
            self._count(part, step)
            self._show(part)

    def _count(self, part: Part, step: Progress) -> None:
        if step.kind == "stage":
            self._done[part] += step.done
            return
        self._done[part] += 1
        self._failed[part] += step.sample is not None and step.sample.outcome in _FAILED
        if step.passed is not None:
            self._graded[part] += 1
            self._passed[part] += step.passed

    def _facts(self, part: Part) -> str:
        right = f"{self._passed[part] / self._graded[part]:.0%} right" if self._graded[part] else ""
        failed = f"{self._failed[part]} failed" if self._failed[part] else ""
        return ", ".join(filter(None, (right, failed)))

    def _show(self, part: Part) -> None:
        name = " · ".join(part)
        done, total, facts = self._done[part], self._total[part], self._facts(part)
        if self._bars is not None:
            if part not in self._tasks:
                self._tasks[part] = self._bars.add_task(name, facts="")
            self._bars.update(self._tasks[part], total=total, completed=done, facts=facts)
            return
        now = clock.now_ns()
        if not self._quiet and done and (done == total or now - self._last_line > _LINE_NS):
            self._last_line = now
            click.echo(f"{name}: {done}/{total}" + (f", {facts}" if facts else ""), err=True)
