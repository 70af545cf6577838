"""The most likely strengths of Davidson's model, by Newton's method, and where they have no finite value.

Knows players by number; `bakeoff.stats.strengths` gives them names and intervals.
"""

import math
from collections.abc import Sequence
from operator import mul

import msgspec

_MOST_ROUNDS = 200
"""A fit that has not settled by then is as near as rounding lets it come; most take 5 to 10."""
_LONGEST = 5.0
_TINY = 1e-14


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs (i < j) that met, each with wins of i, ties, wins of j."""

    pairs: tuple[tuple[int, int], ...]
    counts: tuple[tuple[float, float, float], ...]


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """Log strengths, and nu, which is infinite where every game was a tie; and how many steps it took."""

    logs: list[float]
    ties: float
    rounds: int = 0


class _Met(msgspec.Struct, frozen=True, kw_only=True):
    """What a fit is made from: how often pairs met, the points of each player, ties, and the prior."""

    met: list[tuple[int, int, float]]
    points: list[float]
    tied: float
    prior: float


def fit(counts: Counts, start: Sequence[float], ties: float, prior: float, precision: float) -> Fit:
    """Climb to the most likely strengths, until no log strength nor log nu is off by more than `precision`.

    The log likelihood is concave in log strengths and log nu, as each outcome's chance is a softmax of linear
    terms: win s_i, tie nu sqrt(s_i s_j), loss s_j. So Newton's step leads up; it is cut to a length of 5 and
    halved until the likelihood gains by at least a ten-thousandth of what the slope promises (Armijo 1966).
    Near the top an error is at most about the square of the one before, which is how long the step was.

    Args:
        counts: of the games.
        start: log strengths.
        ties: nu to start from.
        prior: weight of each player's win and loss, together, against an imagined player of strength 1.
        precision: of the logarithms.
    """
    players = len(start)
    tied = math.fsum(tie for _, tie, _ in counts.counts)
    if tied == math.fsum(map(math.fsum, counts.counts)):
        return Fit(logs=[0.0] * players, ties=math.inf)
    points = [prior / 2.0] * players
    for (i, j), (win, tie, loss) in zip(counts.pairs, counts.counts, strict=True):
        points[i] += win + tie / 2.0
        points[j] += loss + tie / 2.0
    paired = zip(counts.pairs, counts.counts, strict=True)
    known = _Met(
        met=[(i, j, math.fsum(three)) for (i, j), three in paired if any(three)],
        points=points,
        tied=tied,
        prior=prior,
    )
    # Log nu is the last of the unknowns where there are ties at all.
    at = [*start, *([math.log(ties) if 0.0 < ties < math.inf else 0.0] if tied else [])]
    height, rounds, moved = _likelihood(known, at), 0, math.inf
    enough = 0.1 * math.sqrt(precision)
    while moved > enough and rounds < _MOST_ROUNDS:
        rounds += 1
        slope, curve = _slope(known, at, players)
        step = _solved(curve, slope)
        moved = max(map(abs, step))
        share = min(1.0, _LONGEST / max(moved, _TINY))
        gain = 1e-4 * math.fsum(map(mul, slope, step))
        fresh = _moved(at, step, share)
        # At the top the likelihood is flat to the last digit.
        while (after := _likelihood(known, fresh)) < height + share * gain - 1e-12 * abs(height):
            share /= 2.0
            fresh = _moved(at, step, share)
        at, height = fresh, after
    return Fit(logs=at[:players], ties=math.exp(at[players]) if tied else 0.0, rounds=rounds)


def _moved(at: Sequence[float], step: Sequence[float], share: float) -> list[float]:
    return [one + share * other for one, other in zip(at, step, strict=True)]


def _likelihood(known: _Met, at: Sequence[float]) -> float:
    """Return the log likelihood."""
    eta = at[-1] if known.tied else -math.inf
    terms = [point * one for point, one in zip(known.points, at, strict=False)]
    terms += [known.tied * eta] if known.tied else []
    for i, j, n in known.met:
        gap = 0.5 * abs(at[i] - at[j])
        most = max(gap, eta)
        total = math.exp(gap - most) + math.exp(-gap - most) + math.exp(eta - most)
        terms.append(-n * (0.5 * (at[i] + at[j]) + most + math.log(total)))
    if known.prior:
        terms += [
            -known.prior * (max(one, 0.0) + math.log1p(math.exp(-abs(one)))) for one in _players(known, at)
        ]
    return math.fsum(terms)


def _players(known: _Met, at: Sequence[float]) -> Sequence[float]:
    return at[: len(known.points)]


def _slope(known: _Met, at: Sequence[float], players: int) -> tuple[list[float], list[list[float]]]:
    """Return the gradient of the log likelihood, and its negated second derivatives.

    Without a prior only differences of strengths count: a curve along the mean of all keeps it where it is.
    """
    size, last = len(at), len(at) - 1
    slope = [*known.points, *([known.tied] if known.tied else [])]
    flat = 0.0 if known.prior else 1.0 / players
    curve = [[flat * (row < players > column) for column in range(size)] for row in range(size)]
    for i, j, n in known.met:
        win, tie, loss = _chances(at[i] - at[j], at[last] if known.tied else -math.inf)
        mean_i, mean_j = win + tie / 2.0, loss + tie / 2.0
        slope[i] -= n * mean_i
        slope[j] -= n * mean_j
        curve[i][i] += n * (win + tie / 4.0 - mean_i * mean_i)
        curve[j][j] += n * (loss + tie / 4.0 - mean_j * mean_j)
        both = n * (tie / 4.0 - mean_i * mean_j)
        curve[i][j] += both
        curve[j][i] += both
        if known.tied:
            slope[last] -= n * tie
            curve[last][last] += n * tie * (1.0 - tie)
            for player, mean in ((i, mean_i), (j, mean_j)):
                cross = n * tie * (0.5 - mean)
                curve[player][last] += cross
                curve[last][player] += cross
    if known.prior:
        for at_player, one in enumerate(_players(known, at)):
            chance = 1.0 / (1.0 + math.exp(-one)) if one > -700.0 else 0.0
            slope[at_player] -= known.prior * chance
            curve[at_player][at_player] += known.prior * chance * (1.0 - chance)
    return slope, curve


def _chances(gap: float, eta: float) -> tuple[float, float, float]:
    """Return the chances of win, tie and loss at this difference of log strengths."""
    most = max(abs(gap) / 2.0, eta)
    win, tie, loss = math.exp(gap / 2.0 - most), math.exp(eta - most), math.exp(-gap / 2.0 - most)
    total = win + tie + loss
    return win / total, tie / total, loss / total


def _solved(curve: list[list[float]], slope: Sequence[float]) -> list[float]:
    """Return x with curve x = slope, curve symmetric and positive definite: Cholesky without roots."""
    lower: list[list[float]] = []
    pivots: list[float] = []
    found = list(slope)
    for row, values in enumerate(curve):
        # Of each earlier column its part of this row times the column's pivot, then divided by it.
        scaled: list[float] = []
        for column in range(row):
            scaled.append(values[column] - sum(map(mul, scaled, lower[column])))
        mine = [one / pivot for one, pivot in zip(scaled, pivots, strict=True)]
        # What rounding leaves of a curve that is nearly flat is no reason to leap.
        pivots.append(max(values[row] - sum(map(mul, scaled, mine)), _TINY))
        lower.append(mine)
        found[row] -= sum(map(mul, mine, found))
    found = [one / pivot for one, pivot in zip(found, pivots, strict=True)]
    for row in reversed(range(len(found))):
        for column, part in enumerate(lower[row]):
            found[column] -= part * found[row]
    return found


def unbeaten(counts: Counts, players: int) -> set[int]:
    """Return a group that took every point from the rest, or met none of it; empty where there is none."""
    upwards = _reach(counts, 0, players, up=True)
    if len(upwards) < players:
        # Nobody outside took a point from those inside.
        return upwards
    downwards = _reach(counts, 0, players, up=False)
    return set() if len(downwards) == players else set(range(players)) - downwards


def _reach(counts: Counts, start: int, players: int, *, up: bool) -> set[int]:
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


def one_way(counts: Counts, players: int) -> set[int]:
    """Return who won where no wins answer each other and ties stand between; empty where a fit is finite.

    With s_i = exp(2 t x_i) and nu = exp(t), t without end, every game that was played grows likelier or stays
    as likely, if x_i - x_j is at least 1 where i won, and at most 1 either way where they tied (the condition
    of Barndorff-Nielsen 1978, theorem 9.13, for this family). A win and a loss of one pair rule that out, and
    so do wins in a circle; whether such x exist is told by Bellman and Ford's method.
    """
    bounds: list[tuple[int, int, float]] = []
    won: set[int] = set()
    ties = 0.0
    for (i, j), (win, tie, loss) in zip(counts.pairs, counts.counts, strict=True):
        ties += tie
        for winner, loser, wins in ((i, j, win), (j, i, loss)):
            if wins:
                won.add(winner)
                bounds.append((winner, loser, -1.0))
            if tie:
                bounds.append((winner, loser, 1.0))
    if not ties or not won:
        return set()
    place = [0.0] * players
    for _ in range(players + 1):
        settled = True
        for above, below, bound in bounds:
            # Each says that the lower player's place is at most the upper one's plus the bound.
            if place[above] + bound < place[below]:
                place[below], settled = place[above] + bound, False
        if settled:
            return won
    return set()
