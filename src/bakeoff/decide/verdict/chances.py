"""How likely an estimate or a comparison reaches a bound, by its interval; None where it has none."""

import math

from bakeoff.records import Comparison, Estimate
from bakeoff.stats.chance import share_reaches, value_reaches
from bakeoff.stats.intervals import clopper_pearson, wilson

_CLOSE = 1e-6


def chance_at_least(estimate: Estimate, bound: float) -> float | None:
    """Return P(true value >= bound).

    A share of counted cases has its exact posterior; anything else the normal curve of its interval.
    """
    value = estimate.value
    if value is None or not (math.isfinite(value) and math.isfinite(bound)):
        return None
    if estimate.unit == "share":
        if bound <= 0.0 or bound > 1.0:
            return float(bound <= 0.0)
        count = _count(estimate)
        if count is not None:
            return share_reaches(count, estimate.n, bound)
    edge = _edge(estimate, value, bound)
    return None if edge is None else value_reaches(value, edge, bound, level=estimate.level)


def chance_at_most(estimate: Estimate, bound: float) -> float | None:
    """Return P(true value <= bound)."""
    above = chance_at_least(estimate, bound)
    if above is None:
        return None
    if estimate.value == estimate.low == estimate.high == bound:
        return above
    return 1.0 - above


def difference_at_least(row: Comparison, bound: float) -> float | None:
    """Return P(true difference >= bound), by the interval's edge on the side of the bound."""
    if row.difference is None:
        return None
    edge = row.low if bound <= row.difference else row.high
    return None if edge is None else value_reaches(row.difference, edge, bound, level=row.level)


def _count(estimate: Estimate) -> int | None:
    """Return the count behind a share, None where it is a mean: a count's interval is that of a count."""
    if estimate.value is None or estimate.low is None or estimate.high is None or not estimate.n:
        return None
    count = round(estimate.value * estimate.n)
    if not 0 <= count <= estimate.n or abs(estimate.value * estimate.n - count) > _CLOSE:
        return None
    for interval in (wilson, clopper_pearson):
        found = interval(count, estimate.n, level=estimate.level)
        if abs(found.low - estimate.low) < _CLOSE and abs(found.high - estimate.high) < _CLOSE:
            return count
    return None


def _edge(estimate: Estimate, value: float, bound: float) -> float | None:
    """Return the end of the interval on the side of the bound; of a share the far one, as 0 and 1 cut it."""
    low, high = estimate.low, estimate.high
    if estimate.unit == "share" and low is not None and high is not None:
        return low if value - low >= high - value else high
    return low if bound <= value else high
