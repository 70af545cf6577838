"""Requests at random moments that come in bursts, or more evenly than by chance."""

from random import Random
from typing import Annotated

import msgspec

from bakeoff.records import Schedule
from bakeoff.records.units import Rate

Shape = Annotated[float, msgspec.Meta(ge=0.001, le=1e9)]


class Gamma(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open loop with gamma-distributed gaps of mean 1 / rate, also before the first request.

    The coefficient of variation of the gaps is 1 / sqrt(shape). Below 1 requests come in bursts with
    pauses between, 1 is `poisson`, and the larger, the nearer to `constant`. Some tools call this number
    "burstiness". The gaps are not rescaled: the rate is exact in expectation, and over n requests the
    achieved one varies by about 1 / sqrt(shape * n).

    Attributes:
        rate: requests per second, on average.
        shape: of the gaps; below 1 is bursty.
    """

    rate: Rate
    shape: Shape = 0.5

    def schedule(self, count: int, rng: Random) -> Schedule:
        """Return the due times of `count` requests; the same `rng` gives the same times."""
        due: list[int] = []
        at = 0.0
        for _ in range(count):
            at += rng.gammavariate(self.shape, 1.0) / (self.shape * self.rate)
            due.append(round(at * 1e9))
        return Schedule(due_ns=tuple(due))

    def length(self) -> int | None:
        """Tell that it takes any number."""
        return None
