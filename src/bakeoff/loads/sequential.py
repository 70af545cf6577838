"""One request at a time: the latency of an idle server."""

from random import Random

import msgspec

from bakeoff.records import Schedule


class Sequential(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A closed loop of one: each request goes out when the one before it has ended."""

    def schedule(self, count: int, rng: Random) -> Schedule:  # noqa: ARG002  the answers set the pace
        """Return the loop, whatever the count."""
        return Schedule(concurrency=1)

    def length(self) -> int | None:
        """Tell that it takes any number."""
        return None
