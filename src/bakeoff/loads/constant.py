"""Requests at even distances, whatever the server does."""

from random import Random

import msgspec

from bakeoff.records import Schedule
from bakeoff.records.units import Rate


class Constant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open loop at a constant rate: request i is due at i / rate seconds, the first at once.

    Every time is computed from i, not from the time before it, so rounding does not add up.

    Attributes:
        rate: requests per second.
    """

    rate: Rate

    def schedule(self, count: int, rng: Random) -> Schedule:  # noqa: ARG002  nothing is random here
        """Return the due times of `count` requests."""
        return Schedule(due_ns=tuple(round(i * 1e9 / self.rate) for i in range(count)))

    def length(self) -> int | None:
        """Tell that it takes any number."""
        return None
