import math
from random import Random

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from bakeoff.stats.unpaired import Passes, compare_means, compare_rates, fisher_exact, newcombe_unpaired

passes = st.integers(1, 80).flatmap(lambda n: st.builds(Passes, passed=st.integers(0, n), n=st.just(n)))


@given(passes, passes)
def test_newcombe_agrees_with_statsmodels(a: Passes, b: Passes) -> None:
    interval = newcombe_unpaired(a, b)
    expected = confint_proportions_2indep(a.passed, a.n, b.passed, b.n, method="newcomb", compare="diff")
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-9)


@given(passes, passes)
def test_fisher_agrees_with_scipy(a: Passes, b: Passes) -> None:
    counts = [[a.passed, a.n - a.passed], [b.passed, b.n - b.passed]]
    assert fisher_exact(a, b) == pytest.approx(scipy.stats.fisher_exact(counts).pvalue, rel=1e-6)


def test_compare_rates_reports_both_and_says_unpaired() -> None:
    a, b = Passes(passed=56, n=70), Passes(passed=48, n=80)
    result = compare_rates(a, b)
    # The worked example of Newcombe's paper: 0.2, 95 % interval 0.0524 to 0.3339.
    assert (result.difference, result.low, result.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert result.p == fisher_exact(a, b)
    assert (result.n_a, result.n_b) == (70, 80)
    assert result.test.startswith("unpaired")


@pytest.mark.parametrize("a", [Passes(passed=0, n=0), Passes(passed=3, n=2), Passes(passed=-1, n=2)])
def test_rates_refuse_empty_and_impossible_samples(a: Passes) -> None:
    with pytest.raises(ValueError, match=r"empty|successes"):
        compare_rates(a, Passes(passed=1, n=2))
    with pytest.raises(ValueError, match=r"empty|successes"):
        fisher_exact(Passes(passed=1, n=2), a)


def test_compare_means_agrees_with_scipy() -> None:
    rng = Random(3)
    a = [rng.gauss(1.0, 1.0) for _ in range(12)]
    b = [rng.gauss(0.3, 3.0) for _ in range(30)]
    result = compare_means(a, b)
    welch = scipy.stats.ttest_ind(a, b, equal_var=False)
    bounds = welch.confidence_interval(0.95)
    assert (result.p, result.low, result.high) == pytest.approx((welch.pvalue, bounds.low, bounds.high))


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=15),
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=15),
)
def test_swapping_the_sides_mirrors_the_result(a: list[float], b: list[float]) -> None:
    one, other = compare_means(a, b), compare_means(b, a)
    assert one.difference == -other.difference
    assert one.p == (None if other.p is None else pytest.approx(other.p))
    assert (one.low is None) == (one.high is None) == (one.p is None)
    if one.low is not None and other.high is not None:
        assert one.low == pytest.approx(-other.high, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [([1.0], [0.5, 0.6]), ([0.1] * 3, [0.2] * 3), ([0.0] * 3, [0.0] * 3)])
def test_means_without_spread_have_neither_bounds_nor_p(a: list[float], b: list[float]) -> None:
    result = compare_means(a, b)
    assert (result.low, result.high, result.p) == (None, None, None)
    assert result.difference == pytest.approx(sum(a) / len(a) - sum(b) / len(b))


def test_one_constant_side_is_no_obstacle() -> None:
    assert compare_means([0.1] * 3, [0.2, 0.3, 0.4]).p is not None


@pytest.mark.parametrize("bad", [[], [math.nan, 1.0], [math.inf, 1.0]])
def test_means_refuse_nothing_and_nan(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least 1 value|NaN"):
        compare_means(bad, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"at least 1 value|NaN"):
        compare_means([1.0, 2.0], bad)


def test_means_of_clusters_are_compared_by_their_clusters() -> None:
    """Ten copies of each value say no more than the value: the same as comparing single ones."""
    a, b = [0.1, 0.4, 0.6, 0.3], [0.7, 0.9, 0.5]
    once = compare_means(a, b)
    copies = [one for one in a for _ in range(10)], [one for one in b for _ in range(10)]
    found = compare_means(
        *copies, clusters_a=[i // 10 for i in range(40)], clusters_b=[i // 10 for i in range(30)]
    )
    assert found.test == "unpaired: Welch t over clusters"
    assert (found.n_a, found.n_b) == (40, 30)
    assert (found.difference, found.p) == (pytest.approx(once.difference), pytest.approx(once.p))
    assert (found.low, found.high) == (pytest.approx(once.low), pytest.approx(once.high))


def test_one_cluster_on_a_side_gives_no_test() -> None:
    found = compare_means([0.1, 0.2], [0.3, 0.5], clusters_a=["x", "x"])
    assert (found.p, found.low, found.test) == (None, None, "unpaired: Welch t over clusters")
