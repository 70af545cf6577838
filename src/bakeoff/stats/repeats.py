"""Bring repeated measurements to one value per key, and two such sets side by side.

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
