import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.stats.betting import Betting

bounded = st.floats(-1.0, 1.0)


def ever_below(seed: int, chances: tuple[float, float], looks: int, step: int) -> bool:
    """Whether p <= 0.05 at any look on differences that are 1 and -1 with the chances, else 0."""
    rng = Random(seed)
    test = Betting()
    up, down = chances
    for _ in range(looks):
        test.add(rng.choices((1.0, -1.0, 0.0), (up, down, 1.0 - up - down), k=step))
        if test.p <= 0.05:
            return True
    return False


def by_hand(values: list[float], null: float, side: float) -> float:
    bets = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 0.9)
    return math.fsum(math.prod(1.0 + side * bet * (value - null) for value in values) for bet in bets) / 7


@given(st.lists(bounded, min_size=1, max_size=12))
def test_p_is_one_over_the_wealth(values: list[float]) -> None:
    test = Betting()
    test.add(values)
    assert test.p_above == pytest.approx(1.0 / max(1.0, by_hand(values, 0.0, 1.0)))
    assert test.p_below == pytest.approx(1.0 / max(1.0, by_hand(values, 0.0, -1.0)))
    assert test.p == min(1.0, 2.0 * min(test.p_above, test.p_below))


def test_looking_at_every_case_keeps_the_error_rate_where_nothing_differs() -> None:
    wrong = sum(ever_below(seed, (0.06, 0.06), looks=80, step=10) for seed in range(300))
    # 300 fair games with a chance of at most 0.05 exceed 26 with probability 0.003.
    assert wrong <= 26


def test_repeated_mcnemar_tests_would_not_keep_it() -> None:
    from bakeoff.stats.resampling import sign_test

    wrong = 0
    for seed in range(200):
        rng = Random(seed)
        up = down = 0
        for _ in range(50):
            drawn = rng.choices((1, -1, 0), (0.06, 0.06, 0.88), k=10)
            up, down = up + drawn.count(1), down + drawn.count(-1)
            if sign_test(up, down) <= 0.05:
                wrong += 1
                break
    assert wrong > 26


def test_a_real_difference_is_found_early() -> None:
    found = sum(ever_below(seed, (0.16, 0.06), looks=60, step=10) for seed in range(100))
    assert found >= 95


@pytest.mark.parametrize("mean", [0.0, 0.3, 0.8])
def test_the_intervals_of_all_looks_hold_the_mean_together(mean: float) -> None:
    missed = 0
    for seed in range(80):
        rng = Random(seed)
        test = Betting()
        for _ in range(4):
            test.add([rng.betavariate(1.0 + mean, 1.0 - mean) * 2.0 - 1.0 for _ in range(15)])
            found = test.interval()
            if not found.low <= mean <= found.high:
                missed += 1
                break
    # 80 with a chance of at most 0.05 exceed 10 with probability 0.003.
    assert missed <= 10


@settings(max_examples=50)
@given(st.lists(bounded, min_size=1, max_size=15))
def test_the_interval_holds_the_means_that_are_not_refuted(values: list[float]) -> None:
    test = Betting()
    test.add(values)
    found = test.interval(level=0.6)
    assert -1.0 <= found.low <= test.mean + 1e-9
    assert test.mean - 1e-9 <= found.high <= 1.0
    for null in (-0.7, -0.2, 0.0, 0.4):
        other = Betting(null=null)
        other.add(values)
        if other.p < 0.39:
            assert not found.low + 1e-4 < null < found.high - 1e-4
        if other.p > 0.41:
            assert found.low - 1e-4 <= null <= found.high + 1e-4


def test_the_order_within_a_look_and_many_values_at_once_change_nothing() -> None:
    one, other = Betting(), Betting()
    one.add([1.0, 0.0, -1.0, 1.0])
    other.add([-1.0, 1.0, 1.0, 0.0])
    assert (one.p_above, one.mean, one.n) == (other.p_above, other.mean, other.n) == (one.p_above, 0.25, 4)


def test_p_never_rises_again() -> None:
    test = Betting()
    test.add([1.0] * 30)
    early = test.p
    test.add([-1.0] * 200)
    assert test.p <= early
    assert test.p_below < 1.0


def test_other_ranges_and_nulls_scale() -> None:
    plain, scaled = Betting(null=0.2), Betting(null=6.0, low=0.0, high=10.0)
    values = [0.5, -0.1, 1.0, 0.7, 0.9] * 8
    plain.add(values)
    scaled.add([5.0 * (value + 1.0) for value in values])
    assert scaled.p_above == pytest.approx(plain.p_above)
    assert scaled.interval().low == pytest.approx(5.0 * (plain.interval().low + 1.0), abs=1e-5)


def test_many_distinct_values_widen_the_interval_by_less_than_a_thousandth() -> None:
    rng = Random(1)
    values = [rng.uniform(-0.4, 0.6) for _ in range(1_999)]
    fine = Betting()
    fine.add(values)
    exact = fine.interval()
    rounded = Betting()
    rounded.add(values + [0.1 + i * 1e-9 for i in range(10)])
    found = rounded.interval()
    assert found.low == pytest.approx(exact.low, abs=2e-3)
    assert found.high == pytest.approx(exact.high, abs=2e-3)
    assert found.high - found.low < exact.high - exact.low + 2e-3


def test_nothing_seen_says_nothing() -> None:
    test = Betting()
    assert (test.n, test.mean, test.p) == (0, None, 1.0)
    assert (test.interval().low, test.interval().high) == (-1.0, 1.0)


def test_only_the_largest_value_still_leaves_a_chance() -> None:
    test = Betting()
    test.add([1.0] * 20)
    found = test.interval()
    assert found.high == pytest.approx(1.0, abs=1e-6)
    assert 0.3 < found.low < 1.0


def test_betting_refuses_impossible_input() -> None:
    for low, null, high in [(0.0, 0.0, 1.0), (-1.0, 2.0, 1.0), (-math.inf, 0.0, 1.0), (-1.0, math.nan, 1.0)]:
        with pytest.raises(ValueError, match="low < null < high"):
            Betting(null=null, low=low, high=high)
    for bad in (1.5, math.nan):
        with pytest.raises(ValueError, match="values lie between -1 and 1"):
            Betting().add([0.0, bad])
    with pytest.raises(ValueError, match="level"):
        Betting().interval(level=1.0)
