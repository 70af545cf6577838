"""Bring repeated measurements to one value per key, two such sets side by side, and tell what varies.

Repeats of one case are not independent cases: averaging them first keeps n honest.
"""

import math
from collections.abc import Sequence

import msgspec

from bakeoff.stats.checks import check_finite, check_same_length


class KeyedMeans(msgspec.Struct, frozen=True, kw_only=True):
    """One mean per key, keys in order of first appearance."""

    keys: tuple[str, ...]
    means: tuple[float, ...]


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """Two sets over the keys that both have, in the order of the first."""

    keys: tuple[str, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]


class VarianceParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the variance of a single measurement is made of.

    Attributes:
        between: variance of the keys' true means; 0 where the means differ no more than chance explains.
        within: variance of the repeats of one key.
        keys: keys with at least one value.
        n: values.
    """

    between: float
    within: float
    keys: int
    n: int


def average_repeats(keys: Sequence[str], values: Sequence[float]) -> KeyedMeans:
    """Return the mean of the values of each key; `keys[i]` names what `values[i]` was measured on.

    Raises:
        ValueError: unequal lengths, NaN or an infinity.
    """
    check_same_length(keys, values)
    check_finite(values, at_least=0)
    groups: dict[str, list[float]] = {}
    for key, value in zip(keys, values, strict=True):
        groups.setdefault(key, []).append(value)
    means = tuple(math.fsum(group) / len(group) for group in groups.values())
    return KeyedMeans(keys=tuple(groups), means=means)


def match(a: KeyedMeans, b: KeyedMeans) -> Matched:
    """Return both over their shared keys; what only one has is left out (compare `len(keys)`)."""
    of_b = dict(zip(b.keys, b.means, strict=True))
    shared = [(key, mean) for key, mean in zip(a.keys, a.means, strict=True) if key in of_b]
    return Matched(
        keys=tuple(key for key, _ in shared),
        a=tuple(mean for _, mean in shared),
        b=tuple(of_b[key] for key, _ in shared),
    )


def pass_at(k: int, *, n: int, passed: int) -> float:
    """Return the chance that at least one of `k` answers drawn from `n`, of which some passed, has passed.

    The unbiased estimator 1 - C(n - passed, k) / C(n, k) of Chen et al. 2021 (arXiv 2107.03374).

    Raises:
        ValueError: `k` is not within 1..n, or `passed` not within 0..n.
    """
    _check_draw(k, n, passed)
    return 1.0 - math.comb(n - passed, k) / math.comb(n, k)


def pass_all(k: int, *, n: int, passed: int) -> float:
    """Return the chance that all of `k` answers drawn from `n`, of which some passed, have passed (pass^k).

    C(passed, k) / C(n, k), Yao et al. 2024 (arXiv 2406.12045).

    Raises:
        ValueError: as for `pass_at`.
    """
    _check_draw(k, n, passed)
    return math.comb(passed, k) / math.comb(n, k)


def split_variance(groups: Sequence[Sequence[float]]) -> VarianceParts | None:
    """Return the variance between and within groups of repeats; None where either cannot be estimated.

    The method of moments of a one-way analysis of variance with random effects and unequal group sizes
    (Searle, Casella, McCulloch: Variance Components, 1992, §3.6); a negative part is 0.

    Args:
        groups: the repeats of each key; empty ones are passed over.
    """
    filled = [group for group in groups if group]
    n, keys = sum(map(len, filled)), len(filled)
    if keys < 2 or n == keys:
        return None
    means = [math.fsum(group) / len(group) for group in filled]
    whole = math.fsum(value for group in filled for value in group) / n
    inside = math.fsum((x - mean) ** 2 for group, mean in zip(filled, means, strict=True) for x in group)
    outside = math.fsum(len(group) * (mean - whole) ** 2 for group, mean in zip(filled, means, strict=True))
    within = inside / (n - keys)
    size = (n - math.fsum(len(group) ** 2 for group in filled) / n) / (keys - 1)
    between = max(0.0, (outside / (keys - 1) - within) / size)
    return VarianceParts(between=between, within=within, keys=keys, n=n)


def _check_draw(k: int, n: int, passed: int) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"k is {k}; it must be within 1 and n, which is {n}")
    if not 0 <= passed <= n:
        raise ValueError(f"passed is {passed}; it must be within 0 and n, which is {n}")
