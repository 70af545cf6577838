"""Progress on stderr: what a terminal can draw, and lines of a log elsewhere."""

import os
import sys
from types import TracebackType

import click

from bakeoff.cli._loads import LoadTable
from bakeoff.cli._parts import Parts
from bakeoff.engine.control import Control, Progress
from bakeoff.plan import CALIBRATION
from bakeoff.records import Plan, Stage


class Display:
    """Listen to a run and show how far it is. Use as a context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        live = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._loads = LoadTable(live=live)
        self._parts = Parts(live=live)

    def __enter__(self) -> "Display":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loads.close()
        self._parts.pause()

    def control(self) -> Control:
        """Return a control that is heard here; by nobody where nothing is shown, so that telling is free."""
        return Control(None if self._quiet else self)

    def expect(self, plan: Plan) -> None:
        """Learn how many requests there will be."""
        if not self._quiet:
            self._parts.expect(stage for stage in plan.stages if not _is_load(stage))

    def note(self, text: str) -> None:
        """Show a line of its own."""
        if not self._quiet:
            self._loads.clear()
            if not self._parts.note(text):
                click.echo(text, err=True)

    def __call__(self, step: Progress) -> None:
        """Take one step of the run."""
        if step.kind == "note":
            self.note(step.text)
        elif step.stage is None or _is_load(step.stage):
            if step.kind == "stage":
                self._parts.pause()
            self._loads.take(step)
        elif step.kind in {"stage", "sample"}:
            self._parts.take(step, step.stage)


def _is_load(stage: Stage) -> bool:
    return stage.measured or stage.name == CALIBRATION
