"""The user's way to stop a run, and the way to tell others how far it is."""

from collections.abc import Callable
from typing import Literal

import msgspec

from bakeoff.records import Sample, Stage

ProgressKind = Literal["stage", "sample", "done", "note"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a run, for displays.

    Attributes:
        done: samples of the stage so far, earlier segments included.
        total: samples planned for the stage.
        passed: whether the sample's answer was graded as right; None where it was not graded.
    """

    kind: ProgressKind
    stage: Stage | None = None
    sample: Sample | None = None
    done: int = 0
    total: int = 0
    passed: bool | None = None
    text: str = ""


Listener = Callable[[Progress], None]


class Control:
    """Whether to go on. `drain()` lets requests in flight end and starts no new one.

    Args:
        tell: called at every step; must be quick, it runs between requests.
    """

    def __init__(self, tell: Listener = lambda _: None) -> None:
        self.draining = False
        self.tell = tell

    def drain(self) -> None:
        """Start no further request."""
        self.draining = True
