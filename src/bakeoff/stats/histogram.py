"""A mergeable histogram of whole numbers (nanoseconds) with a bounded relative error.

Log-linear buckets as in HdrHistogram: values below 1,024 are exact, every power of two above is cut into
512 equal buckets, so that a bucket's middle is within 2^-10 (0.098 %) of every value in it. Buckets are
counted in a dict, so that an empty one costs nothing and the range has no end.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

import msgspec

from bakeoff.stats.checks import check_share

_BITS = 10
_LAYOUT = "log2-10"


class PackedHistogram(msgspec.Struct, frozen=True, kw_only=True):
    """A histogram as JSON-able columns: `gaps` between the indexes of used buckets, and their `counts`."""

    total: int
    min: int | None
    max: int | None
    gaps: list[int]
    counts: list[int]
    layout: str = _LAYOUT


class Histogram:
    """Counts of recorded values; merging is exact, so order and grouping never change a result."""

    __slots__ = ("_counts", "_max", "_min", "_total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0
        self._min: int | None = None
        self._max: int | None = None

    def record(self, value: int, times: int = 1) -> None:
        """Count a value, a whole number of at least 0, once or several times.

        Raises:
            ValueError: the value is negative.
        """
        if value < 0:
            raise ValueError(f"a histogram counts values from 0 up, got {value}")
        shift = value.bit_length() - _BITS
        index = value if shift <= 0 else (shift << _BITS - 1) + (value >> shift)
        self._counts[index] = self._counts.get(index, 0) + times
        self._total += value * times
        if self._min is None or value < self._min:
            self._min = value
        if self._max is None or value > self._max:
            self._max = value

    def record_many(self, values: Iterable[int]) -> None:
        """Count every value."""
        for value in values:
            self.record(value)

    def absorb(self, packed: PackedHistogram) -> None:
        """Count everything that another histogram counted.

        Raises:
            ValueError: another bucket layout, or columns of unequal length.
        """
        if packed.layout != _LAYOUT:
            raise ValueError(f"histogram layout `{packed.layout}` is unknown; this version reads `{_LAYOUT}`")
        for index, count in zip(accumulate(packed.gaps), packed.counts, strict=True):
            self._counts[index] = self._counts.get(index, 0) + count
        self._total += packed.total
        self._min = min((v for v in (self._min, packed.min) if v is not None), default=None)
        self._max = max((v for v in (self._max, packed.max) if v is not None), default=None)

    def merged(self, other: "Histogram") -> "Histogram":
        """Return the histogram of all values of both; neither changes."""
        result = Histogram()
        result.absorb(self.pack())
        result.absorb(other.pack())
        return result

    @property
    def n(self) -> int:
        """Return how many values were recorded."""
        return sum(self._counts.values())

    @property
    def min(self) -> int | None:
        """Return the smallest value, exact."""
        return self._min

    @property
    def max(self) -> int | None:
        """Return the largest value, exact."""
        return self._max

    @property
    def mean(self) -> float:
        """Return the mean, exact: the sum is kept beside the buckets.

        Raises:
            ValueError: nothing was recorded.
        """
        n = self.n
        if n == 0:
            raise ValueError("nothing was recorded, so no mean")
        return self._total / n

    def quantile(self, q: float) -> float:
        """Return the type-7 quantile, within 0.1 % of what `quantiles.quantile` gives for the same values.

        Raises:
            ValueError: nothing was recorded, or q outside 0..1.
        """
        return self.quantiles((q,))[0]

    def quantiles(self, shares: Iterable[float]) -> list[float]:
        """Return the quantile of each share; many cost hardly more than one.

        Raises:
            ValueError: nothing was recorded, or a share outside 0..1.
        """
        if self._min is None or self._max is None:
            raise ValueError("nothing was recorded, so no quantile")
        indexes = sorted(self._counts)
        ends = list(accumulate(self._counts[index] for index in indexes))
        found: list[float] = []
        for q in shares:
            check_share(q, "q")
            position = (ends[-1] - 1) * q
            below = math.floor(position)
            low = self._value_at(below, indexes, ends)
            high = self._value_at(math.ceil(position), indexes, ends)
            found.append(low + (high - low) * (position - below))
        return found

    def _value_at(self, rank: int, indexes: list[int], ends: list[int]) -> float:
        """Return the value of `rank` (from 0): the extremes exact, else its bucket's middle within them."""
        low, high = self._min or 0, self._max or 0
        if rank in {0, ends[-1] - 1}:
            return high if rank else low
        return min(max(_middle(indexes[bisect_right(ends, rank)]), low), high)

    def pack(self) -> PackedHistogram:
        """Return the histogram as a record; equal histograms give equal records."""
        indexes = sorted(self._counts)
        gaps = [index - before for before, index in zip([0, *indexes], indexes, strict=False)]
        return PackedHistogram(
            total=self._total,
            min=self._min,
            max=self._max,
            gaps=gaps,
            counts=[self._counts[index] for index in indexes],
        )

    @classmethod
    def unpack(cls, packed: PackedHistogram) -> "Histogram":
        """Return the histogram that `pack` wrote.

        Raises:
            ValueError: another bucket layout, or columns of unequal length.
        """
        result = cls()
        result.absorb(packed)
        return result


def _middle(index: int) -> float:
    """Return the middle of a bucket: mantissa * 2^shift plus half of the bucket's last offset."""
    shift = max(0, (index >> _BITS - 1) - 1)
    mantissa = index - (shift << _BITS - 1)
    return (mantissa << shift) + ((1 << shift) - 1) / 2.0
