"""How likely each of several systems is the best, and between which ranks each lies, over the same cases.

Cases (or whole clusters) are redrawn for all systems at once, so what they share cancels. The chance is a
share of resamples: it says how stable the first place is, not how much better the first one is.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from operator import mul
from random import Random

import msgspec

from bakeoff.stats.checks import check_finite, check_level, check_same_length
from bakeoff.stats.quantiles import quantile

_DRAWN_UNTIL = 1_000
_LANE, _FRACTION = 64, 30
_MASK = (1 << _LANE) - 1


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one system, one per case; every system has the same cases in the same order."""

    name: str
    values: Sequence[float]


class Chance(msgspec.Struct, frozen=True, kw_only=True):
    """Where one system stands when the cases are drawn anew.

    Attributes:
        best: share of resamples in which it is first; a first place shared by m systems counts 1/m for each.
        low: best place (1 is first) that it takes in the middle `level` of the resamples.
        high: worst such place.
        places: share of resamples in each place, first to last, shared places split evenly.
    """

    name: str
    mean: float
    best: float
    low: int
    high: int
    level: float
    places: tuple[float, ...]


class _Draws(msgspec.Struct, frozen=True, kw_only=True):
    """The systems by groups: totals[system][group], and how many cases each group has."""

    totals: list[list[float]]
    sizes: list[int]


def chances(
    systems: Sequence[Scores],
    *,
    clusters: Sequence[Hashable] | None = None,
    higher_is_better: bool = True,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 2_000,
) -> tuple[Chance, ...]:
    """Return each system's chance of being best and its rank interval, best mean first.

    The paired bootstrap of ranks (Hall & Miller 2009; as in Chatbot Arena, Chiang et al. 2024). Up to 1,000
    groups are redrawn, more are replaced by the normal distribution with the same covariance, to which
    their means then come close. Systems with equal means in a resample share their places.

    Raises:
        ValueError: no systems, a doubled name, no cases, NaN or an infinity, unequal lengths, level outside
            (0, 1), resamples below 1.
    """
    check_level(level)
    _check(systems, clusters, resamples)
    grouped = _grouped([system.values for system in systems], clusters)
    rng = Random(seed)
    rows = (
        _normal(grouped, resamples, rng)
        if len(grouped.sizes) > _DRAWN_UNTIL
        else _drawn(grouped, resamples, rng)
    )
    sign = 1.0 if higher_is_better else -1.0
    places = [[0.0] * len(systems) for _ in systems]
    ranks: list[list[float]] = [[] for _ in systems]
    for row in rows:
        _count(row, sign, places, ranks)
    tail = (1.0 - level) / 2.0
    found: list[Chance] = []
    for at, system in enumerate(systems):
        ordered = sorted(ranks[at])
        found.append(
            Chance(
                name=system.name,
                mean=math.fsum(system.values) / len(system.values),
                best=places[at][0] / resamples,
                low=math.floor(quantile(ordered, tail)),
                high=math.ceil(quantile(ordered, 1.0 - tail)),
                level=level,
                places=tuple(share / resamples for share in places[at]),
            )
        )
    return tuple(sorted(found, key=lambda one: -sign * one.mean))


def _check(systems: Sequence[Scores], clusters: Sequence[Hashable] | None, resamples: int) -> None:
    if not systems:
        raise ValueError("no systems, so no ranks")
    if len({system.name for system in systems}) < len(systems):
        raise ValueError("a name stands twice among the systems")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    for system in systems:
        check_finite(system.values)
        check_same_length(system.values, systems[0].values)
        check_same_length(system.values, clusters or system.values)


def _grouped(columns: Sequence[Sequence[float]], clusters: Sequence[Hashable] | None) -> _Draws:
    if clusters is None:
        return _Draws(totals=[list(values) for values in columns], sizes=[1] * len(columns[0]))
    names = list(dict.fromkeys(clusters))
    place = {name: at for at, name in enumerate(names)}
    at_group = [place[name] for name in clusters]
    sizes = [0] * len(names)
    for group in at_group:
        sizes[group] += 1
    totals: list[list[float]] = []
    for values in columns:
        sums = [0.0] * len(names)
        for group, value in zip(at_group, values, strict=True):
            sums[group] += value
        totals.append(sums)
    return _Draws(totals=totals, sizes=sizes)


def _drawn(grouped: _Draws, resamples: int, rng: Random) -> Iterable[list[float]]:
    """Yield resampled means of all systems.

    The totals of a group are packed side by side into one whole number, so that one addition adds them all:
    30 bits for the fraction of the range, the rest of 64 for carrying.
    """
    sizes, count = grouped.sizes, len(grouped.sizes)
    low = min(0.0, *map(min, grouped.totals))
    span = max(map(max, grouped.totals)) - low or 1.0
    unit = 1 << _FRACTION
    # Divided first: the unit over a tiny span would be infinite.
    lanes = [sizes, *([round((one - low) / span * unit) for one in totals] for totals in grouped.totals)]
    packed = [
        sum(value << (_LANE * at) for at, value in enumerate(group)) for group in zip(*lanes, strict=True)
    ]
    shifts = [_LANE * at for at in range(1, len(lanes))]
    for _ in range(resamples):
        total = sum(rng.choices(packed, k=count))
        n = total & _MASK
        yield [((total >> shift & _MASK) / unit * span + low * count) / n for shift in shifts]


def _normal(grouped: _Draws, resamples: int, rng: Random) -> Iterable[list[float]]:
    """Yield draws from the normal distribution that the resampled means come close to."""
    n = sum(grouped.sizes)
    means = [math.fsum(totals) / n for totals in grouped.totals]
    rests = [
        [(total - mean * size) / n for total, size in zip(totals, grouped.sizes, strict=True)]
        for totals, mean in zip(grouped.totals, means, strict=True)
    ]
    root = _root([[sum(map(mul, one, other)) for other in rests[: at + 1]] for at, one in enumerate(rests)])
    for _ in range(resamples):
        normals = [rng.gauss(0.0, 1.0) for _ in means]
        yield [mean + sum(map(mul, row, normals)) for mean, row in zip(means, root, strict=True)]


def _root(covariance: list[list[float]]) -> list[list[float]]:
    """Return the Cholesky factor of a lower triangle; a system without spread of its own gets none."""
    root: list[list[float]] = []
    for at, row in enumerate(covariance):
        line: list[float] = []
        for other in range(at):
            rest = row[other] - sum(map(mul, line, root[other]))
            line.append(rest / root[other][other] if root[other][other] else 0.0)
        rest = row[at] - sum(map(mul, line, line))
        line.append(math.sqrt(rest) if rest > 1e-12 * row[at] else 0.0)
        root.append(line)
    return root


def _count(row: list[float], sign: float, places: list[list[float]], ranks: list[list[float]]) -> None:
    """Add one resample's places to the counts; equal means share theirs."""
    order = sorted(range(len(row)), key=lambda at: -sign * row[at])
    start = 0
    while start < len(order):
        leader = row[order[start]]
        end = start + 1
        while end < len(order) and abs(row[order[end]] - leader) <= 1e-9 * max(1e-300, abs(leader)):
            end += 1
        for at in order[start:end]:
            ranks[at].append((start + 1 + end) / 2.0)
            for place in range(start, end):
                places[at][place] += 1.0 / (end - start)
        start = end
