"""A rate that rises or falls steadily, to find where a server stops keeping up."""

from random import Random
from typing import Annotated

import msgspec

from bakeoff.loads import _rates
from bakeoff.records import Schedule
from bakeoff.records.units import Rate, Seconds

Start = Annotated[float, msgspec.Meta(ge=0, extra_json_schema={"x-bakeoff": "rate"})]


class Ramp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open loop whose rate goes in a straight line from one value to another, and stays there.

    Request i is due when i requests are expected under that rate, the first at once. Without a number of
    requests the plan ends with the ramp.

    Attributes:
        from_: requests per second at the start; 0 is allowed.
        to: requests per second at the end.
        over: seconds that the way from one to the other takes.
        arrivals: constant is as regular as the rate allows, poisson is random, as from independent users.
    """

    from_: Start = msgspec.field(default=0.0, name="from")
    to: Rate
    over: Seconds
    arrivals: _rates.Arrivals = "constant"

    def schedule(self, count: int, rng: Random) -> Schedule:
        """Return the due times of `count` requests; the same `rng` gives the same times."""
        return Schedule(due_ns=_rates.due_times([self._segment], count, self.arrivals, rng))

    def length(self) -> int | None:
        """Return how many requests are due before the final rate is reached."""
        return _rates.whole([self._segment])

    @property
    def _segment(self) -> _rates.Segment:
        return _rates.Segment(start=self.from_, end=self.to, seconds=self.over)
