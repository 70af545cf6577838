"""Due times under a rate that changes: the inverse of the expected number of requests over time.

Every due time is computed from the request's own number, so nothing adds up.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import ceil, sqrt
from random import Random
from typing import Literal

import msgspec

Arrivals = Literal["constant", "poisson"]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time over which the rate goes from one value to another in a straight line.

    Attributes:
        start: requests per second at its beginning.
        end: requests per second at its end.
        seconds: how long it lasts.
    """

    start: float
    end: float
    seconds: float

    @property
    def requests(self) -> float:
        """Return how many requests are due in it."""
        return (self.start + self.end) / 2 * self.seconds

    def at(self, requests: float) -> float:
        """Return the second at which so many requests have become due.

        This is the root of start·t + (end - start)/(2·seconds)·t² = requests, in the form that stays exact
        where the rate hardly changes.
        """
        if requests <= 0:
            return 0.0
        slope = (self.end - self.start) / self.seconds
        rate = sqrt(max(0.0, self.start * self.start + 2 * slope * requests))
        return 2 * requests / (self.start + rate)


def due_times(segments: Sequence[Segment], count: int, arrivals: Arrivals, rng: Random) -> tuple[int, ...]:
    """Return when `count` requests are due, in ns; after the last segment its final rate goes on.

    Args:
        segments: at least one, in order; the last one ends with a rate above 0.
        count: how many requests.
        arrivals: "constant" makes request i due when i requests are expected, "poisson" at a random
            moment whose rate is that of the segments.
        rng: draws the moments of "poisson".
    """
    begun = [0.0, *accumulate(segment.requests for segment in segments)]
    starts = [0.0, *accumulate(segment.seconds for segment in segments)]
    final = segments[-1].end
    due: list[int] = []
    last = 0
    for mark in _marks(count, arrivals, rng):
        index = bisect_right(begun, mark) - 1
        beyond = mark - begun[index]
        after = beyond / final if index == len(segments) else segments[index].at(beyond)
        last = max(last, round((starts[index] + after) * 1e9))
        due.append(last)
    return tuple(due)


def _marks(count: int, arrivals: Arrivals, rng: Random) -> Iterator[float]:
    """Yield how many requests are expected before each request."""
    if arrivals == "constant":
        yield from map(float, range(count))
        return
    mark = 0.0
    for _ in range(count):
        mark += rng.expovariate(1.0)
        yield mark


def whole(segments: Sequence[Segment]) -> int:
    """Return how many requests are due in all segments together, without one at their very end."""
    total = sum(segment.requests for segment in segments)
    # Seconds and rates are decimals that binary fractions miss by a little: 0.1/s for 30 s is 3, not 4.
    return max(1, ceil(total - 1e-9 * max(1.0, total)))
