"""Turns of a conversation as cases that follow one another, and the pauses between them."""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Annotated

import msgspec

from bakeoff.datasets._lengths import lognormal
from bakeoff.records import Case
from bakeoff.records.units import Seconds


class Think(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a person reads and types before the next turn, lognormal.

    Attributes:
        mean: in seconds.
        stddev: in seconds; 0 is always the mean.
    """

    mean: Seconds
    stddev: Annotated[float, msgspec.Meta(ge=0, extra_json_schema={"x-bakeoff": "duration"})] = 0.0


def linked(name: str, turns: Iterable[Case], think: float | Think, rng: Random) -> Iterator[Case]:
    """Yield the turns of one conversation, each as a case that follows the one before.

    Args:
        name: of the conversation: the start of every turn's id, and their common cluster.
        turns: in order.
        think: seconds between an answer and the next turn.
        rng: draws the pauses.
    """
    before: str | None = None
    for number, turn in enumerate(turns, 1):
        case = msgspec.structs.replace(
            turn,
            id=f"{name}.{number}",
            cluster=name,
            follows=before,
            think_s=0.0 if before is None else _pause(think, rng),
        )
        before = case.id
        yield case


def _pause(think: float | Think, rng: Random) -> float:
    if isinstance(think, Think):
        # Milliseconds are enough, and make the record short.
        return round(lognormal(think.mean, think.stddev, rng), 3)
    return think
