"""Everything at once: the most that a server gets done."""

from random import Random

import msgspec

from bakeoff.records import Schedule


class Throughput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A closed loop without a bound: all requests go out at the start.

    It shows how many requests and tokens per second a server reaches when its queue is never empty.
    Latencies under it are mostly that queue and grow with the number of requests.
    """

    def schedule(self, count: int, rng: Random) -> Schedule:  # noqa: ARG002  all are due at once
        """Return the loop without a bound, whatever the count."""
        return Schedule()

    def length(self) -> int | None:
        """Tell that it takes any number."""
        return None
