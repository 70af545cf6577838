import math
from random import Random

import numpy as np
import pytest
import scipy.optimize

from bakeoff.stats.strengths import Game, fit_strengths

TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
# American League 1987, rows beat columns: Agresti, Categorical Data Analysis, table 10.10.
WINS = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)
BASEBALL = [
    Game(a=TEAMS[i], b=TEAMS[j], score=1.0)
    for i, row in enumerate(WINS)
    for j, wins in enumerate(row)
    for _ in range(wins)
]


def play(rng: Random, strengths: list[float], nu: float, prompts: int) -> list[Game]:
    games: list[Game] = []
    for prompt in range(prompts):
        i, j = rng.sample(range(len(strengths)), 2)
        weights = [
            math.exp((strengths[i] - strengths[j]) / 2),
            nu,
            math.exp((strengths[j] - strengths[i]) / 2),
        ]
        score = rng.choices((1.0, 0.5, 0.0), weights)[0]
        games.append(Game(a=f"m{i}", b=f"m{j}", score=score, cluster=prompt))
    return games


def test_strengths_of_the_baseball_example_are_the_published_ones() -> None:
    found = {player.name: player.value for player in fit_strengths(BASEBALL, resamples=0).players}
    # BradleyTerry2's vignette (Turner & Firth, J. Stat. Software 48, 2012), Baltimore as the zero.
    published = {
        "Boston": 1.1077,
        "Cleveland": 0.6839,
        "Detroit": 1.4364,
        "Milwaukee": 1.5814,
        "New York": 1.2476,
        "Toronto": 1.2945,
    }
    for name, value in published.items():
        assert found[name] - found["Baltimore"] == pytest.approx(value, abs=6e-5)
    assert sum(found.values()) == pytest.approx(0.0)


@pytest.mark.parametrize("prior", [0.0, 2.0])
def test_ties_agree_with_a_numeric_maximum(prior: float) -> None:
    games = play(Random(3), [0.5, 0.0, -0.2, -0.6], 0.9, 400)

    def loss(theta: np.ndarray) -> float:
        total = 0.0
        for game in games:
            i, j = int(game.a[1]), int(game.b[1])
            s_i, s_j, tie = (
                math.exp(theta[i]),
                math.exp(theta[j]),
                math.exp(theta[4] + (theta[i] + theta[j]) / 2),
            )
            part = {1.0: s_i, 0.0: s_j, 0.5: tie}[game.score]
            total -= math.log(part / (s_i + s_j + tie))
        return total - prior / 2 * sum(t - 2 * math.log1p(math.exp(t)) for t in theta[:4])

    best = scipy.optimize.minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-6}).x
    found = fit_strengths(games, prior=prior, resamples=0)
    assert found.ties == pytest.approx(math.exp(best[4]), rel=1e-3)
    for player in found.players:
        assert player.value == pytest.approx(best[int(player.name[1])] - np.mean(best[:4]), abs=1e-3)


def test_two_players_have_the_closed_form() -> None:
    scores = [1.0] * 6 + [0.0] * 3 + [0.5] * 4
    found = fit_strengths([Game(a="a", b="b", score=score) for score in scores], resamples=0)
    outcome = found.chance("a", "b")
    # Three outcomes and two parameters: the fit returns the shares themselves.
    assert (outcome.win, outcome.tie, outcome.loss) == pytest.approx((6 / 13, 4 / 13, 3 / 13), abs=1e-6)
    assert found.players[0].value - found.players[1].value == pytest.approx(math.log(2.0), abs=1e-6)
    mirrored = found.chance("b", "a")
    assert (mirrored.win, mirrored.loss) == (outcome.loss, outcome.win)


def test_intervals_cover_the_true_strengths() -> None:
    truth = [0.6, 0.1, -0.2, -0.5]
    held = 0
    for seed in range(40):
        found = fit_strengths(play(Random(seed), truth, 0.7, 300), resamples=80, seed=seed)
        assert found.clusters == found.games == 300
        for player in found.players:
            assert player.low is not None
            assert player.high is not None
            held += player.low <= truth[int(player.name[1])] <= player.high
    # 160 intervals of 95 %: 0.87 is 4.6 standard errors below; four of them at a time share their data.
    assert held / 160 > 0.87


def test_prompts_are_redrawn_as_a_whole() -> None:
    rng = Random(8)
    games = play(rng, [0.3, 0.0, -0.3], 0.5, 100)
    repeated = [game for game in games for _ in range(6)]
    alone, together = fit_strengths(games).players, fit_strengths(repeated).players
    for one, same in zip(alone, together, strict=True):
        assert same.value == pytest.approx(one.value, abs=1e-6)
        assert same.high - same.low == pytest.approx(one.high - one.low, rel=0.02)


def test_ranks_and_the_chance_of_being_best_come_from_the_resamples() -> None:
    found = fit_strengths(play(Random(4), [2.0, 0.0, 0.0, -2.0], 0.5, 600))
    first, *middle, last = found.players
    assert (first.name, first.rank_low, first.rank_high, first.best) == ("m0", 1, 1, 1.0)
    assert (last.name, last.rank_low, last.rank_high, last.best) == ("m3", 4, 4, 0.0)
    assert {player.rank_high for player in middle} == {3}


def test_without_resamples_there_are_no_intervals() -> None:
    player = fit_strengths(BASEBALL, resamples=0).players[0]
    assert (player.low, player.high, player.rank_low, player.best) == (None, None, None, None)


@pytest.mark.parametrize(
    ("games", "who"),
    [
        ([("a", "b", 1.0), ("b", "c", 1.0), ("c", "b", 1.0)], "`a` took"),
        ([("b", "a", 1.0), ("b", "c", 1.0), ("c", "b", 1.0)], "`b`, `c` took"),
        ([("a", "b", 1.0), ("b", "a", 1.0), ("c", "d", 0.5)], "never met"),
    ],
)
def test_strengths_without_a_finite_value_are_refused_with_names(games, who: str) -> None:
    with pytest.raises(ValueError, match=who):
        fit_strengths([Game(a=a, b=b, score=score) for a, b, score in games])


def test_a_prior_makes_the_unbeaten_finite() -> None:
    games = [Game(a="a", b="b", score=1.0)] * 10
    weak, strong = (fit_strengths(games, prior=prior, resamples=20) for prior in (0.5, 4.0))
    assert weak.players[0].name == "a"
    assert weak.players[0].value > strong.players[0].value > 0.0
    assert (weak.prior, weak.ties, weak.helped) == (0.5, 0.0, 0.0)


def test_resamples_without_a_finite_fit_are_helped_and_counted() -> None:
    games = [Game(a="a", b="b", score=score) for score in [1.0] * 5 + [0.0]]
    found = fit_strengths(games, resamples=300)
    # (5/6)^6 of the resamples leave the only loss out, 6^-6 have nothing else.
    assert found.helped == pytest.approx((5 / 6) ** 6, abs=0.08)
    assert math.isfinite(found.players[0].high)


def test_only_ties_make_equals() -> None:
    found = fit_strengths([Game(a="a", b="b", score=0.5)] * 4, resamples=10)
    assert [player.value for player in found.players] == [0.0, 0.0]
    assert [player.best for player in found.players] == [0.5, 0.5]
    assert math.isinf(found.ties)
    assert found.chance("a", "b").tie == 1.0


def test_fits_are_seeded_and_forget_the_order_of_games() -> None:
    games = play(Random(2), [0.2, 0.0, -0.2], 0.5, 80)
    assert fit_strengths(games, seed=1, resamples=30) == fit_strengths(games, seed=1, resamples=30)
    turned = [Game(a=game.b, b=game.a, score=1.0 - game.score, cluster=game.cluster) for game in games]
    one, other = fit_strengths(games, resamples=0), fit_strengths(turned[::-1], resamples=0)
    for left, right in zip(one.players, other.players, strict=True):
        assert left.value == pytest.approx(right.value, abs=1e-7)


@pytest.mark.parametrize(
    ("games", "options", "message"),
    [
        ([], {}, "no games"),
        ([Game(a="a", b="a", score=1.0)], {}, "against itself"),
        ([Game(a="a", b="b", score=0.3)], {}, "scores 1, 0.5 or 0"),
        ([Game(a="a", b="b", score=math.nan)], {}, "scores 1, 0.5 or 0"),
        (BASEBALL, {"prior": -1.0}, "at least 0"),
        (BASEBALL, {"resamples": -1}, "at least 0"),
        (BASEBALL, {"level": 1.0}, "level"),
    ],
)
def test_fits_refuse_impossible_input(games, options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_strengths(games, **options)


def test_chances_of_strangers_are_refused() -> None:
    with pytest.raises(ValueError, match="`Paris` played no game"):
        fit_strengths(BASEBALL, resamples=0).chance("Paris", "Boston")
