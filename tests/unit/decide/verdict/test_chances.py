"""Chances of estimates and comparisons follow their intervals, and are unknown without one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from tests.unit.decide.parts import row

from bakeoff.decide.verdict.chances import chance_at_least, chance_at_most, difference_at_least
from bakeoff.records import Estimate
from bakeoff.stats.intervals import clopper_pearson, wilson


def estimate(value, low=None, high=None, unit="s", n=50):
    return Estimate(value=value, unit=unit, n=n, low=low, high=high)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
@pytest.mark.parametrize("right", [0, 3, 20])
def test_a_share_of_counted_cases_has_its_posterior_whatever_its_interval(interval, right):
    found = interval(right, 20)
    share = estimate(right / 20, found.low, found.high, "share", 20)
    assert chance_at_least(share, 0.5) == pytest.approx(beta.sf(0.5, right + 0.5, 20.5 - right))
    assert chance_at_most(share, 0.5) == pytest.approx(beta.cdf(0.5, right + 0.5, 20.5 - right))


def test_a_mean_of_scores_has_the_curve_of_its_interval_not_a_count():
    share = estimate(0.8, 0.7, 0.9, "share", 20)
    assert chance_at_least(share, 0.7) == pytest.approx(0.975)
    assert chance_at_least(share, 0.9) == pytest.approx(0.025)


def test_an_interval_that_0_or_1_cuts_is_used_by_its_far_end():
    share = estimate(0.95, 0.85, 1.0, "share", 19.5)
    assert chance_at_least(share, 0.99) == pytest.approx(chance_at_most(share, 0.91))


@pytest.mark.parametrize(("bound", "chance"), [(0.0, 1.0), (-1.0, 1.0), (1.01, 0.0)])
def test_a_share_reaches_no_bound_outside_its_range(bound, chance):
    assert chance_at_least(estimate(0.5, 0.4, 0.6, "share", 100), bound) == chance


def test_a_lopsided_interval_is_used_by_the_side_of_the_bound():
    p95 = estimate(1.0, 0.9, 2.0)
    assert chance_at_most(p95, 2.0) == pytest.approx(0.975)
    assert chance_at_most(p95, 0.9) == pytest.approx(0.025)


def test_without_the_end_that_matters_nothing_is_told():
    p99 = estimate(1.0, 0.9, None)
    assert chance_at_most(p99, 2.0) is None
    assert chance_at_most(p99, 0.9) == pytest.approx(0.025)
    assert chance_at_least(estimate(1.0), 0.5) is None


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_no_value_has_no_chance(value):
    assert chance_at_least(estimate(value, 0.1, 0.2), 0.1) is None
    assert chance_at_most(estimate(value, 0.1, 0.2), 0.1) is None


def test_a_value_that_cannot_vary_reaches_its_own_bound_from_both_sides():
    same = estimate(2.0, 2.0, 2.0, "USD")
    assert (chance_at_least(same, 2.0), chance_at_most(same, 2.0)) == (1.0, 1.0)
    assert (chance_at_least(same, 2.1), chance_at_most(same, 2.1)) == (0.0, 1.0)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(-1, 2))
def test_a_chance_is_a_share_and_the_two_sides_add_up(a, b, c, bound):
    low, value, high = sorted((a, b, c))
    for unit in ("share", "s"):
        one = estimate(value, low, high, unit, 7)
        least, most = chance_at_least(one, bound), chance_at_most(one, bound)
        assert 0 <= least <= 1
        assert least + most == pytest.approx(1) or low == value == high == bound


def test_a_difference_is_believed_by_its_interval():
    one = row("a", "b", 0.1, clear=True)
    assert difference_at_least(one, 0.05) == pytest.approx(0.975)
    assert difference_at_least(one, 0.15) == pytest.approx(0.025)
    assert difference_at_least(row("a", "b", None, clear=False), 0.0) is None
    assert difference_at_least(row("a", "b", 0.1, clear=True, low=None), 0.0) is None


def test_a_share_whose_count_is_not_whole_has_the_curve_of_its_interval():
    found = wilson(8, 10)
    share = estimate(0.83, found.low, found.high, "share", 10)
    assert chance_at_least(share, found.low) == pytest.approx(0.975, abs=0.01)
