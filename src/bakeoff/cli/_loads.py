"""How far a load is: on a terminal a line that is written anew twice a second, else one each ten seconds.

What is shown costs the load under way next to nothing: counts and histograms are kept per request, and a
line is made from them only when its time has come and the terminal takes it at once.
"""

import select
import shutil
import sys

import click

from bakeoff import clock
from bakeoff.cli._loads_row import plain_line, table_header, table_row
from bakeoff.engine.control import Progress
from bakeoff.engine.live import LiveStage, StageCounts, merged

_DRAW_NS = 500_000_000
_LINE_NS = 10_000_000_000
_CLEAR = "\r\x1b[K"


class LoadTable:
    """Listen to measured stages and show each as one row."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._own: LiveStage | None = None
        self._parts: dict[int, StageCounts] = {}
        self._last = clock.now_ns()
        self._headed = False
        self._drawn = False

    def take(self, step: Progress) -> None:
        """Take one step of the run."""
        if step.kind == "stage" and step.stage is not None:
            self.close()
            self._own = LiveStage(step.stage, total=step.total, before=step.done)
        elif step.kind == "counts" and step.counts is not None:
            if any(part.key != step.counts.key for part in self._parts.values()):
                self.close()
            self._parts[step.process] = step.counts
        elif step.kind == "done":
            self.close()
        elif self._own is not None and step.kind == "sent":
            self._own.send()
        elif self._own is not None and step.sample is not None:
            self._own.add(step.sample)
        self._look()

    def clear(self) -> None:
        """Make room for another line."""
        if self._drawn:
            sys.stderr.write(_CLEAR)
            self._drawn = False

    def close(self) -> None:
        """Leave the row of the present stage as it ended."""
        counts = self._counts()
        if counts is not None and counts.ended:
            self.clear()
            self._head()
            now = clock.now_ns()
            click.echo(table_row(counts, now, _width()) if self._live else plain_line(counts, now), err=True)
        self._own = None
        self._parts = {}

    def _counts(self) -> StageCounts | None:
        if self._parts:
            return merged(list(self._parts.values()))
        return None if self._own is None else self._own.counts()

    def _look(self) -> None:
        now = clock.now_ns()
        if now - self._last < (_DRAW_NS if self._live else _LINE_NS):
            return
        self._last = now
        counts = self._counts()
        if counts is None:
            return
        if not self._live:
            click.echo(plain_line(counts, now), err=True)
        elif select.select([], [sys.stderr], [], 0)[1]:
            # A terminal that was stopped by Ctrl-S takes nothing, and must not stop the load.
            self._head()
            sys.stderr.write(_CLEAR + table_row(counts, now, _width()))
            sys.stderr.flush()
            self._drawn = True

    def _head(self) -> None:
        if self._live and not self._headed:
            self._headed = True
            click.echo(table_header(_width()), err=True)


def _width() -> int:
    return shutil.get_terminal_size().columns
