"""What a run may spend, as the engine sees it: something is set aside for each answer until it is known."""

from typing import Protocol

from bakeoff.engine.send import Outgoing
from bakeoff.records import Score


class Purse(Protocol):
    """What is left of a run's limits.

    Attributes:
        held: how often a request had to wait for room.
    """

    held: int

    async def set_aside(self, out: Outgoing, /) -> bool:
        """Set aside the most that an answer may take, as soon as there is so much; False: send no more."""
        ...

    def settle(self, out: Outgoing, /) -> None:
        """Free what was set aside: what the answer took has been told, or nothing was sent."""
        ...

    def judged(self, score: Score) -> None:
        """Take what judging an answer took."""
        ...
