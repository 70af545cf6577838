"""Tests and intervals for the mean of paired differences, by seeded resampling. Knows no case names.

With `clusters`, whole clusters are flipped and redrawn: values inside one may depend on each other.
"""

import math
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import accumulate
from operator import getitem
from random import Random
from typing import Literal

import msgspec

from bakeoff.stats.checks import check_finite, check_level, check_same_length
from bakeoff.stats.expansion import ENOUGH, bca_mean, signed_sum_p
from bakeoff.stats.intervals import Interval
from bakeoff.stats.quantiles import quantile
from bakeoff.stats.special import binomial_cdf, binomial_pmf, normal_cdf, normal_quantile

_ENUMERATED = 16
_BLOCK = 512
_DRAWS, _RESAMPLES = 10_000, 5_000


class FlipTest(msgspec.Struct, frozen=True, kw_only=True):
    """A two-sided p-value from random signs.

    `draws` is None where nothing was drawn: every sign pattern was counted, or, when `approximate`, their
    sum's distribution was computed by a saddlepoint expansion.
    """

    p: float
    draws: int | None
    approximate: bool = False


class _Group(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The sum of one cluster's differences and how many there are."""

    total: float
    size: int


def sign_test(positive: int, negative: int, *, mid_p: bool = False) -> float:
    """Return the exact two-sided p-value that `positive` and `negative` are equally likely.

    min(1, 2 P(Binomial(positive + negative, 1/2) <= the smaller)); `mid_p` takes off the probability of the
    observed count, which makes the test less conservative and no longer strictly exact (Lancaster 1961).

    Raises:
        ValueError: a negative count.
    """
    if positive < 0 or negative < 0:
        raise ValueError(f"counts are at least 0, got {positive} and {negative}")
    n = positive + negative
    fewer = min(positive, negative)
    p = 2.0 * binomial_cdf(fewer, n, 0.5)
    p = min(1.0, p - binomial_pmf(fewer, n, 0.5) if mid_p else p)
    # No test says that something is impossible: what is too small for a float is its smallest number.
    return max(p, sys.float_info.min)


def sign_flip(
    differences: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    seed: int = 0,
    draws: int | None = None,
) -> FlipTest:
    """Return the permutation p-value of "the differences are symmetric around 0".

    p = share of sign patterns with |sum of +-d| >= |sum of d|. Exact when the non-zero differences are all
    of one size (then it is the sign test) or at most 16; else from seeded draws, p = (1 + hits) / (1 + draws)
    (Phipson & Smyth 2010), which never reports 0. Without a given number of draws it is 10,000, or none
    where `expansion.signed_sum_p` gives the same p from 256 differences up.

    Raises:
        ValueError: no differences, NaN or an infinity, unequal lengths, draws below 1.
    """
    if draws is not None and draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    totals = [group.total for group in _groups(differences, clusters) if group.total != 0.0]
    sizes = [abs(total) for total in totals]
    if not sizes or max(sizes) - min(sizes) <= 1e-9 * max(sizes):
        positive = sum(total > 0.0 for total in totals)
        return FlipTest(p=sign_test(positive, len(totals) - positive), draws=None)
    # Sums that are equal on paper may differ in their last bits.
    bar = abs(math.fsum(totals)) - 1e-12 * math.fsum(sizes)
    if len(sizes) <= _ENUMERATED:
        # The first sign is fixed: the other half of the patterns mirrors this one.
        sums = _signed_sums(sizes[1:], sizes[0])
        return FlipTest(p=sum(abs(one) >= bar for one in sums) / len(sums), draws=None)
    if draws is None and (p := signed_sum_p(sizes, bar)) is not None:
        return FlipTest(p=p, draws=None, approximate=True)
    draws = draws or _DRAWS
    hits = sum(abs(one) >= bar for one in _flipped_sums(sizes, draws, Random(seed)))
    return FlipTest(p=(1 + hits) / (1 + draws), draws=draws)


def bootstrap(
    differences: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
    seed: int = 0,
    resamples: int | None = None,
    method: Literal["bca", "percentile"] = "bca",
) -> Interval | None:
    """Return the bootstrap interval of the mean difference; None where there is no spread to resample.

    `percentile`: quantiles of the resampled means. `bca`: the same at shares corrected for bias and skew,
    Phi(z0 + (z0 + z) / (1 - a (z0 + z))), z0 from the share of resampled means below the observed one,
    a from the jackknife (Efron 1987). Below about 20 groups either covers less than its level.
    Without a given number of resamples it is 5,000, or none where `expansion.bca_mean` gives the same bounds
    from 256 groups up.

    Raises:
        ValueError: no differences, NaN or an infinity, unequal lengths, level outside (0, 1), no resamples.
    """
    check_level(level)
    if resamples is not None and resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    groups = _groups(differences, clusters)
    mean = math.fsum(group.total for group in groups) / len(differences)
    rounding = 1e-12 * max(map(abs, differences))
    if all(abs(group.total - mean * group.size) <= rounding * group.size for group in groups):
        return None
    if resamples is None and method == "bca" and len(groups) >= ENOUGH:
        computed = bca_mean(mean, _influence(groups), level=level)
        if computed is not None:
            return computed
    means = sorted(_resampled_means(groups, resamples or _RESAMPLES, Random(seed)))
    shares = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    if method == "bca":
        bias = _bias(means, mean, rounding)
        skew = _skew(groups)
        shares = [_corrected(share, bias, skew) for share in shares]
    low, high = (quantile(means, share) for share in shares)
    return Interval(low=low, high=high, level=level)


def _groups(differences: Sequence[float], clusters: Sequence[Hashable] | None) -> list[_Group]:
    check_finite(differences)
    if clusters is None:
        return [_Group(total=value, size=1) for value in differences]
    check_same_length(differences, clusters)
    totals: dict[Hashable, float] = {}
    for value, cluster in zip(differences, clusters, strict=True):
        totals[cluster] = totals.get(cluster, 0.0) + value
    sizes = Counter(clusters)
    return [_Group(total=total, size=sizes[cluster]) for cluster, total in totals.items()]


def _signed_sums(sizes: Sequence[float], start: float) -> list[float]:
    """Return `start` plus every combination of +-sizes: 2^len(sizes) sums."""
    sums = [start]
    for size in sizes:
        sums = [one - size for one in sums] + [one + size for one in sums]
    return sums


def _flipped_sums(sizes: list[float], draws: int, rng: Random) -> list[float]:
    """Return `draws` sums of the sizes under random signs.

    One random byte looks up the signed sum of eight sizes, so that a draw over 2,000 values costs 250
    look-ups; blocks bound the memory that the tables take.
    """
    padded = sizes + [0.0] * (-len(sizes) % 8)
    tables = [_signed_sums(padded[at : at + 8], 0.0) for at in range(0, min(len(padded), 8 * _BLOCK), 8)]
    totals = [math.fsum(map(getitem, tables, rng.randbytes(len(tables)))) for _ in range(draws)]
    rest = padded[8 * _BLOCK :]
    if rest:
        more = _flipped_sums(rest, draws, rng)
        totals = [one + other for one, other in zip(totals, more, strict=True)]
    return totals


def _resampled_means(groups: list[_Group], resamples: int, rng: Random) -> list[float]:
    """Return the mean of each resample, drawn from the groups with replacement."""
    count = len(groups)
    if len({group.size for group in groups}) > 1:
        # A complex number carries sum and size through one C-level addition.
        pairs = [complex(group.total, group.size) for group in groups]
        drawn = (sum(rng.choices(pairs, k=count), 0j) for _ in range(resamples))
        return [one.real / one.imag for one in drawn]
    n = count * groups[0].size
    # Most pairs do not differ. How many of a resample do is one binomial draw; only those are drawn singly.
    moved = [group.total for group in groups if group.total != 0.0]
    share = len(moved) / count
    ends = list(accumulate(binomial_pmf(k, count, share) for k in range(count)))
    return [math.fsum(rng.choices(moved, k=bisect_right(ends, rng.random()))) / n for _ in range(resamples)]


def _bias(sorted_means: list[float], observed: float, rounding: float) -> float:
    """Return z0; ties count half, and the share stays off 0 and 1, where z0 would be infinite."""
    count = len(sorted_means)
    below = bisect_right(sorted_means, observed - rounding)
    not_above = bisect_right(sorted_means, observed + rounding)
    share = (below + not_above) / (2.0 * count)
    return normal_quantile(min(max(share, 0.5 / count), 1.0 - 0.5 / count))


def _skew(groups: list[_Group]) -> float:
    """Return the acceleration a = sum d^3 / (6 (sum d^2)^1.5) of the jackknife deviations d."""
    influence = _influence(groups)
    largest = max(map(abs, influence))
    # The ratio has no unit: dividing first keeps tiny differences from vanishing when squared.
    deviations = [one / largest for one in influence]
    squares = math.fsum(one * one for one in deviations)
    return math.fsum(one * one * one for one in deviations) / (6.0 * squares * math.sqrt(squares))


def _influence(groups: list[_Group]) -> list[float]:
    """Return the jackknife deviations: (G - 1) times what leaving each group out takes from the mean."""
    total = math.fsum(group.total for group in groups)
    n = sum(group.size for group in groups)
    left_out = [(total - group.total) / (n - group.size) for group in groups]
    center = math.fsum(left_out) / len(left_out)
    return [(len(groups) - 1) * (center - one) for one in left_out]


def _corrected(share: float, bias: float, skew: float) -> float:
    """Return the share whose quantile is the BCa bound."""
    shift = bias + normal_quantile(share)
    scale = 1.0 - skew * shift
    # Past the pole of the correction every resample lies on one side.
    return normal_cdf(bias + shift / scale) if scale > 0.0 else float(shift > 0.0)
