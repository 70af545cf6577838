"""Planned looks at several systems: what a look shows, and what is refused."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.grouped import GroupedRace, PlannedPair, look_p
from bakeoff.stats.looks import obrien_fleming, obrien_fleming_p
from bakeoff.stats.race import Race, RaceState
from bakeoff.stats.resampling import sign_flip, sign_test

SIZES = [40, 80, 120]


def test_a_repeated_p_value_is_alpha_on_the_boundary() -> None:
    for alpha in (0.01, 0.05, 0.2):
        looks = obrien_fleming(SIZES, alpha=alpha)
        for at, look in enumerate(looks):
            found = obrien_fleming_p(SIZES, [1.0] * at + [look.p])
            assert alpha - 1e-9 <= found <= alpha * 1.08


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3))
def test_a_repeated_p_value_only_falls_and_is_never_below_the_last(seen: list[float]) -> None:
    values = [obrien_fleming_p(SIZES, seen[: n + 1]) for n in range(len(seen))]
    assert values == sorted(values, reverse=True)
    assert 0.0 <= values[-1] <= 1.0
    assert values[-1] >= min(*seen, 0.99) * 0.999


def test_repeated_p_values_refuse_more_looks_than_planned() -> None:
    assert obrien_fleming_p(SIZES, []) == 1.0
    with pytest.raises(ValueError, match="3 looks were planned, 4 taken"):
        obrien_fleming_p(SIZES, [0.5] * 4)


def test_a_look_takes_the_larger_of_two_p_values() -> None:
    passes = [1.0] * 14 + [-1.0] * 2 + [0.0] * 20
    assert look_p(passes) == pytest.approx(sign_test(14, 2))
    sure = [1.0] * 30
    assert look_p(sure) == pytest.approx(math.erfc(math.sqrt(30) / math.sqrt(2)))
    rng = Random(3)
    scores = [rng.gauss(0.3, 0.5) / 4 for _ in range(60)]
    assert look_p(scores) >= sign_flip(scores).p
    assert look_p([0.0] * 10) == 1.0
    assert look_p([0.25] * 12) == pytest.approx(2 * 0.5**12)
    assert look_p([0.1, -0.1, 0.2, -0.2]) > 0.5


@pytest.mark.parametrize("kind", ["passes", "scores"])
def test_a_pair_that_is_shown_to_differ_has_an_interval_without_zero(kind: str) -> None:
    shown = 0
    for seed in range(24):
        rng = Random(seed)
        pair = PlannedPair(SIZES)
        for _ in SIZES:
            up = 0.45 + 0.1 * (seed % 3)
            draws = rng.choices((1.0, -1.0, 0.0), (up, 0.25, 0.75 - up), k=40)
            pair.add([each if kind == "passes" else each * rng.uniform(0.3, 1.0) for each in draws])
        interval = pair.interval(level=0.95)
        assert interval.low <= interval.high
        if pair.p <= 0.05:
            shown += 1
            assert pair.above
            assert interval.low > 0.0
    assert shown >= 8


def test_differences_that_never_vary_have_an_interval_too() -> None:
    pair = PlannedPair([10, 20])
    assert (pair.mean, pair.above, pair.n) == (None, False, 0)
    assert (pair.interval().low, pair.interval().high) == (-1.0, 1.0)
    pair.add([0.5] * 10)
    pair.add([0.5] * 10)
    assert pair.mean == 0.5
    assert 0.0 < pair.interval().low < 0.5
    assert pair.interval().high == 0.5


def test_an_early_look_of_many_bounds_nothing() -> None:
    pair = PlannedPair([10 * look for look in range(1, 21)])
    pair.add([1.0, 0.0] * 5)
    found = pair.interval(level=0.999)
    assert (found.low, found.high) == (-1.0, 1.0)


def test_a_clear_winner_ends_the_race_at_a_look() -> None:
    race = GroupedRace(["a", "b", "c"], SIZES)
    state = race.add({"a": [1.0] * 40, "b": [0.0] * 40, "c": [1.0, 0.0] * 20})
    assert state.state == "decided"
    assert state.remaining == ("a",)
    assert {(loss.name, loss.n) for loss in state.losses} == {("b", 40), ("c", 40)}
    pairs = {pair.a + pair.b: pair for pair in race.pairs()}
    assert pairs["ab"].difference == 1.0
    assert pairs["ac"].interval.low > 0.0
    assert pairs["ac"].interval.level == pytest.approx(1.0 - 0.05 / 3)
    assert [test.p for test in race.tests()] == [pair.p for pair in race.pairs()]


def test_equals_within_the_margin_are_tied_at_a_look() -> None:
    race = GroupedRace("ab", [200, 400], margin=0.1)
    assert race.state == RaceState(state="open", remaining=("a", "b"), losses=(), n=0)
    same = [1.0, 0.0] * 100
    race.add({"a": same, "b": same})
    state = race.add({"a": same, "b": same})
    assert (state.state, state.n) == ("tied", 400)


def test_missing_scores_and_groups_are_taken_pair_by_pair() -> None:
    for race in (GroupedRace("abc", [2]), Race("abc")):
        race.add(
            {"a": [1.0, 0.0, 1.0, None], "b": [0.0, None, 0.0, 1.0], "c": [1.0, 1.0, None, None]},
            groups=["x", "x", "y", "y"],
        )
        pairs = {pair.a + pair.b: (pair.n, pair.difference) for pair in race.tests()}
        assert pairs == {"ab": (2, 1.0), "ac": (1, -0.5), "bc": (1, -1.0)}


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ("a", {}, "two names"),
        ("aa", {}, "two names"),
        ("ab", {"alpha": 0.0}, "alpha"),
        ("ab", {"margin": 1.0}, "margin"),
        ("ab", {"sizes": [3, 3]}, "growing"),
    ],
)
def test_planned_races_refuse_impossible_options(names, options, message: str) -> None:
    sizes = options.pop("sizes", [10])
    with pytest.raises(ValueError, match=message):
        GroupedRace(names, sizes, **options)


def test_planned_races_refuse_a_look_too_many_and_scores_beyond_one() -> None:
    race = GroupedRace("ab", [1])
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        race.add({"a": [1.5], "b": [0.0]})
    race.add({"a": [1.0], "b": [0.0]})
    with pytest.raises(ValueError, match="1 looks were planned, 2 taken"):
        race.add({"a": [1.0], "b": [0.0]})
