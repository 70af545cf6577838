"""Boundaries for a few planned looks at growing data: group-sequential tests with O'Brien & Fleming's shape.

A look may use any p-value that is right for its data (McNemar, sign flip): compare it with the look's `p`.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

import msgspec

from bakeoff.stats.special import normal_cdf, normal_quantile

_CELLS, _MOST_CELLS = 120, 2_000
_SMALL, _FINE, _COARSE = 1.2, 50, 5


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """When to look and what to ask: stop if |z| >= `z`, which is the two-sided p-value <= `p`.

    `n` is the number of cases, `spent` the chance, without any difference, to have stopped by then.
    """

    n: int
    z: float
    p: float
    spent: float


def obrien_fleming(sizes: Sequence[int], *, alpha: float = 0.05) -> tuple[Look, ...]:
    """Return two-sided O'Brien-Fleming boundaries z_k = c sqrt(n_K / n_k) for looks at `sizes` cases.

    c makes the chance of crossing at any look alpha (O'Brien & Fleming 1979; for equal steps it is C_B of
    Jennison & Turnbull 2000, table 2.3: 2.040 for 5 looks at 5 %), by the recursion of Armitage, McPherson
    & Rowe 1969.

    Raises:
        ValueError: no sizes, sizes that do not grow from at least 1, alpha outside (0, 1).
    """
    fractions = _fractions(sizes, alpha)

    def left(c: float) -> float:
        return _spent(fractions, tuple(c / math.sqrt(share) for share in fractions))[-1] - alpha

    # One look needs z_{alpha/2}; Bonferroni over all of them is more than enough.
    c = _falling_root(
        left, normal_quantile(1.0 - alpha / 2.0) - 1e-6, normal_quantile(1.0 - alpha / 2.0 / len(sizes))
    )
    return _looks(sizes, fractions, [c / math.sqrt(share) for share in fractions])


def obrien_fleming_p(sizes: Sequence[int], seen: Sequence[float]) -> float:
    """Return the smallest alpha at which the p-values `seen` at the looks so far would have crossed.

    A repeated p-value (Jennison & Turnbull 2000, ch. 9): it only falls from look to look, and is at most
    alpha with probability alpha whenever one stops. The boundary's constant is rounded down, which only
    makes p larger: to 1/50, and below 1.2, where p is above 0.2, to 1/5.

    Args:
        sizes: cases at every planned look.
        seen: two-sided p-values of the first looks.

    Raises:
        ValueError: sizes that do not grow from at least 1, more p-values than looks.
    """
    fractions = _fractions(sizes, 0.5)
    if len(seen) > len(sizes):
        raise ValueError(f"{len(sizes)} looks were planned, {len(seen)} taken")
    c = max((_constant(p, share) for p, share in zip(seen, fractions, strict=False)), default=0.0)
    # Rounding lets few constants stand for all, whose integrals are kept.
    grid = _FINE if c >= _SMALL else _COARSE
    return _chance(fractions, math.floor(c * grid) / grid)


def _constant(p: float, share: float) -> float:
    """Return the constant of the boundary that a p-value lies on."""
    return max(0.0, -normal_quantile(max(p, 1e-300) / 2.0)) * math.sqrt(share)


@lru_cache(maxsize=4096)
def _chance(fractions: tuple[float, ...], c: float) -> float:
    """Return the chance of ever crossing the boundary with this constant."""
    if c < 0.5:  # the last look alone crosses more often than not
        return 1.0
    if c > 8.0:  # nothing is left to integrate: the sum over the looks bounds it
        return min(1.0, sum(2.0 * normal_cdf(-c / math.sqrt(share)) for share in fractions))
    return min(1.0, _spent(fractions, tuple(c / math.sqrt(share) for share in fractions))[-1])


def spending(sizes: Sequence[int], *, alpha: float = 0.05) -> tuple[Look, ...]:
    """Return two-sided boundaries that spend alpha as O'Brien & Fleming would, for looks fixed as one goes.

    By the share t of the last size, 4 (1 - Phi(z_{alpha/4} / sqrt t)) is spent, half on each side (Lan &
    DeMets 1983). A look depends only on the earlier ones, so a later look may move as long as the last size
    stays.

    Raises:
        ValueError: as `obrien_fleming`.
    """
    fractions = _fractions(sizes, alpha)
    z = normal_quantile(1.0 - alpha / 4.0)
    bounds: list[float] = []
    for at, share in enumerate(fractions):
        budget = 4.0 * normal_cdf(-z / math.sqrt(share))
        spent = _spent(fractions, tuple(bounds))[-1] if at else 0.0

        def left(bound: float, at: int = at, rest: float = budget - spent) -> float:
            return _crossing(fractions, at, tuple(bounds), bound) - rest

        bounds.append(_falling_root(left, 0.0, 40.0))
    return _looks(sizes, fractions, bounds)


def _fractions(sizes: Sequence[int], alpha: float) -> tuple[float, ...]:
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha lies between 0 and 1, got {alpha}")
    if not sizes or min(sizes) < 1 or any(b <= a for a, b in pairwise(sizes)):
        raise ValueError(f"looks need growing numbers of cases, at least 1, got {list(sizes)}")
    return tuple(size / sizes[-1] for size in sizes)


def _looks(sizes: Sequence[int], fractions: tuple[float, ...], bounds: Sequence[float]) -> tuple[Look, ...]:
    spent = _spent(fractions, tuple(bounds))
    return tuple(
        Look(n=n, z=z, p=2.0 * normal_cdf(-z), spent=share)
        for n, z, share in zip(sizes, bounds, spent, strict=True)
    )


def _falling_root(left: Callable[[float], float], low: float, high: float) -> float:
    """Return where `left` falls through 0, from below it: false position, every third step a half."""
    at_low, at_high = left(low), left(high)
    if at_high > 0.0:
        return high
    turn = 0
    while high - low > 1e-7 and not -1e-12 < at_high <= 0.0:
        middle = (low * at_high - high * at_low) / (at_high - at_low) if turn % 3 else 0.5 * (low + high)
        value = left(middle)
        if value > 0.0:
            low, at_low = middle, value
        else:
            high, at_high = middle, value
        turn += 1
    return high


@lru_cache(maxsize=256)
def _density(fractions: tuple[float, ...], bounds: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """Return points of the Brownian motion after `bounds`, none crossed, each with density times step.

    Simpson's rule inside the last boundary, fine enough for the steps before and after this look.
    """
    if not bounds:
        return ((0.0, 1.0),)
    at = len(bounds) - 1
    time = fractions[at]
    scale = _scale(fractions, at)
    finest = min(scale, _scale(fractions, at + 1)) if at + 1 < len(fractions) else scale
    # Beyond eight standard deviations nothing is left to integrate.
    edge = min(bounds[-1], 8.0) * math.sqrt(time)
    cells = min(_MOST_CELLS, max(_CELLS, 2 * math.ceil(3.0 * edge / finest)))
    step = 2.0 * edge / cells
    earlier = _density(fractions, bounds[:-1])
    points: list[tuple[float, float]] = []
    for cell in range(cells + 1):
        at_point = -edge + cell * step
        simpson = 1.0 if cell in {0, cells} else 4.0 if cell % 2 else 2.0
        density = math.fsum(
            weight * math.exp(-0.5 * ((at_point - place) / scale) ** 2) for place, weight in earlier
        ) / (scale * math.sqrt(2.0 * math.pi))
        points.append((at_point, density * simpson * step / 3.0))
    return tuple(points)


def _scale(fractions: tuple[float, ...], at: int) -> float:
    """Return the standard deviation of the step to a look."""
    return math.sqrt(fractions[at] - (fractions[at - 1] if at else 0.0))


def _crossing(fractions: tuple[float, ...], at: int, before: tuple[float, ...], bound: float) -> float:
    """Return the chance of crossing `bound` at look `at`, and none of the bounds `before`."""
    scale = _scale(fractions, at)
    edge = bound * math.sqrt(fractions[at])
    return math.fsum(
        weight * (normal_cdf((-edge - place) / scale) + normal_cdf((place - edge) / scale))
        for place, weight in _density(fractions, before)
    )


def _spent(fractions: tuple[float, ...], bounds: tuple[float, ...]) -> list[float]:
    """Return the chance of having crossed by each look."""
    return list(accumulate(_crossing(fractions, at, bounds[:at], bound) for at, bound in enumerate(bounds)))
