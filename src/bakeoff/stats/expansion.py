"""What resampling would find for hundreds of groups or more, computed instead of drawn. Knows no case names.

Both functions return None where the data are too few or too lopsided for the expansion: then draw.
"""

import math
import sys
from collections.abc import Sequence

from bakeoff.stats.intervals import Interval
from bakeoff.stats.special import normal_cdf, normal_quantile

ENOUGH = 256
"""Fewer groups are cheap to resample."""

_LARGEST_PART = 0.02
_MOST_SKEW, _MOST_KURTOSIS = 0.2, 0.5
_FEW_SIZES = 64


def signed_sum_p(sizes: Sequence[float], observed: float) -> float | None:
    """Return P(|sum of +-sizes| >= |observed|) under independent fair signs; sizes above 0, in any unit.

    Lugannani & Rice's tail 1 - Phi(w) + phi(w) (1/u - 1/w) at the saddlepoint K'(t) = |observed| of
    K(t) = sum log cosh(t size), w = sqrt(2 (t K' - K)), u = t sqrt(K''), doubled; half a step is taken off
    `observed` where the sums lie on a lattice (Daniels 1987). None below 256 sizes, where a single one holds
    over 2 % of the variance, and where nearly all signs agree.
    """
    variance = math.fsum(size * size for size in sizes)
    if len(sizes) < ENOUGH or max(sizes) ** 2 > _LARGEST_PART * variance:
        return None
    bar = abs(observed) - _lattice(sizes)
    x = bar / math.sqrt(variance)
    if x < 0.1:
        # The saddlepoint formula divides by w, which is about 0 here; Edgeworth's next term is below 1e-4.
        return min(1.0, 2.0 * normal_cdf(-x))
    if bar > 0.9 * math.fsum(sizes):
        return None
    t = bar / variance
    step, curve = math.inf, variance
    while abs(step) > 1e-10 * t:
        slopes = [math.tanh(t * size) for size in sizes]
        reached = math.fsum(size * slope for size, slope in zip(sizes, slopes, strict=True))
        curve = math.fsum(
            size * size * (1.0 - slope * slope) for size, slope in zip(sizes, slopes, strict=True)
        )
        # K' is concave in t > 0: from the left, Newton's steps go up and never too far.
        step = (bar - reached) / curve
        t += step
    w = math.sqrt(2.0 * (t * bar - math.fsum(_log_cosh(t * size) for size in sizes)))
    density = math.exp(-0.5 * w * w) / math.sqrt(2.0 * math.pi)
    tail = normal_cdf(-w) + density * (1.0 / (t * math.sqrt(curve)) - 1.0 / w)
    return min(1.0, max(2.0 * tail, sys.float_info.min))


def bca_mean(mean: float, influence: Sequence[float], *, level: float) -> Interval | None:
    """Return the BCa interval of a mean from what each group contributes to it.

    `influence` holds, for each of G groups, G times the change of the mean that its weight makes. Its
    skewness g and excess kurtosis k, divided by sqrt G and G, are those of the resampled mean; z0 = a = g/6
    (Efron 1987), and the quantile at a corrected z is Cornish & Fisher's z + g/6 (z^2-1) + k/24 (z^3-3z)
    - g^2/36 (2z^3-5z) standard errors. None below 256 groups, |g| > 0.2 or |k| > 0.5.
    """
    count = len(influence)
    if count < ENOUGH:
        return None
    center = math.fsum(influence) / count
    squares = [(one - center) ** 2 for one in influence]
    variance = math.fsum(squares) / count
    third = math.fsum(square * (one - center) for square, one in zip(squares, influence, strict=True)) / count
    fourth = math.fsum(square * square for square in squares) / count
    scale = math.sqrt(variance)
    skew = third / (variance * scale) / math.sqrt(count)
    kurtosis = (fourth / variance**2 - 3.0) / count
    if abs(skew) > _MOST_SKEW or abs(kurtosis) > _MOST_KURTOSIS:
        return None

    def bound(share: float) -> float:
        shift = skew / 6.0 + normal_quantile(share)
        z = skew / 6.0 + shift / (1.0 - skew / 6.0 * shift)
        z += skew / 6.0 * (z * z - 1.0) + kurtosis / 24.0 * (z**3 - 3.0 * z)
        return mean + scale / math.sqrt(count) * (z - skew * skew / 36.0 * (2.0 * z**3 - 5.0 * z))

    return Interval(low=bound((1.0 - level) / 2.0), high=bound((1.0 + level) / 2.0), level=level)


def _log_cosh(y: float) -> float:
    """Return log cosh y for y >= 0, without overflow."""
    return y + math.log1p(math.exp(-2.0 * y)) - math.log(2.0)


def _lattice(sizes: Sequence[float]) -> float:
    """Return half the step between possible sums: the sizes' common divisor; 0.0 where they share none."""
    distinct = set(sizes)
    if len(distinct) > _FEW_SIZES:
        return 0.0
    slack = 1e-7 * max(distinct)
    common = 0.0
    for size in distinct:
        while size > slack:
            common, size = size, math.fmod(common, size)  # noqa: PLW2901 - Euclid's algorithm eats its operands
            size = 0.0 if common - size <= slack else size  # noqa: PLW2901 - a rest just below the divisor is none
    return common if common > 100.0 * slack else 0.0
