"""What does stopping early save, and at which error rate? Simulated: all cases, planned looks, a race.

Every table is seeded. Half of the cases are as hard for everybody, the other half for each on its own.
"""

from collections.abc import Callable
from itertools import combinations
from random import Random

import msgspec

from bakeoff.stats.grouped import GroupedRace
from bakeoff.stats.multiple import holm
from bakeoff.stats.race import Race, pair_differences
from bakeoff.stats.resampling import sign_flip, sign_test
from bench._table import show

CASES, STEP, LOOKS = 1_000, 20, 5
ALPHA = 0.05
CLUSTER = 5

FIELDS = {
    "2 equals": [0.7] * 2,
    "2, one 2 pt ahead": [0.72, 0.7],
    "2, one 5 pt ahead": [0.75, 0.7],
    "2, one 10 pt ahead": [0.8, 0.7],
    "2, one 20 pt ahead": [0.9, 0.7],
    "4 equals": [0.7] * 4,
    "4, one 10 pt ahead": [0.8, *[0.7] * 3],
    "8 equals": [0.7] * 8,
    "8, one 10 pt ahead": [0.8, *[0.7] * 7],
    "8 spread over 35 pt": [0.9 - 0.05 * at for at in range(8)],
}
IN_CLUSTERS = ("2 equals", "4 equals", "2, one 20 pt ahead")


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """Systems that are right in these shares of cases, and their answers."""

    truth: dict[str, float]
    scores: dict[str, list[float]]
    groups: list[int] | None


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How one race ended: whether a claim was wrong, whether one was left, and answers asked for."""

    wrong: bool
    found: bool
    asked: int


def run(share: float = 1.0) -> None:
    """Print wrong claims, winners found, and the share of answers that were not asked for."""
    draws = max(10, round(200 * share))
    _table("independent cases", FIELDS, draws, clustered=False)
    in_clusters = {name: FIELDS[name] for name in IN_CLUSTERS}
    _table(f"clusters of {CLUSTER}", in_clusters, draws, clustered=True)


def _table(title: str, fields: dict[str, list[float]], draws: int, *, clustered: bool) -> None:
    methods: dict[str, Callable[[Drawn], Ending]] = {"once": _once, "looks": _looks, "race": _race}
    rows = []
    for name, shares in fields.items():
        drawn = [_draw(Random(f"{name} {seed}"), shares, clustered=clustered) for seed in range(draws)]
        cells: list[float] = []
        for method in methods.values():
            ends = [method(one) for one in drawn]
            cells += [sum(end.wrong for end in ends) / draws, sum(end.found for end in ends) / draws]
            if method is not _once:
                cells.append(1.0 - sum(end.asked for end in ends) / (draws * CASES * len(shares)))
        rows.append((name, *cells))
    columns = (
        "systems",
        "once: wrong",
        "found",
        "looks: wrong",
        "found",
        "saved",
        "race: wrong",
        "found",
        "saved",
    )
    show(f"{title}: {CASES:,} cases, {draws:,} draws, alpha {ALPHA:.0%}", columns, rows)


def _draw(rng: Random, shares: list[float], *, clustered: bool) -> Drawn:
    hard = [rng.random() for _ in range(CASES)]
    scores: dict[str, list[float]] = {}
    for at, share in enumerate(shares):
        own = [rng.random() for _ in range(CASES)]
        if clustered:  # four of five cases of a cluster are as hard for a system as its first
            own = [own[i - i % CLUSTER] if i % CLUSTER < CLUSTER - 1 else own[i] for i in range(CASES)]
        else:
            own = [own[i] if i % 2 else hard[i] for i in range(CASES)]
        scores[f"m{at}"] = [float(each < share) for each in own]
    return Drawn(
        truth={f"m{at}": share for at, share in enumerate(shares)},
        scores=scores,
        groups=[at // CLUSTER for at in range(CASES)] if clustered else None,
    )


def _once(drawn: Drawn) -> Ending:
    """Ask all cases, test every pair once, adjust by Holm; found: one is better than all others."""
    pairs = list(combinations(drawn.scores, 2))
    gaps = [pair_differences(drawn.scores[a], drawn.scores[b], drawn.groups) for a, b in pairs]
    adjusted = holm([_p(each) for each in gaps])
    lost = [
        (pair if sum(gap) < 0.0 else pair[::-1])
        for pair, gap, p in zip(pairs, gaps, adjusted, strict=True)
        if p is not None and p <= ALPHA
    ]
    return Ending(
        wrong=any(drawn.truth[winner] <= drawn.truth[loser] for loser, winner in lost),
        found=len({loser for loser, _ in lost}) == len(drawn.scores) - 1,
        asked=CASES * len(drawn.scores),
    )


def _p(gap: list[float]) -> float:
    if all(each in {-1.0, 0.0, 1.0} for each in gap):
        return sign_test(gap.count(1.0), gap.count(-1.0))
    return sign_flip(gap, draws=1_000).p


def _looks(drawn: Drawn) -> Ending:
    each = CASES // LOOKS
    per_look = each if drawn.groups is None else each // CLUSTER
    race = GroupedRace(list(drawn.scores), [per_look * look for look in range(1, LOOKS + 1)], alpha=ALPHA)
    return _followed(race, drawn, each)


def _race(drawn: Drawn) -> Ending:
    return _followed(Race(list(drawn.scores), alpha=ALPHA), drawn, STEP)


def _followed(race: Race | GroupedRace, drawn: Drawn, step: int) -> Ending:
    state, asked = race.state, 0
    for at in range(0, CASES, step):
        asked += step * len(state.remaining)
        scores = {name: drawn.scores[name][at : at + step] for name in state.remaining}
        state = race.add(scores, groups=drawn.groups and drawn.groups[at : at + step])
        if state.state != "open":
            break
    return Ending(
        wrong=any(drawn.truth[loss.winner] <= drawn.truth[loss.name] for loss in state.losses),
        found=state.state == "decided",
        asked=asked,
    )
