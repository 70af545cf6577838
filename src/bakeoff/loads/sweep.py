"""A sweep: one at a time, then as many as possible, then rates between, to find the curve."""

from collections.abc import Sequence
from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bakeoff.records import Schedule
from bakeoff.records.steps import Step, StepResult


class Sweep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure the throughput-latency curve in steps.

    The first step sends one request at a time: the lowest latency and the lowest rate. The second keeps
    `concurrency` requests in flight: the highest rate. The others are open loops at rates evenly between
    the two, so that the knee shows.

    Attributes:
        steps: number of rates between the two ends.
        concurrency: requests in flight in the throughput step.
        arrivals: pattern of the open loops, `constant` or `poisson`.
        step_requests: requests of each step.
    """

    steps: Annotated[int, Meta(ge=0, le=50)] = 6
    concurrency: Annotated[int, Meta(ge=2)] = 64
    arrivals: Literal["constant", "poisson"] = "constant"
    step_requests: Annotated[int, Meta(ge=1)] = 100

    def schedule(self, count: int, rng: Random) -> Schedule:  # noqa: ARG002  the first step is a closed loop
        """Return the schedule of the first step."""
        return Schedule(concurrency=1)

    def length(self) -> int:
        """Return how many requests all steps may send."""
        return 20 + max(self.step_requests, 2 * self.concurrency) + self.steps * self.step_requests

    def next_step(self, done: Sequence[StepResult]) -> Step | None:
        """Return the step after those that are done, None at the end or where no rate could be measured."""
        if not done:
            few = max(1, min(self.step_requests, 20))
            return Step(name="synchronous", load={"kind": "sequential"}, requests=few)
        if len(done) == 1:
            load = {"kind": "concurrent", "concurrency": self.concurrency}
            return Step(name="throughput", load=load, requests=max(self.step_requests, 2 * self.concurrency))
        low, high = done[0].request_rate, done[1].request_rate
        index = len(done) - 1
        if index > self.steps or low is None or high is None or high <= low:
            return None
        rate = low + (high - low) * index / (self.steps + 1)
        return Step(
            name=f"rate={rate:.4g}",
            load={"kind": self.arrivals, "rate": rate},
            requests=self.step_requests,
        )
