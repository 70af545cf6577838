"""One rate after another, each for a while: how a server behaves at each of them, and in between."""

from random import Random

import msgspec

from bakeoff.loads import _rates
from bakeoff.records import Schedule
from bakeoff.records.units import Count, Rate, Seconds


class RateStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rate, held for some seconds or for some requests.

    Attributes:
        rate: requests per second.
        seconds: how long the step lasts.
        requests: how many requests it has, instead of `seconds`.
    """

    rate: Rate
    seconds: Seconds | None = None
    requests: Count | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.requests is None):
            raise ValueError("a step has either `seconds` or `requests`")

    @property
    def segment(self) -> _rates.Segment:
        """Return the stretch of time that the step is."""
        seconds = self.seconds if self.requests is None else self.requests / self.rate
        assert seconds is not None
        return _rates.Segment(start=self.rate, end=self.rate, seconds=seconds)


class Steps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open loop whose rate changes at once from step to step, and stays at that of the last one.

    Each step is `{rate, seconds}` or `{rate, requests}`. Request i is due when i requests are expected
    under those rates, the first at once. Without a number of requests the plan ends with the last step.

    Attributes:
        steps: the rates in order, each as a mapping of `rate` and either `seconds` or `requests`.
        arrivals: constant is as regular as the rate allows, poisson is random, as from independent users.
    """

    steps: tuple[RateStep, ...]
    arrivals: _rates.Arrivals = "constant"

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("`steps` is empty; it needs at least one step such as {rate: 5, seconds: 30}")

    def schedule(self, count: int, rng: Random) -> Schedule:
        """Return the due times of `count` requests; the same `rng` gives the same times."""
        return Schedule(due_ns=_rates.due_times(self._segments, count, self.arrivals, rng))

    def length(self) -> int | None:
        """Return how many requests are due in all steps together."""
        return _rates.whole(self._segments)

    @property
    def _segments(self) -> list[_rates.Segment]:
        return [step.segment for step in self.steps]
