"""The user's way to stop a run, and the way to tell others how far it is."""

from collections.abc import Callable
from typing import Literal

import msgspec

from bakeoff.engine.live import StageCounts
from bakeoff.engine.purse import Purse
from bakeoff.records import Sample, Score, Stage

ProgressKind = Literal["stage", "sent", "sample", "done", "tick", "counts", "note"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a run, for displays.

    Attributes:
        kind: a stage began, a request was begun, it ended, the stage ended, time went by, another process
            told its counts, or a text for people.
        done: samples of the stage so far, earlier segments included.
        total: samples planned for the stage.
        passed: whether the sample's answer was graded as right; None where it was not graded.
        counts: what another process has done of a stage.
        process: its number.
    """

    kind: ProgressKind
    stage: Stage | None = None
    sample: Sample | None = None
    done: int = 0
    total: int = 0
    passed: bool | None = None
    text: str = ""
    counts: StageCounts | None = None
    process: int = 0


Listener = Callable[[Progress], None]


def _deaf(step: Progress) -> None:
    del step


class Control:
    """Whether to go on. `drain()` lets requests in flight end and starts no new one.

    Args:
        tell: called at every step; must be quick, it runs between requests. None where nobody listens.

    Attributes:
        purse: what the run may spend; None is without a limit.
    """

    def __init__(self, tell: Listener | None = None) -> None:
        self.purse: Purse | None = None
        self.draining = False
        self.heard = tell is not None
        self.tell = tell or _deaf

    def keeping(self, add: Callable[[Score], None]) -> Callable[[Score], None]:
        """Return what keeps a score by `add`, and has the purse know what judging took."""
        purse = self.purse
        if purse is None:
            return add

        def kept(score: Score) -> None:
            add(score)
            purse.judged(score)

        return kept

    def drain(self) -> None:
        """Start no further request."""
        self.draining = True
