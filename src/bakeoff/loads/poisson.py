"""Requests at random, independent moments, as from many users who do not know of each other."""

from random import Random

import msgspec

from bakeoff.records import Schedule
from bakeoff.records.units import Rate


class Poisson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open loop with exponential gaps of mean 1 / rate, also before the first request.

    The gaps are not rescaled to hit the rate: over n requests the achieved rate varies by about
    1 / sqrt(n), as it does for real users.

    Attributes:
        rate: requests per second, on average.
    """

    rate: Rate

    def schedule(self, count: int, rng: Random) -> Schedule:
        """Return the due times of `count` requests; the same `rng` gives the same times."""
        due: list[int] = []
        at = 0.0
        for _ in range(count):
            at += rng.expovariate(self.rate)
            due.append(round(at * 1e9))
        return Schedule(due_ns=tuple(due))

    def length(self) -> int | None:
        """Tell that it takes any number."""
        return None
