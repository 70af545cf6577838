"""Rank named values only as far as their pairwise tests allow: sets that tie with the best, rank intervals.

A pair without a p-value, or not tested at all, counts as "cannot be told apart".
"""

from collections.abc import Sequence

import msgspec

from bakeoff.stats.checks import check_finite, check_share


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A named value to rank."""

    name: str
    value: float


class Pairwise(msgspec.Struct, frozen=True, kw_only=True):
    """The adjusted p-value of the difference between two names; None where there was no test."""

    a: str
    b: str
    p: float | None


class TiedSet(msgspec.Struct, frozen=True, kw_only=True):
    """The best name and those that cannot be told from it (best value first, `best` left out)."""

    best: str
    tied: tuple[str, ...]


class RankInterval(msgspec.Struct, frozen=True, kw_only=True):
    """The places (1 is best) that a name may hold: `low` the best of them, `high` the worst."""

    name: str
    low: int
    high: int


def tied_with_best(
    standings: Sequence[Standing],
    pairs: Sequence[Pairwise],
    *,
    alpha: float = 0.05,
    higher_is_better: bool = True,
) -> TiedSet:
    """Return the best name and all that are not significantly different from it (adjusted p >= alpha).

    Equal values keep the order given.

    Raises:
        ValueError: no standings, a doubled name, a NaN value, a p-value outside 0..1, alpha outside 0..1.
    """
    ordered = _ordered(standings, higher_is_better=higher_is_better)
    apart = _told_apart(pairs, alpha)
    best = ordered[0]
    tied = tuple(other.name for other in ordered[1:] if frozenset((best.name, other.name)) not in apart)
    return TiedSet(best=best.name, tied=tied)


def rank_intervals(
    standings: Sequence[Standing],
    pairs: Sequence[Pairwise],
    *,
    alpha: float = 0.05,
    higher_is_better: bool = True,
) -> tuple[RankInterval, ...]:
    """Return for each name, best value first, the ranks it may hold.

    low = 1 + number significantly better, high = k - number significantly worse; simultaneous when the
    p-values were adjusted over all pairs (Mogstad et al. 2024 with pairwise tests).

    Raises:
        ValueError: as `tied_with_best`.
    """
    ordered = _ordered(standings, higher_is_better=higher_is_better)
    apart = _told_apart(pairs, alpha)

    def count(name: str, others: Sequence[Standing], value: float) -> int:
        return sum(other.value != value and frozenset((name, other.name)) in apart for other in others)

    return tuple(
        RankInterval(
            name=one.name,
            low=1 + count(one.name, ordered[:place], one.value),
            high=len(ordered) - count(one.name, ordered[place + 1 :], one.value),
        )
        for place, one in enumerate(ordered)
    )


def _ordered(standings: Sequence[Standing], *, higher_is_better: bool) -> list[Standing]:
    check_finite([one.value for one in standings])
    if len({one.name for one in standings}) < len(standings):
        raise ValueError("a name stands twice among the standings")
    sign = -1.0 if higher_is_better else 1.0
    return sorted(standings, key=lambda one: sign * one.value)


def _told_apart(pairs: Sequence[Pairwise], alpha: float) -> set[frozenset[str]]:
    """Return the pairs whose difference is significant."""
    check_share(alpha, "alpha")
    known = [(pair, pair.p) for pair in pairs if pair.p is not None]
    for _, p in known:
        check_share(p, "a p-value")
    return {frozenset((pair.a, pair.b)) for pair, p in known if p < alpha}
