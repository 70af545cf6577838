"""Confidence intervals of one sample: a proportion, a mean, a mean over clusters, a quantile.

A bound that the data cannot support is None, never a guess and never a zero-width interval.
"""

import math
from bisect import bisect_right
from collections.abc import Hashable, Sequence

import msgspec

from bakeoff.stats.checks import check_count, check_finite, check_level, check_same_length
from bakeoff.stats.special import beta_quantile, binomial_cdf, normal_quantile, t_quantile


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An interval that covers the true value with probability `level`, in the unit of the values."""

    low: float
    high: float
    level: float


class MeanInterval(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over `n` values in `groups` independent groups, with its standard error and t interval.

    `se`, `low` and `high` are None where there is no spread to judge by: one group, or all means equal.
    """

    mean: float
    se: float | None
    low: float | None
    high: float | None
    level: float
    n: int
    groups: int


class QuantileInterval(msgspec.Struct, frozen=True, kw_only=True):
    """Two observed values around a quantile and the probability `coverage` that they enclose it.

    A bound is None where even the smallest (largest) value does not reach beyond the quantile often enough.
    """

    low: float | None
    high: float | None
    level: float
    coverage: float


def wilson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Return Wilson's score interval of a proportion.

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n); Wilson 1927. With n = 0 it is 0..1.

    Raises:
        ValueError: successes outside 0..n, level outside (0, 1).
    """
    check_count(successes, n)
    check_level(level)
    if n == 0:
        return Interval(low=0.0, high=1.0, level=level)
    z = normal_quantile(0.5 + level / 2.0)
    p = successes / n
    scale = 1.0 + z * z / n
    center = (p + z * z / (2.0 * n)) / scale
    half = z * math.sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n)) / scale
    return Interval(
        low=center - half if successes else 0.0,
        high=center + half if successes < n else 1.0,
        level=level,
    )


def clopper_pearson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the exact binomial interval of a proportion: never below its level, hence wider than Wilson's.

    Quantiles of Beta(k, n-k+1) and Beta(k+1, n-k) at the two tails; Clopper & Pearson 1934.

    Raises:
        ValueError: successes outside 0..n, level outside (0, 1).
    """
    check_count(successes, n)
    check_level(level)
    tail = (1.0 - level) / 2.0
    failures = n - successes
    return Interval(
        low=beta_quantile(tail, successes, failures + 1.0) if successes else 0.0,
        high=1.0 - beta_quantile(tail, failures, successes + 1.0) if failures else 1.0,
        level=level,
    )


def mean_t(values: Sequence[float], *, level: float = 0.95) -> MeanInterval:
    """Return the mean with Student's t interval: mean -+ t(n-1) s / sqrt n; values independent.

    Raises:
        ValueError: no values, NaN or an infinity among them, level outside (0, 1).
    """
    return mean_clustered(values, range(len(values)), level=level)


def mean_clustered(
    values: Sequence[float], clusters: Sequence[Hashable], *, level: float = 0.95
) -> MeanInterval:
    """Return the mean with a cluster-robust standard error; `clusters[i]` names the group of `values[i]`.

    se^2 = G/(G-1) sum_g (sum_{i in g} (x_i - mean))^2 / n^2 over G clusters, t with G-1 degrees of freedom
    (Liang & Zeger 1986, CR1; for language model evaluation Miller, arXiv 2411.00640).
    With one value per cluster it is the plain t interval.

    Raises:
        ValueError: no values, NaN or an infinity among them, unequal lengths, level outside (0, 1).
    """
    check_level(level)
    check_same_length(values, clusters)
    check_finite(values)
    n = len(values)
    mean = math.fsum(values) / n
    sums: dict[Hashable, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + (value - mean)
    groups = len(sums)
    spread = math.fsum(part * part for part in sums.values())
    # Rounding leaves a spread near 1e-33 in values that are all the same.
    if groups < 2 or spread <= n * (1e-14 * max(map(abs, values))) ** 2:
        return MeanInterval(mean=mean, se=None, low=None, high=None, level=level, n=n, groups=groups)
    se = math.sqrt(groups / (groups - 1) * spread) / n
    half = t_quantile(0.5 + level / 2.0, groups - 1) * se
    return MeanInterval(mean=mean, se=se, low=mean - half, high=mean + half, level=level, n=n, groups=groups)


def quantile_interval(sorted_values: Sequence[float], q: float, *, level: float = 0.95) -> QuantileInterval:
    """Return the distribution-free interval of the q-quantile, 0 < q < 1, from independent, sorted values.

    The r-th smallest value lies above the quantile with probability P(Binomial(n, q) <= r-1); the bounds
    are the tightest ranks that leave at most (1-level)/2 on each side (David & Nagaraja, Order Statistics,
    7.1). `coverage` counts a bound that is None as reaching to infinity.

    Raises:
        ValueError: q or level outside (0, 1).
    """
    check_level(level)
    if not 0.0 < q < 1.0:
        raise ValueError(f"q lies strictly between 0 and 1, got {q}")
    n = len(sorted_values)
    tail = (1.0 - level) / 2.0
    from_bottom = _rank(n, q, tail)
    from_top = _rank(n, 1.0 - q, tail)
    missed = binomial_cdf(from_bottom - 1, n, q) + binomial_cdf(from_top - 1, n, 1.0 - q)
    return QuantileInterval(
        low=sorted_values[from_bottom - 1] if from_bottom else None,
        high=sorted_values[n - from_top] if from_top else None,
        level=level,
        coverage=1.0 - missed,
    )


def _rank(n: int, q: float, tail: float) -> int:
    """Return the largest rank r with P(Binomial(n, q) <= r-1) <= tail; 0 where there is none."""
    return bisect_right(range(n), tail, key=lambda k: binomial_cdf(k, n, q))
