"""Compare two systems that answered different cases.

Weaker than `paired`: use it only where pairs are missing.
"""

import math
from collections.abc import Sequence

import msgspec

from bakeoff.stats.checks import check_count, check_finite, check_level
from bakeoff.stats.intervals import Interval, wilson
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


def compare_means(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> UnpairedResult:
    """Compare two means from different cases with Welch's t test.

    t = D / se, se^2 = v_a/n_a + v_b/n_b, degrees of freedom by Welch-Satterthwaite.
    Bounds and p are None with fewer than two values on a side, or without any spread.

    Raises:
        ValueError: an empty sample, NaN or an infinity, level outside (0, 1).
    """
    check_level(level)
    check_finite(a)
    check_finite(b)
    mean_a, mean_b = math.fsum(a) / len(a), math.fsum(b) / len(b)
    difference = mean_a - mean_b
    low = high = p = None
    part_a, part_b = _error_share(a, mean_a), _error_share(b, mean_b)
    error = part_a + part_b
    if min(len(a), len(b)) >= 2 and error > 0.0:
        share_a, share_b = part_a / error, part_b / error
        df = 1.0 / (share_a**2 / (len(a) - 1) + share_b**2 / (len(b) - 1))
        half = t_quantile(0.5 + level / 2.0, df) * math.sqrt(error)
        low, high = difference - half, difference + half
        p = t_two_sided(difference / math.sqrt(error), df)
    return UnpairedResult(
        difference=difference,
        low=low,
        high=high,
        level=level,
        p=p,
        n_a=len(a),
        n_b=len(b),
        test="unpaired: Welch t",
    )


def _error_share(values: Sequence[float], mean: float) -> float:
    """Return the variance of the mean, v / n; 0.0 without spread, where rounding would leave a trace."""
    if max(values) == min(values):
        return 0.0
    n = len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _check(sample: Passes) -> None:
    check_count(sample.passed, sample.n)
    if sample.n == 0:
        raise ValueError("an empty sample has no share")
