import math
from random import Random

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from bakeoff.stats.intervals import clopper_pearson, mean_clustered, mean_t, quantile_interval, wilson

counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.5, 0.9, 0.95, 0.99])


@given(counts, levels)
def test_wilson_agrees_with_statsmodels(count: tuple[int, int], level: float) -> None:
    interval = wilson(*count, level=level)
    low, high = proportion_confint(*count, alpha=1.0 - level, method="wilson")
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-12)


@given(counts, levels)
def test_clopper_pearson_agrees_with_statsmodels(count: tuple[int, int], level: float) -> None:
    interval = clopper_pearson(*count, level=level)
    low, high = proportion_confint(*count, alpha=1.0 - level, method="beta")
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-10)


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
@given(count=counts)
def test_proportion_intervals_hold_the_share_and_mirror(method, count: tuple[int, int]) -> None:
    successes, n = count
    interval = method(successes, n)
    mirrored = method(n - successes, n)
    assert 0.0 <= interval.low <= successes / n <= interval.high <= 1.0
    assert interval.low < interval.high
    assert interval.low == pytest.approx(1.0 - mirrored.high, abs=1e-12)


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
def test_proportion_intervals_of_nothing_say_nothing(method) -> None:
    interval = method(0, 0)
    assert (interval.low, interval.high, interval.level) == (0.0, 1.0, 0.95)


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
def test_all_right_and_all_wrong_keep_a_width(method) -> None:
    right, wrong = method(30, 30), method(0, 30)
    assert right.high == 1.0
    assert 0.8 < right.low < 0.95
    assert wrong.low == 0.0
    assert wrong.high == pytest.approx(1.0 - right.low)


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
@pytest.mark.parametrize(
    ("successes", "n", "level"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, math.nan)]
)
def test_proportion_intervals_refuse_impossible_input(method, successes: int, n: int, level: float) -> None:
    with pytest.raises(ValueError, match=r"successes|level"):
        method(successes, n, level=level)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40), levels)
def test_mean_t_agrees_with_scipy(values: list[float], level: float) -> None:
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    result = mean_t(values, level=level)
    if result.se is None:
        assert spread <= 1e-13 * max(map(abs, values))
        return
    low, high = scipy.stats.t.interval(level, len(values) - 1, loc=float(np.mean(values)), scale=spread)
    assert (result.low, result.high) == pytest.approx((low, high), rel=1e-6, abs=1e-9)
    assert result.groups == result.n == len(values)


def test_mean_clustered_agrees_with_statsmodels() -> None:
    rng = Random(5)
    clusters = [f"c{rng.randrange(12)}" for _ in range(80)]
    effects = {name: rng.gauss(0, 1) for name in sorted(set(clusters))}
    values = [effects[name] + rng.gauss(0, 1) for name in clusters]
    codes = [sorted(effects).index(name) for name in clusters]
    fit = sm.OLS(values, np.ones(80)).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(codes)}, use_t=True
    )
    result = mean_clustered(values, clusters)
    low, high = fit.conf_int()[0]
    assert (result.se, result.low, result.high) == pytest.approx((fit.bse[0], low, high))
    assert (result.n, result.groups) == (80, 12)


def test_copies_in_clusters_add_no_certainty() -> None:
    values = [0.1, 0.4, 0.35, 0.8]
    once = mean_t(values)
    copied = mean_clustered(values * 10, [0, 1, 2, 3] * 10)
    assert (copied.se, copied.low, copied.high) == pytest.approx((once.se, once.low, once.high))


@pytest.mark.parametrize("values", [[0.7], [0.1] * 7, [0.0, 0.0], [1e9 + 0.1] * 1000])
def test_a_mean_without_spread_has_no_interval(values: list[float]) -> None:
    result = mean_t(values)
    assert result.mean == pytest.approx(values[0])
    assert (result.se, result.low, result.high) == (None, None, None)


def test_a_single_cluster_has_no_interval() -> None:
    result = mean_clustered([1.0, 2.0, 4.0], ["a", "a", "a"])
    assert (result.low, result.groups, result.n) == (None, 1, 3)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf, 1.0]])
def test_mean_refuses_nothing_and_nan(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least 1 value|NaN"):
        mean_t(values)


def test_mean_clustered_refuses_unequal_lengths_and_bad_levels() -> None:
    with pytest.raises(ValueError, match="equally long"):
        mean_clustered([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="level"):
        mean_t([1.0, 2.0], level=0.0)


@given(st.integers(0, 400), st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99]), levels)
def test_quantile_ranks_are_the_tightest_that_keep_the_level(n: int, q: float, level: float) -> None:
    tail = (1.0 - level) / 2.0
    result = quantile_interval([float(rank) for rank in range(1, n + 1)], q, level=level)
    below = scipy.stats.binom(n, q)
    low, high = result.low or 0.0, result.high or n + 1.0
    assert below.cdf(low - 1) <= tail + 1e-12 or low == 0.0
    assert below.cdf(low) > tail - 1e-12
    assert below.sf(high - 1) <= tail + 1e-12 or high == n + 1
    assert below.sf(high - 2) > tail - 1e-12
    assert result.coverage == pytest.approx(below.cdf(high - 1) - below.cdf(low - 1), abs=1e-9)
    assert result.coverage >= level - 1e-9


def test_a_tail_quantile_of_few_values_has_no_upper_bound() -> None:
    result = quantile_interval([float(value) for value in range(100)], 0.99)
    assert result.high is None
    assert result.low is not None
    assert quantile_interval([], 0.5).low is None


def test_ninety_five_percent_of_a_minimum_needs_59_values_without_a_miss() -> None:
    # 0.95^59 < 0.05: the classical one-sided bound is a two-sided 90 % one on each side.
    assert quantile_interval([0.0] * 58, 0.95, level=0.9).high is None
    assert quantile_interval([0.0] * 59, 0.95, level=0.9).high == 0.0


@pytest.mark.parametrize("q", [0.0, 1.0, math.nan])
def test_quantile_interval_refuses_the_ends(q: float) -> None:
    with pytest.raises(ValueError, match="strictly between"):
        quantile_interval([1.0], q)
