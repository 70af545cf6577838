"""Intervals for means of values that follow each other in time and depend on their neighbours.

Requests that were in a server together share its slow spells: whole stretches are redrawn, not single values.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from random import Random

from bakeoff.stats.checks import check_finite, check_level, check_same_length
from bakeoff.stats.intervals import Interval
from bakeoff.stats.paired import PairedResult, compare_scores
from bakeoff.stats.quantiles import quantile
from bakeoff.stats.resampling import sign_flip
from bakeoff.stats.special import normal_quantile, t_quantile, t_two_sided

_RESAMPLES = 2_000
_FEWEST, _MOST = 4, 16
_LENGTHS = 3
_SHORT = 8


def block_length(values: Sequence[float]) -> int:
    """Return how many neighbours to redraw together, from how slowly the autocorrelation of `values` fades.

    b = (2 g^2 / (4/3 f^2))^(1/3) n^(1/3), f = sum w(k) R(k), g = sum |k| w(k) R(k) over lags -2m..2m with the
    flat-top window w(k) = min(1, 2 (1 - |k|/2m)), m the last lag before K = max(5, sqrt(log10 n)) lags in a
    row stay within 2 sqrt(log10(n) / n); Politis & White 2004, corrected by Patton, Politis & White 2009
    (circular). At least 1, at most n / 4.

    Raises:
        ValueError: no values, NaN or an infinity among them.
    """
    check_finite(values)
    n = len(values)
    most = max(1, n // 4)
    mean = math.fsum(values) / n
    centered = [value - mean for value in values]
    power = math.fsum(one * one for one in centered)
    if n < 8 or power <= n * (1e-12 * max(map(abs, values))) ** 2:
        return 1
    lags, last = _correlations(centered, power)
    window = min(2 * last, len(lags) - 1)
    weights = [min(1.0, 2.0 * (1.0 - lag / window)) for lag in range(1, window + 1)] if window else []
    level = 1.0 + 2.0 * math.fsum(weight * one for weight, one in zip(weights, lags[1:], strict=False))
    slope = 2.0 * math.fsum(
        lag * weight * one for lag, (weight, one) in enumerate(zip(weights, lags[1:], strict=False), start=1)
    )
    if level <= 1.0:
        # Neighbours that differ more than others cancel each other: single draws are on the safe side.
        return 1
    return min(most, max(1, math.ceil(math.cbrt(1.5 * (slope / level) ** 2 * n))))


def block_bootstrap(
    values: Sequence[float],
    *,
    block: int | None = None,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> Interval | None:
    """Return the circular block bootstrap interval of the mean of `values`, in the unit of the values.

    For paired differences of latencies, in the order in which the requests were due. Blocks of `block`
    neighbours (`block_length` where None) begin anywhere, the last value being followed by the first; the
    quantiles of the resampled means (Politis & Romano 1992) are stretched around the mean by
    t(G-1) / z, G = n / block, because few blocks know their own spread badly. None where all values are
    equal or fewer than 4 blocks fit.

    Raises:
        ValueError: no values, NaN or an infinity, block or resamples below 1, level outside (0, 1).
    """
    check_level(level)
    check_finite(values)
    if resamples < 1 or (block is not None and block < 1):
        raise ValueError(f"block and resamples must be at least 1, got {block} and {resamples}")
    n = len(values)
    length = block_length(values) if block is None else block
    mean = math.fsum(values) / n
    centered = [value - mean for value in values]
    if n < 4 * length or max(map(abs, centered)) <= 1e-12 * max(map(abs, values)):
        return None
    sums = _block_sums(centered, length)
    drawn = math.ceil(n / length)
    rng = Random(seed)
    means = sorted(math.fsum(rng.choices(sums, k=drawn)) / (drawn * length) for _ in range(resamples))
    tail = (1.0 - level) / 2.0
    # ceil(n / length) blocks hold a little more than n values.
    stretch = math.sqrt(drawn * length / n) * t_quantile(tail, n / length - 1.0) / normal_quantile(tail)
    low, high = (mean + stretch * quantile(means, share) for share in (tail, 1.0 - tail))
    return Interval(low=low, high=high, level=level)


def compare_neighbours(
    a: Sequence[float], b: Sequence[float], *, level: float = 0.95, seed: int = 0
) -> PairedResult:
    """Compare values of requests that followed each other, in the order in which they were due.

    Block bootstrap of the mean difference with n / G neighbours a block: as many blocks G as hold 3 times
    `block_length` each, at least 4 and at most 16. p = P(|T| >= |D| / se), T with G-1 degrees of freedom
    and se from the sums of all such blocks. Fewer than 8 values are compared as independent ones.

    Raises:
        ValueError: no pairs, NaN or an infinity, unequal lengths, level outside (0, 1).
    """
    check_same_length(a, b)
    n = len(a)
    if n < _SHORT:
        return compare_scores(a, b, level=level, seed=seed, shares=False)
    values = [one - other for one, other in zip(a, b, strict=True)]
    count = max(_FEWEST, min(_MOST, n // (_LENGTHS * block_length(values))))
    block = n // count
    interval = block_bootstrap(values, block=block, level=level, seed=seed)
    mean = math.fsum(values) / n
    if interval is None:
        batches = [at * count // n for at in range(n)]
        p, test = sign_flip(values, clusters=batches).p, f"sign flip over {count} blocks of neighbours"
    else:
        centered = [value - mean for value in values]
        squares = math.fsum(one * one for one in _block_sums(centered, block))
        error = math.sqrt(squares / n * (n / block)) / n
        p = t_two_sided(mean / error, n / block - 1.0)
        test = f"block bootstrap, {count} blocks of neighbours"
    return PairedResult(
        difference=mean,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        level=level,
        p=p,
        n=n,
        groups=count,
        only_a=sum(value > 0.0 for value in values),
        only_b=sum(value < 0.0 for value in values),
        test=test,
    )


def _block_sums(centered: Sequence[float], length: int) -> list[float]:
    """Return the sum of the block that begins at each value, the last being followed by the first."""
    ends = list(accumulate([*centered, *centered[: length - 1]], initial=0.0))
    return [end - start for start, end in zip(ends, ends[length:], strict=False)]


def _correlations(centered: Sequence[float], power: float) -> tuple[list[float], int]:
    """Return the autocorrelations from lag 0 as far as they are needed, and the last lag that counts.

    That is the one before the correlations stay within chance for several lags in a row; twice as many are
    needed.
    """
    n = len(centered)
    quiet = max(5, math.ceil(math.sqrt(math.log10(n))))
    bar = 2.0 * math.sqrt(math.log10(n) / n)
    most = min(n - 1, 2 * math.ceil(math.sqrt(n)) + 10)
    lags, run, last = [1.0], 0, most - 1
    for lag in range(1, most):
        if lag > 2 * last:
            break
        lags.append(math.fsum(map(float.__mul__, centered[lag:], centered)) / power)
        if last == most - 1:
            run = run + 1 if abs(lags[lag]) < bar else 0
            last = lag - quiet if run == quiet else last
    return lags, last
