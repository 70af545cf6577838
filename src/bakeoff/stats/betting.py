"""Test and bound a mean of bounded values while they come in: valid at every look, however many there are.

A gambler bets against "the mean is `null`" with odds that are fair if it is. Growing rich is evidence, and
the chance of ever multiplying the stake by 1/alpha in a fair game is at most alpha (Ville 1939).
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bakeoff.stats.checks import check_level
from bakeoff.stats.intervals import Interval

_BETS = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 0.9)
_GRID = 2_000


class Betting:
    """Wealth of a gambler who bets, in equal parts, seven constant shares on a mean above and below `null`.

    K+ = average over bets l of prod (1 + l (x_i - null)), K- the same with 1 - l (...); l = 1/64 .. 0.9 for
    values within -1..1, scaled for other ranges, left out where a factor could fall below 0 (grid Kelly of
    Waudby-Smith & Ramdas, JRSS B 86, 2024). The values need no distribution, only that each has mean `null`
    given the earlier ones; the order within a look does not matter.
    """

    __slots__ = ("_counts", "_down", "_high", "_low", "_null", "_richest_down", "_richest_up", "_up")

    def __init__(self, *, null: float = 0.0, low: float = -1.0, high: float = 1.0) -> None:
        """Begin with a stake of 1 on either side; `null` strictly between the smallest and largest value.

        Raises:
            ValueError: not low < null < high, or not finite.
        """
        if not (-math.inf < low < null < high < math.inf):
            raise ValueError(f"needs low < null < high, got {low}, {null}, {high}")
        self._null, self._low, self._high = null, low, high
        self._up = [0.0] * len(_bets(low, high, null - low))
        self._down = [0.0] * len(_bets(low, high, high - null))
        self._richest_up = self._richest_down = 0.0
        self._counts: Counter[float] = Counter()

    def add(self, values: Iterable[float]) -> None:
        """Take the values of one look; the wealth is read when all of them are in.

        Raises:
            ValueError: NaN, or a value outside low..high.
        """
        fresh = Counter(values)
        for value in fresh:
            if not self._low <= value <= self._high:
                raise ValueError(f"values lie between {self._low:g} and {self._high:g}, got {value}")
        self._counts.update(fresh)
        ups = _bets(self._low, self._high, self._null - self._low)
        downs = _bets(self._low, self._high, self._high - self._null)
        for value, times in fresh.items():
            gap = value - self._null
            if gap:
                self._up = [w + times * math.log1p(bet * gap) for w, bet in zip(self._up, ups, strict=True)]
                self._down = [
                    w + times * math.log1p(-bet * gap) for w, bet in zip(self._down, downs, strict=True)
                ]
        self._richest_up = max(self._richest_up, _average(self._up))
        self._richest_down = max(self._richest_down, _average(self._down))

    @property
    def n(self) -> int:
        """Return how many values came in."""
        return sum(self._counts.values())

    @property
    def mean(self) -> float | None:
        """Return the mean of the values so far; None before the first."""
        n = self.n
        return math.fsum(value * times for value, times in self._counts.items()) / n if n else None

    @property
    def p_above(self) -> float:
        """Return the p-value against "the mean is at most null": 1 / the largest K+ at any look."""
        return math.exp(-self._richest_up)

    @property
    def p_below(self) -> float:
        """Return the p-value against "the mean is at least null": 1 / the largest K- at any look."""
        return math.exp(-self._richest_down)

    @property
    def p(self) -> float:
        """Return the two-sided p-value, twice the smaller one; at most alpha with probability alpha, ever."""
        return min(1.0, 2.0 * min(self.p_above, self.p_below))

    def interval(self, *, level: float = 0.95) -> Interval:
        """Return all means that the values so far do not refute: K+ and K- below 2 / (1 - level).

        The intervals of all looks together hold the mean with probability `level`. Before the first value
        it is low..high.

        Raises:
            ValueError: level outside (0, 1).
        """
        check_level(level)
        mean = self.mean
        if mean is None:
            return Interval(low=self._low, high=self._high, level=level)
        bar = math.log(2.0 / (1.0 - level))
        mirrored = {-value: times for value, times in self._counts.items()}
        return Interval(
            low=_lower(self._counts, self._low, self._high, bar),
            high=-_lower(mirrored, -self._high, -self._low, bar),
            level=level,
        )


def _bets(low: float, high: float, room: float) -> list[float]:
    """Return the bets that cannot lose more than the stake on a value `room` to the wrong side."""
    return [bet * 2.0 / (high - low) for bet in _BETS if bet * 2.0 / (high - low) * room < 1.0]


def _average(logs: Sequence[float]) -> float:
    """Return the log of the wealth: bets left out by `_bets` have lost their part of the stake."""
    largest = max(logs)
    return largest + math.log(math.fsum(math.exp(one - largest) for one in logs) / len(_BETS))


def _lower(counts: Mapping[float, int], low: float, high: float, bar: float) -> float:
    """Return the smallest mean that K+ does not refute; K+ falls in the mean it bets against."""
    counts = _rounded_down(counts, low, high)
    inside = math.fsum(value * times for value, times in counts.items()) / sum(counts.values())
    outside = low
    while inside - outside > 1e-7 * (high - low):
        middle = 0.5 * (inside + outside)
        wealth = [
            math.fsum(times * math.log1p(bet * (value - middle)) for value, times in counts.items())
            for bet in _bets(low, high, middle - low)
        ]
        inside, outside = (inside, middle) if _average(wealth) >= bar else (middle, outside)
    return outside


def _rounded_down(counts: Mapping[float, int], low: float, high: float) -> Mapping[float, int]:
    """Return many distinct values on a grid, never above themselves, which can only lower the bound."""
    if len(counts) <= _GRID:
        return counts
    step = (high - low) / _GRID
    rounded: Counter[float] = Counter()
    for value, times in counts.items():
        rounded[min(value, low + math.floor((value - low) / step) * step)] += times
    return rounded
