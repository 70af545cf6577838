"""Compare two systems that answered different cases.

Weaker than `paired`: use it only where pairs are missing.
"""

import math
from collections.abc import Hashable, Sequence

import msgspec

from bakeoff.stats.checks import check_count, check_level
from bakeoff.stats.intervals import Interval, mean_clustered, wilson
from bakeoff.stats.special import t_quantile, t_two_sided


class UnpairedResult(msgspec.Struct, frozen=True, kw_only=True):
    """The difference a - b of two independent samples; None where the data show no spread to judge by."""

    difference: float
    low: float | None
    high: float | None
    level: float
    p: float | None
    n_a: int
    n_b: int
    test: str


class Passes(msgspec.Struct, frozen=True, kw_only=True):
    """How many of `n` passed."""

    passed: int
    n: int


def newcombe_unpaired(a: Passes, b: Passes, *, level: float = 0.95) -> Interval:
    """Return Newcombe's hybrid score interval of share(a) - share(b) (method 10; Stat. Med. 17, 1998, 873).

    D - sqrt((p_a - l_a)^2 + (u_b - p_b)^2), D + sqrt((u_a - p_a)^2 + (p_b - l_b)^2), Wilson bounds l, u.

    Raises:
        ValueError: an empty sample, counts that do not fit, level outside (0, 1).
    """
    _check(a)
    _check(b)
    of_a = wilson(a.passed, a.n, level=level)
    of_b = wilson(b.passed, b.n, level=level)
    share_a, share_b = a.passed / a.n, b.passed / b.n
    return Interval(
        low=share_a - share_b - math.hypot(share_a - of_a.low, of_b.high - share_b),
        high=share_a - share_b + math.hypot(of_a.high - share_a, share_b - of_b.low),
        level=level,
    )


def fisher_exact(a: Passes, b: Passes) -> float:
    """Return the two-sided p-value of Fisher's exact test.

    The summed probability of all tables with these margins that are no likelier than the observed one.

    Raises:
        ValueError: an empty sample, counts that do not fit.
    """
    _check(a)
    _check(b)
    passed = a.passed + b.passed
    total = _log_choose(a.n + b.n, passed)
    chances = {
        of_a: math.exp(_log_choose(a.n, of_a) + _log_choose(b.n, passed - of_a) - total)
        for of_a in range(max(0, passed - b.n), min(a.n, passed) + 1)
    }
    # Equal probabilities may differ in their last bits.
    bar = chances[a.passed] * (1.0 + 1e-7)
    return min(1.0, math.fsum(chance for chance in chances.values() if chance <= bar))


def compare_rates(a: Passes, b: Passes, *, level: float = 0.95) -> UnpairedResult:
    """Compare two shares from different cases: Fisher's exact test with Newcombe's interval.

    Raises:
        ValueError: an empty sample, counts that do not fit, level outside (0, 1).
    """
    interval = newcombe_unpaired(a, b, level=level)
    return UnpairedResult(
        difference=a.passed / a.n - b.passed / b.n,
        low=interval.low,
        high=interval.high,
        level=level,
        p=fisher_exact(a, b),
        n_a=a.n,
        n_b=b.n,
        test="unpaired: Fisher's exact, Newcombe interval",
    )


def compare_means(
    a: Sequence[float],
    b: Sequence[float],
    *,
    clusters_a: Sequence[Hashable] | None = None,
    clusters_b: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> UnpairedResult:
    """Compare two means from different cases with Welch's t test.

    t = D / se, se^2 = se_a^2 + se_b^2, degrees of freedom by Welch-Satterthwaite; with clusters, each
    side's standard error is the cluster-robust one of `mean_clustered` and counts its clusters.
    Bounds and p are None with fewer than two values or clusters on a side, or without any spread.

    Raises:
        ValueError: an empty sample, NaN or an infinity, unequal lengths, level outside (0, 1).
    """
    check_level(level)
    sides = [
        mean_clustered(values, range(len(values)) if clusters is None else clusters, level=level)
        for values, clusters in ((a, clusters_a), (b, clusters_b))
    ]
    difference = sides[0].mean - sides[1].mean
    low = high = p = None
    parts = [(side.se or 0.0) ** 2 for side in sides]
    error = sum(parts)
    if min(side.groups for side in sides) >= 2 and error > 0.0:
        free = [(part / error) ** 2 / (side.groups - 1) for part, side in zip(parts, sides, strict=True)]
        df = 1.0 / sum(free)
        half = t_quantile(0.5 + level / 2.0, df) * math.sqrt(error)
        low, high = difference - half, difference + half
        p = t_two_sided(difference / math.sqrt(error), df)
    clustered = any(side.groups < side.n for side in sides)
    return UnpairedResult(
        difference=difference,
        low=low,
        high=high,
        level=level,
        p=p,
        n_a=len(a),
        n_b=len(b),
        test="unpaired: Welch t over clusters" if clustered else "unpaired: Welch t",
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _check(sample: Passes) -> None:
    check_count(sample.passed, sample.n)
    if sample.n == 0:
        raise ValueError("an empty sample has no share")
