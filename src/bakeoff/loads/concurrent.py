"""A fixed number of requests in flight."""

from random import Random

import msgspec

from bakeoff.records import Schedule
from bakeoff.records.units import Count


class Concurrent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A closed loop: the next request goes out as soon as one of those in flight ends.

    A slow server is asked less often here, so rates under this load are what the server allowed;
    latency at a given rate needs an open loop (`constant`, `poisson`).

    Attributes:
        concurrency: requests in flight at the same time.
    """

    concurrency: Count = 8

    def schedule(self, count: int, rng: Random) -> Schedule:  # noqa: ARG002  the answers set the pace
        """Return the loop, whatever the count."""
        return Schedule(concurrency=self.concurrency)

    def length(self) -> int | None:
        """Tell that it takes any number."""
        return None
