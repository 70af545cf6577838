"""Strengths of players from games of two that may end in a tie: Bradley-Terry with Davidson's ties.

P(i beats j) = s_i / D, P(tie) = nu sqrt(s_i s_j) / D, D = s_i + s_j + nu sqrt(s_i s_j); Davidson, JASA 65,
1970. Strengths are told as logarithms around a mean of 0. Knows no judges and no prompts.
"""

import math
from collections.abc import Hashable, Sequence
from random import Random

import msgspec

from bakeoff.stats.checks import check_level
from bakeoff.stats.davidson import Counts, Fit, fit, one_way, unbeaten
from bakeoff.stats.quantiles import quantile

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


def fit_strengths(
    games: Sequence[Game],
    *,
    prior: float = 0.0,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 500,
) -> Strengths:
    """Return the most likely strengths, with percentile intervals from redrawing whole clusters of games.

    Fitted by Newton's method: at the maximum each player's points, wins and half the ties, are those that
    the chances promise, and so is the number of ties (Davidson 1970). Strengths have no finite value where a
    group of players never lost nor tied against the rest (Ford 1957), or where ties stand between wins that
    all go one way, so that strengths and ties grow together. Then a `prior` above 0 is needed: each player
    is given a win and a loss of this weight together against an imagined player of average strength.
    `resamples=0` leaves out intervals.

    Raises:
        ValueError: no games, a game against itself, another score than 0, 0.5 and 1, a negative prior or
            number of resamples, level outside (0, 1), or no finite fit (the message names the players).
    """
    check_level(level)
    _check(games, prior, resamples)
    names = sorted({name for game in games for name in (game.a, game.b)})
    pairs, clusters = _tally(games, names)
    counts = _unpack(pairs, sum(clusters))
    if prior == 0.0:
        _check_finite_fit(counts, names)
    fitted = fit(counts, [0.0] * len(names), 1.0, prior, 1e-9)
    rows: list[list[float]] = []
    helped = 0
    rng = Random(seed)
    for _ in range(resamples):
        drawn = _unpack(pairs, sum(rng.choices(clusters, k=len(clusters))))
        lost = prior == 0.0 and bool(unbeaten(drawn, len(names)) or one_way(drawn, len(names)))
        helped += lost
        again = fit(drawn, fitted.logs, fitted.ties, _RESAMPLE_PRIOR if lost else prior, 1e-5)
        rows.append(_centered(again.logs))
    return Strengths(
        players=_players(games, names, fitted, rows, level),
        ties=fitted.ties,
        prior=prior,
        level=level,
        games=len(games),
        clusters=len(clusters),
        helped=helped / resamples if resamples else 0.0,
    )


def _check_finite_fit(counts: Counts, names: Sequence[str]) -> None:
    for group, why in (
        (unbeaten(counts, len(names)), "took every point from the others, or never met them"),
        (one_way(counts, len(names)), "won, but no win was answered, and ties stand between"),
    ):
        if group:
            held = ", ".join(f"`{names[at]}`" for at in sorted(group))
            raise ValueError(f"{held} {why}, so strengths have no finite value; give a prior")


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


def _unpack(pairs: tuple[tuple[int, int], ...], total: int) -> Counts:
    counts: list[tuple[float, float, float]] = []
    for _ in pairs:
        win, tie, loss = (total >> _LANE * at & _MASK for at in range(3))
        counts.append((float(win), float(tie), float(loss)))
        total >>= 3 * _LANE
    return Counts(pairs=pairs, counts=tuple(counts))


def _centered(logs: list[float]) -> list[float]:
    middle = math.fsum(logs) / len(logs)
    return [one - middle for one in logs]


def _players(
    games: Sequence[Game], names: Sequence[str], fitted: Fit, rows: list[list[float]], level: float
) -> tuple[Strength, ...]:
    played = dict.fromkeys(names, 0)
    for game in games:
        played[game.a] += 1
        played[game.b] += 1
    tail = (1.0 - level) / 2.0
    ranks = [[1 + sum(other > one + 1e-9 for other in row) for one in row] for row in rows]
    found: list[Strength] = []
    for at, (name, value) in enumerate(zip(names, _centered(fitted.logs), strict=True)):
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
