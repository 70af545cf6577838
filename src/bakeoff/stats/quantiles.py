"""Quantiles of a sample held in memory, and its summary from one sort."""

import math
from collections.abc import Collection, Sequence

import msgspec

from bakeoff.stats.checks import check_share


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Size, mean, extremes and type-7 quantiles of a sample, in the unit of its values."""

    n: int
    mean: float
    min: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    max: float


def quantile(sorted_values: Sequence[float], q: float) -> float:
    """Return the q-quantile, 0 <= q <= 1, of values sorted upwards.

    Type 7 of Hyndman & Fan 1996 (the default of numpy and R): linear between the values around
    position (n-1) q, counted from 0.

    Raises:
        ValueError: no values, or q outside 0..1.
    """
    check_share(q, "q")
    if not sorted_values:
        raise ValueError("no values, so no quantile")
    position = (len(sorted_values) - 1) * q
    below = math.floor(position)
    low = sorted_values[below]
    high = sorted_values[math.ceil(position)]
    return low + (high - low) * (position - below)


def summarise(values: Collection[float]) -> Summary:
    """Return the summary of the values, in any order; they are sorted once and read once more for the mean.

    Raises:
        ValueError: no values, or NaN or an infinity among them.
    """
    n = len(values)
    if n == 0:
        raise ValueError("no values, so no summary")
    mean = math.fsum(values) / n
    if not math.isfinite(mean):
        raise ValueError("a value is NaN or infinite; leave out what was not measured")
    ordered = sorted(values)
    return Summary(
        n=n,
        mean=mean,
        min=ordered[0],
        p50=quantile(ordered, 0.5),
        p90=quantile(ordered, 0.9),
        p95=quantile(ordered, 0.95),
        p99=quantile(ordered, 0.99),
        p999=quantile(ordered, 0.999),
        max=ordered[-1],
    )
