"""Strengths of players from games of two that may end in a tie: Bradley-Terry with Davidson's ties.

P(i beats j) = s_i / D, P(tie) = nu sqrt(s_i s_j) / D, D = s_i + s_j + nu sqrt(s_i s_j); Davidson, JASA 65,
1970. Strengths are told as logarithms around a mean of 0. Knows no judges and no prompts.
"""

import math
from collections.abc import Hashable, Sequence
from random import Random

import msgspec

from bakeoff.stats.checks import check_level
from bakeoff.stats.quantiles import quantile

_MOST_ROUNDS = 20_000
"""A fit that has not settled by then is as near as rounding lets it come."""
_RESAMPLE_PRIOR = 0.5
_LANE = 32
_MASK = (1 << _LANE) - 1


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """One game: `score` is 1 where `a` won, 0 where `b` won, 0.5 for a tie.

    `cluster` names the prompt that it was on; None makes it a cluster of its own.
    """

    a: str
    b: str
    score: float
    cluster: Hashable = None


class Strength(msgspec.Struct, frozen=True, kw_only=True):
    """A player's log strength (natural units, the mean of all is 0), its interval, and its places.

    `low`, `high`, the ranks and `best` are None without resampling. `rank_low` is the best place (1 is first)
    in the middle `level` of the resamples, `rank_high` the worst; `best` the share of resamples in which it
    is first, shared first places split evenly.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    rank_low: int | None
    rank_high: int | None
    best: float | None
    games: int


class Strengths(msgspec.Struct, frozen=True, kw_only=True):
    """All players, strongest first.

    Attributes:
        ties: nu; the chance of a tie between equals is nu / (2 + nu). Infinite where every game was a tie.
        prior: weight of the imagined win and loss of each player that the fit was given.
        games: how many games.
        clusters: how many clusters were redrawn; each game is one where none was named.
        helped: share of resamples that had no finite fit of their own and were fitted with a prior of 0.5.
    """

    players: tuple[Strength, ...]
    ties: float
    prior: float
    level: float
    games: int
    clusters: int
    helped: float

    def chance(self, a: str, b: str) -> "Outcome":
        """Return the fitted chances of the outcomes of a game.

        Raises:
            ValueError: a name that did not play.
        """
        values = {player.name: player.value for player in self.players}
        for name in (a, b):
            if name not in values:
                raise ValueError(f"`{name}` played no game; players: {', '.join(sorted(values))}")
        if math.isinf(self.ties):
            return Outcome(win=0.0, tie=1.0, loss=0.0)
        gap = values[a] - values[b]
        # Everything over sqrt(s_a s_b), so that only the gap counts.
        win, loss = math.exp(min(gap / 2.0, 300.0)), math.exp(min(-gap / 2.0, 300.0))
        total = win + loss + self.ties
        return Outcome(win=win / total, tie=self.ties / total, loss=loss / total)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Chances of the three outcomes of a game, seen from its first player."""

    win: float
    tie: float
    loss: float


class _Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs (i < j) that met, each with wins of i, ties, wins of j."""

    pairs: tuple[tuple[int, int], ...]
    counts: tuple[tuple[float, float, float], ...]


class _Fit(msgspec.Struct, frozen=True, kw_only=True):
    strengths: list[float]
    ties: float


def fit_strengths(
    games: Sequence[Game],
    *,
    prior: float = 0.0,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 500,
) -> Strengths:
    """Return the most likely strengths, with percentile intervals from redrawing whole clusters of games.

    Fitted by minorise-maximise steps (Hunter 2004, extended to Davidson's D by bounding the geometric mean):
    s_i = (wins_i + ties_i / 2) / sum_j n_ij (1 + nu sqrt(s_j / s_i) / 2) / D_ij, nu = ties / sum_ij n_ij
    sqrt(s_i s_j) / D_ij. Strengths have no finite value where a group of players never lost nor tied against
    the rest (Ford 1957). Then a `prior` above 0 is needed: each player is given a win and a loss of this
    weight together against an imagined player of average strength. `resamples=0` leaves out intervals.

    Raises:
        ValueError: no games, a game against itself, another score than 0, 0.5 and 1, a negative prior or
            number of resamples, level outside (0, 1), or no finite fit (the message names the players).
    """
    check_level(level)
    _check(games, prior, resamples)
    names = sorted({name for game in games for name in (game.a, game.b)})
    pairs, clusters = _tally(games, names)
    counts = _unpack(pairs, sum(clusters))
    if prior == 0.0 and (winners := _unbeaten(counts, len(names))):
        held = ", ".join(f"`{names[at]}`" for at in sorted(winners))
        raise ValueError(
            f"{held} took every point from the others, or never met them, "
            "so strengths have no finite value; give a prior"
        )
    fitted = _fit(counts, [1.0] * len(names), 1.0, prior, 1e-9)
    rows: list[list[float]] = []
    helped = 0
    rng = Random(seed)
    for _ in range(resamples):
        drawn = _unpack(pairs, sum(rng.choices(clusters, k=len(clusters))))
        lost = prior == 0.0 and bool(_unbeaten(drawn, len(names)))
        helped += lost
        again = _fit(drawn, fitted.strengths, fitted.ties, _RESAMPLE_PRIOR if lost else prior, 1e-5)
        rows.append(_logs(again.strengths))
    return Strengths(
        players=_players(games, names, fitted, rows, level),
        ties=fitted.ties,
        prior=prior,
        level=level,
        games=len(games),
        clusters=len(clusters),
        helped=helped / resamples if resamples else 0.0,
    )


def _check(games: Sequence[Game], prior: float, resamples: int) -> None:
    if not games:
        raise ValueError("no games, so no strengths")
    if not (0.0 <= prior < math.inf) or resamples < 0:
        raise ValueError(f"prior and resamples are at least 0, got {prior} and {resamples}")
    for game in games:
        if game.a == game.b:
            raise ValueError(f"`{game.a}` cannot play against itself")
        if game.score not in {0.0, 0.5, 1.0}:
            raise ValueError(f"a game scores 1, 0.5 or 0, got {game.score}")


def _tally(games: Sequence[Game], names: Sequence[str]) -> tuple[tuple[tuple[int, int], ...], list[int]]:
    """Return the pairs that met, and each cluster's counts packed into one whole number, 32 bits a count."""
    place = {name: at for at, name in enumerate(names)}
    lanes: dict[tuple[int, int], int] = {}
    clusters: dict[Hashable, int] = {}
    for number, game in enumerate(games):
        i, j, score = place[game.a], place[game.b], game.score
        if i > j:
            i, j, score = j, i, 1.0 - score
        lane = 3 * lanes.setdefault((i, j), len(lanes)) + round(2.0 * (1.0 - score))
        key = (0, number) if game.cluster is None else (1, game.cluster)
        clusters[key] = clusters.get(key, 0) + (1 << _LANE * lane)
    return tuple(lanes), list(clusters.values())


def _unpack(pairs: tuple[tuple[int, int], ...], total: int) -> _Counts:
    counts: list[tuple[float, float, float]] = []
    for _ in pairs:
        win, tie, loss = (total >> _LANE * at & _MASK for at in range(3))
        counts.append((float(win), float(tie), float(loss)))
        total >>= 3 * _LANE
    return _Counts(pairs=pairs, counts=tuple(counts))


def _unbeaten(counts: _Counts, players: int) -> set[int]:
    """Return a group that took every point from the rest, or met none of it; empty where there is none."""
    upwards = _reach(counts, 0, players, up=True)
    if len(upwards) < players:
        # Nobody outside took a point from those inside.
        return upwards
    downwards = _reach(counts, 0, players, up=False)
    return set() if len(downwards) == players else set(range(players)) - downwards


def _reach(counts: _Counts, start: int, players: int, *, up: bool) -> set[int]:
    """Return who is linked to `start` by a chain of took-a-point-from (`up`) or gave-a-point-to."""
    above: list[set[int]] = [set() for _ in range(players)]
    for (i, j), (win, tie, loss) in zip(counts.pairs, counts.counts, strict=True):
        if win or tie:
            above[j if up else i].add(i if up else j)
        if loss or tie:
            above[i if up else j].add(j if up else i)
    found, open_ends = {start}, [start]
    while open_ends:
        new = above[open_ends.pop()] - found
        found |= new
        open_ends += new
    return found


def _fit(counts: _Counts, start: Sequence[float], ties: float, prior: float, precision: float) -> _Fit:
    """Climb to the most likely strengths, until no log strength moves by more than `precision`."""
    strengths = list(start)
    players = len(strengths)
    tied = math.fsum(tie for _, tie, _ in counts.counts)
    played = math.fsum(map(math.fsum, counts.counts))
    if tied == played:
        return _Fit(strengths=[1.0] * players, ties=math.inf)
    points = [prior / 2.0] * players
    for (i, j), (win, tie, loss) in zip(counts.pairs, counts.counts, strict=True):
        points[i] += win + tie / 2.0
        points[j] += loss + tie / 2.0
    nu = ties if tied and 0.0 < ties < math.inf else float(tied > 0.0)
    met = [
        (i, j, math.fsum(three))
        for (i, j), three in zip(counts.pairs, counts.counts, strict=True)
        if any(three)
    ]
    rounds, moved = 0, math.inf
    while moved > precision and rounds < _MOST_ROUNDS:
        rounds += 1
        roots = [math.sqrt(one) for one in strengths]
        below = [prior / (1.0 + one) for one in strengths]
        even = 0.0
        for i, j, n in met:
            middle = roots[i] * roots[j]
            share = n / (strengths[i] + strengths[j] + nu * middle)
            below[i] += share * (1.0 + 0.5 * nu * roots[j] / roots[i])
            below[j] += share * (1.0 + 0.5 * nu * roots[i] / roots[j])
            even += share * middle
        fresh = [max(point / under, 1e-150) for point, under in zip(points, below, strict=True)]
        moved = max(abs(math.log(new / old)) for new, old in zip(fresh, strengths, strict=True))
        moved = max(moved, abs(tied / even - nu) if even else 0.0)
        strengths, nu = (fresh if prior else _centered(fresh)), tied / even
    return _Fit(strengths=strengths, ties=nu)


def _centered(strengths: list[float]) -> list[float]:
    middle = math.exp(math.fsum(map(math.log, strengths)) / len(strengths))
    return [one / middle for one in strengths]


def _logs(strengths: list[float]) -> list[float]:
    logs = [math.log(one) for one in strengths]
    middle = math.fsum(logs) / len(logs)
    return [one - middle for one in logs]


def _players(
    games: Sequence[Game], names: Sequence[str], fitted: _Fit, rows: list[list[float]], level: float
) -> tuple[Strength, ...]:
    played = dict.fromkeys(names, 0)
    for game in games:
        played[game.a] += 1
        played[game.b] += 1
    tail = (1.0 - level) / 2.0
    ranks = [[1 + sum(other > one + 1e-9 for other in row) for one in row] for row in rows]
    found: list[Strength] = []
    for at, (name, value) in enumerate(zip(names, _logs(fitted.strengths), strict=True)):
        values = sorted(row[at] for row in rows)
        places = sorted(float(row[at]) for row in ranks)
        firsts = math.fsum(1.0 / row.count(1) for row in ranks if row[at] == 1)
        found.append(
            Strength(
                name=name,
                value=value,
                low=quantile(values, tail) if rows else None,
                high=quantile(values, 1.0 - tail) if rows else None,
                rank_low=math.floor(quantile(places, tail)) if rows else None,
                rank_high=math.ceil(quantile(places, 1.0 - tail)) if rows else None,
                best=firsts / len(rows) if rows else None,
                games=played[name],
            )
        )
    return tuple(sorted(found, key=lambda one: -one.value))
