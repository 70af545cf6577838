"""How far each quality benchmark of each target is: bars on a terminal, lines of a log elsewhere."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from bakeoff import clock
from bakeoff.engine.control import Progress
from bakeoff.records import Stage

if TYPE_CHECKING:
    import rich.progress

_LINE_NS = 10_000_000_000
_FAILED = frozenset({"error", "timeout"})

Part = tuple[str, str]


class Parts:
    """Count the samples of each benchmark and target, and what is right and wrong among them."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._bars: rich.progress.Progress | None = None
        self._tasks: dict[Part, Any] = {}
        self._done: Counter[Part] = Counter()
        self._total: Counter[Part] = Counter()
        self._failed: Counter[Part] = Counter()
        self._passed: Counter[Part] = Counter()
        self._graded: Counter[Part] = Counter()
        self._last_line = clock.now_ns()

    def expect(self, stages: Iterable[Stage]) -> None:
        """Learn how many requests there will be."""
        for stage in stages:
            self._total[stage.benchmark, stage.target] += stage.requests
        if self._live and self._total:
            from bakeoff.cli._bars import make_bars

            self._bars = make_bars()

    def note(self, text: str) -> bool:
        """Show a line above the bars; tell whether there are any."""
        if self._bars is None:
            return False
        self._bars.console.print(text, highlight=False, markup=False)
        return True

    def pause(self) -> None:
        """Stop drawing: the bars have a thread that draws ten times a second, which a load would feel."""
        if self._bars is not None:
            self._bars.stop()

    def take(self, step: Progress, stage: Stage) -> None:
        """Take one step of the run."""
        part = (stage.benchmark, stage.target)
        if step.kind == "stage":
            self._done[part] += step.done
        else:
            self._done[part] += 1
            self._failed[part] += step.sample is not None and step.sample.outcome in _FAILED
        if step.passed is not None:
            self._graded[part] += 1
            self._passed[part] += step.passed
        self._show(part)

    def _facts(self, part: Part) -> str:
        right = f"{self._passed[part] / self._graded[part]:.0%} right" if self._graded[part] else ""
        failed = f"{self._failed[part]} failed" if self._failed[part] else ""
        return ", ".join(filter(None, (right, failed)))

    def _show(self, part: Part) -> None:
        name = " · ".join(part)
        done, total, facts = self._done[part], self._total[part], self._facts(part)
        if self._bars is not None:
            self._bars.start()
            if part not in self._tasks:
                self._tasks[part] = self._bars.add_task(name, facts="")
            self._bars.update(self._tasks[part], total=total, completed=done, facts=facts)
            return
        now = clock.now_ns()
        if done and (done == total or now - self._last_line > _LINE_NS):
            self._last_line = now
            click.echo(f"{name}: {done}/{total}" + (f", {facts}" if facts else ""), err=True)
