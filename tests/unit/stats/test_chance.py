"""Chances against scipy, and what must hold of any chance."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm

from bakeoff.stats.chance import share_reaches, value_reaches

COUNTS = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
BOUNDS = st.floats(0, 1)
NUMBERS = st.floats(-1e6, 1e6)


@given(COUNTS, BOUNDS)
def test_a_share_has_the_posterior_of_jeffreys_prior(counts, bound):
    successes, n = counts
    expected = beta.sf(bound, successes + 0.5, n - successes + 0.5)
    assert share_reaches(successes, n, bound) == pytest.approx(expected, rel=1e-7, abs=1e-12)


@given(COUNTS, BOUNDS)
def test_reaching_a_bound_and_its_mirror_are_complements(counts, bound):
    successes, n = counts
    mirrored = share_reaches(n - successes, n, 1 - bound)
    assert share_reaches(successes, n, bound) + mirrored == pytest.approx(1, abs=1e-9)


@given(COUNTS, st.tuples(BOUNDS, BOUNDS))
def test_a_higher_bound_is_never_likelier(counts, bounds):
    low, high = sorted(bounds)
    assert share_reaches(*counts, high) <= share_reaches(*counts, low) + 1e-12


def test_nothing_seen_leaves_the_prior():
    assert share_reaches(0, 0, 0.5) == pytest.approx(0.5)
    assert (share_reaches(0, 0, 0.0), share_reaches(0, 0, 1.0)) == (1.0, 0.0)


def test_59_of_59_prove_95_percent_by_the_exact_bound_and_the_chance_agrees():
    assert share_reaches(59, 59, 0.95) == pytest.approx(0.9863, abs=1e-4)


@given(NUMBERS, st.floats(0.001, 1e6), NUMBERS, st.sampled_from([0.9, 0.95, 0.99]))
def test_a_value_is_believed_by_the_normal_curve_of_its_interval(value, half, bound, level):
    sd = half / norm.ppf(0.5 + level / 2)
    found = value_reaches(value, value - half, bound, level=level)
    assert found == pytest.approx(norm.sf(bound, value, sd), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_the_chance_at_the_ends_of_an_interval_is_the_intervals_own(level):
    assert value_reaches(5, 4, 4, level=level) == pytest.approx((1 + level) / 2)
    assert value_reaches(5, 6, 6, level=level) == pytest.approx((1 - level) / 2)
    assert value_reaches(5, 4, 5, level=level) == 0.5


def test_an_interval_without_width_leaves_no_doubt():
    assert [value_reaches(2, 2, bound) for bound in (1, 2, 3)] == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("wrong", [(3, 2, 0.5), (-1, 2, 0.5), (1, 2, 1.5), (1, 2, math.nan)])
def test_impossible_counts_and_bounds_are_refused(wrong):
    with pytest.raises(ValueError, match=r"between|share"):
        share_reaches(*wrong)


@pytest.mark.parametrize("wrong", [(math.nan, 1, 1), (1, math.inf, 1), (1, 1, math.nan)])
def test_numbers_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="finite"):
        value_reaches(*wrong)
    with pytest.raises(ValueError, match="level"):
        value_reaches(1, 1, 1, level=1)
