"""Fits climb to the top in a few steps from anywhere, and say where there is no top."""

import math
from random import Random

import pytest

from bakeoff.stats.davidson import Counts, fit, one_way, unbeaten
from bakeoff.stats.strengths import Game, fit_strengths

Rows = list[tuple[int, int, tuple[float, float, float]]]


def counts(rows: Rows) -> Counts:
    return Counts(pairs=tuple((i, j) for i, j, _ in rows), counts=tuple(three for _, _, three in rows))


def climbed(games: Counts, players: int, prior: float) -> tuple[list[float], float]:
    """Return log strengths and nu by Hunter's minorise-maximise steps, slow and without a derivative."""
    strengths, nu = [1.0] * players, 1.0
    tied = sum(tie for _, tie, _ in games.counts)
    points = [prior / 2.0] * players
    for (i, j), (win, tie, loss) in zip(games.pairs, games.counts, strict=True):
        points[i] += win + tie / 2.0
        points[j] += loss + tie / 2.0
    moved = 1.0
    while moved > 1e-12:
        below, even = [prior / (1.0 + one) for one in strengths], 0.0
        for (i, j), three in zip(games.pairs, games.counts, strict=True):
            middle = math.sqrt(strengths[i] * strengths[j])
            share = sum(three) / (strengths[i] + strengths[j] + nu * middle)
            below[i] += share * (1.0 + 0.5 * nu * middle / strengths[i])
            below[j] += share * (1.0 + 0.5 * nu * middle / strengths[j])
            even += share * middle
        fresh = [point / under for point, under in zip(points, below, strict=True)]
        moved = max(abs(math.log(new / old)) for new, old in zip(fresh, strengths, strict=True))
        moved = max(moved, abs(tied / even - nu) / max(1.0, nu))
        strengths, nu = fresh, tied / even
    return [math.log(one) for one in strengths], nu


def decided(games: Counts) -> bool:
    return any(win or loss for win, _, loss in games.counts)


def drawn(seed: int) -> tuple[Counts, int]:
    """Return counts of some games between two to five players."""
    rng = Random(seed)
    players = rng.choice((2, 3, 5))
    weights = rng.choice(((1, 1, 1), (3, 6, 1), (1, 20, 1), (2, 0, 1)))
    pairs = [(i, j) for i in range(players) for j in range(i + 1, players)]
    rows = [(i, j, [0.0, 0.0, 0.0]) for i, j in pairs]
    for _ in range(rng.choice((12, 40))):
        rng.choice(rows)[2][rng.choices((0, 1, 2), weights)[0]] += 1.0
    return counts([(i, j, (three[0], three[1], three[2])) for i, j, three in rows]), players


@pytest.mark.parametrize("prior", [0.0, 0.5])
def test_newtons_top_is_that_of_slow_steps(prior: float) -> None:
    compared = 0
    for seed in range(60):
        games, players = drawn(seed)
        if unbeaten(games, players) or one_way(games, players) or not decided(games):
            continue
        slow, nu = climbed(games, players, prior)
        quick = fit(games, [0.0] * players, 1.0, prior, 1e-9)
        shift = 0.0 if prior else (sum(quick.logs) - sum(slow)) / players
        assert quick.logs == pytest.approx([one + shift for one in slow], abs=1e-8)
        assert quick.ties == pytest.approx(nu, rel=1e-8)
        compared += 1
    assert compared > 30


def test_a_fit_takes_few_steps() -> None:
    # Three wins, a hundred ties, one loss: steps of minorise-maximise take more than a thousand.
    found = fit(counts([(0, 1, (3.0, 100.0, 1.0))]), [0.0, 0.0], 1.0, 0.0, 1e-9)
    assert found.rounds < 20
    assert found.logs[0] - found.logs[1] == pytest.approx(math.log(3.0))
    assert found.ties == pytest.approx(100.0 / math.sqrt(3.0))


@pytest.mark.parametrize("start", [[0.0, 0.0], [8.0, -8.0], [-300.0, 300.0], [400.0, -400.0]])
@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_from_far_away_the_top_is_found_too(start: list[float], prior: float) -> None:
    games = counts([(0, 1, (3.0, 2.0, 1.0))])
    near, far = fit(games, [0.0, 0.0], 1.0, prior, 1e-9), fit(games, start, 1e9, prior, 1e-9)
    assert far.logs[0] - far.logs[1] == pytest.approx(near.logs[0] - near.logs[1], abs=1e-8)
    assert far.ties == pytest.approx(near.ties, rel=1e-8)


@pytest.mark.parametrize(
    ("rows", "players", "winners"),
    [
        ([(0, 1, (2.0, 1.0, 0.0))], 2, {0}),
        ([(0, 1, (0.0, 1.0, 2.0))], 2, {1}),
        ([(0, 1, (2.0, 1.0, 1.0))], 2, set()),
        ([(0, 1, (2.0, 0.0, 0.0))], 2, set()),
        ([(0, 1, (0.0, 3.0, 0.0))], 2, set()),
        # `0` and `1` differ by one place, `1` and `2` too; `0` and `2` tied, which allows one only.
        ([(0, 1, (1.0, 1.0, 0.0)), (1, 2, (1.0, 1.0, 0.0)), (0, 2, (0.0, 1.0, 0.0))], 3, set()),
        ([(0, 1, (1.0, 1.0, 0.0)), (1, 2, (1.0, 1.0, 0.0))], 3, {0, 1}),
        ([(0, 1, (1.0, 1.0, 0.0)), (1, 2, (1.0, 1.0, 0.0)), (0, 2, (0.0, 1.0, 1.0))], 3, set()),
    ],
)
def test_wins_that_all_go_one_way_between_ties_have_no_top(
    rows: Rows, players: int, winners: set[int]
) -> None:
    assert one_way(counts(rows), players) == winners


def test_games_without_a_finite_fit_are_refused_or_helped() -> None:
    scores = [1.0, 1.0, 0.5]
    games = [Game(a="a", b="b", score=score) for score in scores]
    with pytest.raises(ValueError, match=r"`a` won, but no win was answered.*give a prior"):
        fit_strengths(games)
    helped = fit_strengths(games, prior=0.5, resamples=0)
    assert helped.players[0].name == "a"
    assert helped.ties < 10.0
    found = fit_strengths([*games, Game(a="a", b="b", score=0.0)], resamples=200)
    # Whatever leaves out the only loss, or all wins, has no fit of its own.
    assert found.helped > 0.3
    assert all(abs(player.high or 0.0) < 20.0 for player in found.players)
