import math
from random import Random

import pytest

from bakeoff.stats.betting import Betting
from bakeoff.stats.race import Race, RaceState


def passes(rng: Random, shares: dict[str, float], cases: int) -> dict[str, list[float]]:
    """Passes that share how hard a case is: a third of the cases are decided by the case alone."""
    hard = [rng.random() for _ in range(cases)]
    return {
        name: [float((h < 0.3 * share / 0.9 + 0.0) if h < 0.3 else rng.random() < share) for h in hard]
        for name, share in shares.items()
    }


def run(race: Race, rng: Random, shares: dict[str, float], looks: int, step: int) -> RaceState:
    state = race.state
    for _ in range(looks):
        state = race.add(passes(rng, {name: shares[name] for name in state.remaining}, step))
        if state.state != "open":
            break
    return state


def test_a_race_of_equals_drops_hardly_anybody() -> None:
    shares = dict.fromkeys("abcd", 0.7)
    wrong = sum(bool(run(Race("abcd"), Random(seed), shares, 30, 20).losses) for seed in range(150))
    # 150 with a chance of at most 0.05 exceed 15 with probability 0.003.
    assert wrong <= 15


def test_the_best_survives_and_the_worst_goes_first() -> None:
    shares = {"good": 0.85, "middle": 0.7, "bad": 0.4}
    lost_best, used = 0, 0
    for seed in range(60):
        state = run(Race(list(shares)), Random(seed), shares, 50, 20)
        assert state.losses
        assert state.losses[0].name != "good"
        lost_best += "good" not in state.remaining
        used += state.n
    assert lost_best <= 3
    assert used / 60 < 600


def test_clusters_race_by_their_means() -> None:
    wrong = 0
    for seed in range(150):
        rng = Random(seed)
        race = Race("ab")
        for _ in range(25):
            # Five cases in a cluster that mostly agree, for either system on its own.
            means = {
                name: [
                    sum(rng.random() < (0.9 if easy else 0.3) for _ in range(5)) / 5
                    for easy in rng.choices((True, False), k=8)
                ]
                for name in "ab"
            }
            if race.add(means).losses:
                wrong += 1
                break
    assert wrong <= 15


def test_equals_within_the_margin_end_the_race_tied() -> None:
    shares = dict.fromkeys("ab", 0.9)
    state = run(Race("ab", margin=0.15), Random(1), shares, 60, 50)
    assert state.state == "tied"
    assert state.remaining == ("a", "b")
    assert state.n < 3_000


def test_a_margin_is_hardly_ever_claimed_for_a_gap_as_large() -> None:
    wrong = 0
    for seed in range(100):
        rng = Random(seed)
        race = Race("ab", margin=0.1)
        for _ in range(20):
            a = [float(rng.random() < 0.6) for _ in range(40)]
            b = [float(rng.random() < 0.5) for _ in range(40)]
            state = race.add({"a": a, "b": b})
            if state.state != "open":
                wrong += state.state == "tied"
                break
    assert wrong <= 11


def test_lower_can_be_better() -> None:
    race = Race(["slow", "quick"], high=10.0, higher_is_better=False)
    state = race.add({"slow": [8.0] * 60, "quick": [2.0] * 60})
    assert state.state == "decided"
    assert (state.losses[0].name, state.losses[0].winner, state.losses[0].n) == ("slow", "quick", 60)
    assert state.losses[0].p <= 0.05


def test_a_dropped_name_needs_no_more_scores() -> None:
    race = Race("abc")
    race.add({"a": [1.0, 0.0] * 40, "b": [1.0, 0.0] * 40, "c": [0.0] * 80})
    state = race.add({"a": [1.0, 1.0], "b": [0.0, 1.0]})
    assert state.remaining == ("a", "b")
    assert state.n == 82
    pairs = {pair.a + pair.b: pair for pair in race.pairs()}
    assert (pairs["ab"].n, pairs["ac"].n) == (82, 80)
    assert pairs["ab"].difference == pytest.approx(1 / 82)
    assert pairs["ab"].p == 1.0
    assert pairs["ac"].interval.low > 0.0
    assert pairs["ac"].interval.level == pytest.approx(1.0 - 0.05 / 3)


def p_against(constant: float, ones: int, n: int) -> float:
    test = Betting()
    test.add([constant - 1.0] * ones + [constant] * (n - ones))
    return test.p


def test_one_always_stays_even_if_claims_go_round_in_a_circle() -> None:
    # `a` is behind `x` and `y` by not quite enough while `y` beats `x`; then `a` beats `y`, and Holm's last
    # step, with one pair left, lets the claim "x beats a" through.
    n, ahead = 60_000, 0.5003
    ones = next(k for k in range(n // 2, 0, -1) if p_against(ahead, k, n) < 0.03)
    assert 0.0255 < p_against(ahead, ones, n) < p_against(0.5, ones, n) < 0.05
    race = Race("axy")
    first = race.add({"a": [1.0] * ones + [0.0] * (n - ones), "x": [0.5] * n, "y": [ahead] * n})
    assert first.remaining == ("a", "y")
    last = race.add({"a": [1.0] * 20_000, "y": [0.0] * 20_000})
    assert last.state == "decided"
    assert last.remaining == ("a",)
    assert max(pair.p for pair in race.pairs()) <= 0.05


def test_a_race_before_its_first_case_is_open() -> None:
    race = Race("ab")
    assert race.state == RaceState(state="open", remaining=("a", "b"), losses=(), n=0)
    assert race.pairs()[0].difference is None
    assert (race.pairs()[0].interval.low, race.pairs()[0].interval.high) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ("a", {}, "two names"),
        ("aa", {}, "two names"),
        ("ab", {"alpha": 0.0}, "alpha"),
        ("ab", {"low": 1.0, "high": 1.0}, "low < high"),
        ("ab", {"high": math.inf}, "low < high"),
        ("ab", {"margin": 1.0}, "margin"),
        ("ab", {"margin": 0.0}, "margin"),
    ],
)
def test_races_refuse_impossible_options(names, options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Race(names, **options)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"a": [1.0]}, "`b` is still in the race"),
        ({"a": [1.0], "b": [1.0, 0.0]}, "equally long"),
        ({"a": [1.5], "b": [1.0]}, "score of `a` lies outside 0..1"),
        ({"a": [1.0], "b": [math.nan]}, "score of `b` lies outside 0..1"),
    ],
)
def test_races_refuse_impossible_scores(scores, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Race("ab").add(scores)
