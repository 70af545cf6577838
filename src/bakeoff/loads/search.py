"""A search for the highest rate at which the latency targets are still met."""

import math
from collections.abc import Sequence
from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bakeoff.records import Schedule
from bakeoff.records.steps import Step, StepResult
from bakeoff.stats.intervals import clopper_pearson

_KEPT_UP = 0.8
_LEAST = 16
_DISTURBED = 3


class Search(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Find the highest rate whose SLO attainment is still proved.

    A rate holds when the lower bound of its attainment (exact, 95 %) is at least `attainment`. The rate
    doubles (or halves) until one holds and one does not, then the geometric middle is tried until the two
    are within `precision`. A rate that the client did not reach does not hold. Where a lower rate would not
    help, the search ends without one: nothing is met at half of a rate that the server answered in step, a
    sixteenth of it does not hold either, or the client was the limit in each of the first three steps.

    Attributes:
        start: first rate, in requests per second.
        attainment: share of requests that must meet the latency targets.
        precision: stop when the failing rate is at most this much above the holding one.
        most_steps: stop after this many steps.
        arrivals: pattern of the open loops, `poisson` or `constant`.
        step_requests: requests of each step; 72 without a miss are the fewest that prove 95 %.
    """

    start: Annotated[float, Meta(gt=0, extra_json_schema={"x-bakeoff": "rate"})] = 1.0
    attainment: Annotated[float, Meta(gt=0, lt=1)] = 0.95
    precision: Annotated[float, Meta(gt=0)] = 0.1
    most_steps: Annotated[int, Meta(ge=2, le=60)] = 14
    arrivals: Literal["poisson", "constant"] = "poisson"
    step_requests: Annotated[int, Meta(ge=1)] = 100

    def __post_init__(self) -> None:
        """Refuse a search that no server could pass.

        Raises:
            ValueError: even without a miss, the requests of a step prove less than `attainment`.
        """
        if clopper_pearson(self.step_requests, self.step_requests).low < self.attainment:
            fewest = math.ceil(math.log(0.025) / math.log(self.attainment))
            raise ValueError(
                f"{self.step_requests} requests of each step cannot prove an attainment of "
                f"{self.attainment:g}, even without a miss: it takes {fewest:,}"
            )

    def schedule(self, count: int, rng: Random) -> Schedule:
        """Return the schedule of the first step at a constant rate."""
        del rng
        gap = 1e9 / self.start
        return Schedule(due_ns=tuple(round(index * gap) for index in range(count)))

    def length(self) -> int:
        """Return how many requests all steps may send."""
        return self.most_steps * self.step_requests

    def next_step(self, done: Sequence[StepResult]) -> Step | None:
        """Return the next rate to try, None when the highest holding one is known closely enough."""
        held = [self._rate(each) for each in done if self.holds(each)]
        failed = [self._rate(each) for each in done if not self.holds(each)]
        if len(done) >= self.most_steps:
            return None
        if not done:
            rate = self.start
        elif not failed:
            rate = 2 * max(held)
        elif not held:
            if self._is_hopeless(done):
                return None
            rate = min(failed) / 2
        else:
            low, high = max(held), min(failed)
            if high <= low * (1 + self.precision):
                return None
            rate = (low * high) ** 0.5
        return Step(
            name=f"rate={rate:.4g}", load={"kind": self.arrivals, "rate": rate}, requests=self.step_requests
        )

    def holds(self, result: StepResult) -> bool:
        """Tell whether the latency targets were met at a rate with 95 % confidence."""
        if not result.valid or result.met is None or not result.sent:
            return False
        return clopper_pearson(result.met, result.sent).low >= self.attainment

    def _is_hopeless(self, done: Sequence[StepResult]) -> bool:
        """Tell whether a lower rate would fail as well: each takes twice as long as the one before."""
        if len(done) >= _DISTURBED and not any(each.valid for each in done):
            return True
        kept = [self._rate(each) for each in done if self._kept_up(each)]
        slowest = min(done, key=self._rate)
        if not kept or not self._kept_up(slowest):
            return False
        share = self._rate(slowest) / max(kept)
        return share <= 1 / _LEAST or (share <= 1 / 2 and slowest.valid and not slowest.met)

    def _kept_up(self, result: StepResult) -> bool:
        return (result.request_rate or 0.0) >= _KEPT_UP * self._rate(result)

    @staticmethod
    def _rate(result: StepResult) -> float:
        rate: float = result.step.load["rate"]
        return rate
