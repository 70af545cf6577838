import math
from itertools import product
from random import Random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.resampling import bootstrap, sign_flip, sign_test

small = st.lists(st.integers(-6, 6).map(lambda tenths: tenths / 10), min_size=1, max_size=10)


def by_hand(differences: list[float]) -> float:
    patterns = list(product((-1, 1), repeat=len(differences)))
    observed = abs(math.fsum(differences)) - 1e-12
    sums = (math.fsum(s * d for s, d in zip(signs, differences, strict=True)) for signs in patterns)
    return sum(abs(one) >= observed for one in sums) / len(patterns)


@given(st.integers(0, 60), st.integers(0, 60))
def test_sign_test_agrees_with_scipy(positive: int, negative: int) -> None:
    expected = scipy.stats.binomtest(positive, positive + negative).pvalue if positive + negative else 1.0
    assert sign_test(positive, negative) == pytest.approx(expected)
    observed = scipy.stats.binom.pmf(positive, positive + negative, 0.5)
    assert sign_test(positive, negative, mid_p=True) == pytest.approx(
        1.0 if positive == negative else expected - observed
    )


def test_sign_test_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        sign_test(-1, 2)


@given(small)
def test_sign_flip_of_few_values_counts_every_pattern(differences: list[float]) -> None:
    result = sign_flip(differences)
    assert result.draws is None
    assert result.p == pytest.approx(by_hand(differences))


@given(small, st.randoms(use_true_random=False))
def test_sign_flip_ignores_order_and_direction(differences: list[float], rng: Random) -> None:
    shuffled = [-one for one in differences]
    rng.shuffle(shuffled)
    assert sign_flip(shuffled).p == pytest.approx(sign_flip(differences).p)


def test_sign_flip_of_equal_sizes_is_the_sign_test_however_many() -> None:
    result = sign_flip([0.5] * 300 + [-0.5] * 250 + [0.0] * 500)
    assert result.draws is None
    assert result.p == sign_test(300, 250)


def test_sign_flip_by_draws_agrees_with_scipy_and_repeats_exactly() -> None:
    rng = Random(2)
    differences = [rng.gauss(0.12, 1.0) for _ in range(203)]
    result = sign_flip(differences, seed=4)
    expected = scipy.stats.permutation_test(
        (np.array(differences),),
        np.mean,
        permutation_type="samples",
        n_resamples=20_000,
        vectorized=True,
        rng=np.random.default_rng(1),
    ).pvalue
    assert result.draws == 10_000
    assert result.p == pytest.approx(expected, abs=0.025)
    assert result == sign_flip(differences, seed=4)
    assert result != sign_flip(differences, seed=5)


def test_sign_flip_never_reports_zero_from_draws() -> None:
    assert sign_flip([1.0 + i / 100 for i in range(40)], draws=99).p == 0.01


def test_sign_flip_of_more_than_a_block_still_flips_every_value() -> None:
    # The spread of the flipped sums is sqrt(sum d^2); half of the values missing would shrink it by 0.7.
    rng = Random(8)
    differences = [rng.choice((-1.0, 1.0, 2.0, -2.0)) for _ in range(6000)]
    scale = math.sqrt(math.fsum(d * d for d in differences))
    p = sign_flip(differences, draws=2000).p
    assert p == pytest.approx(2.0 * scipy.stats.norm.sf(abs(sum(differences)) / scale), abs=0.05)


def test_clusters_flip_as_one() -> None:
    differences = [0.2, 0.3, 0.1, 0.4, -0.1, 0.2]
    clusters = ["a", "a", "b", "b", "c", "c"]
    assert sign_flip(differences, clusters=clusters).p == pytest.approx(by_hand([0.5, 0.5, 0.1]))


def test_no_difference_at_all_gives_p_1() -> None:
    assert sign_flip([0.0] * 5).p == 1.0


@pytest.mark.parametrize("method", ["bca", "percentile"])
@pytest.mark.parametrize("kind", ["normal", "skewed", "discrete"])
def test_bootstrap_agrees_with_scipy(method: str, kind: str) -> None:
    rng = Random(6)
    draw = {
        "normal": lambda: rng.gauss(0.3, 1.0),
        "skewed": lambda: rng.lognormvariate(0.0, 1.2),
        "discrete": lambda: rng.choice((0.0, 0.0, 0.0, 1.0, -0.5)),
    }[kind]
    differences = [draw() for _ in range(60)]
    found = bootstrap(differences, method=method, resamples=8000)
    expected = scipy.stats.bootstrap(
        (np.array(differences),),
        np.mean,
        n_resamples=8000,
        method="BCa" if method == "bca" else "percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    width = expected.high - expected.low
    assert found is not None
    assert found.low == pytest.approx(expected.low, abs=0.06 * width)
    assert found.high == pytest.approx(expected.high, abs=0.06 * width)


@given(
    st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.0, 0.3, 1.0]), min_size=2, max_size=30),
    st.sampled_from(["bca", "percentile"]),
)
def test_bootstrap_stays_within_the_values_and_moves_with_them(differences: list[float], method: str) -> None:
    found = bootstrap(differences, method=method, resamples=200)
    shifted = bootstrap([one + 2.0 for one in differences], method="percentile", resamples=200)
    if found is None:
        assert len(set(differences)) == 1
        assert shifted is None
        return
    assert min(differences) - 1e-9 <= found.low <= found.high <= max(differences) + 1e-9
    assert shifted is not None
    assert min(differences) + 2.0 - 1e-9 <= shifted.low <= shifted.high <= max(differences) + 2.0 + 1e-9


@given(st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=20))
def test_bootstrap_is_seeded(differences: list[float]) -> None:
    assert bootstrap(differences, resamples=50, seed=3) == bootstrap(differences, resamples=50, seed=3)


def test_cluster_bootstrap_has_the_spread_of_whole_clusters() -> None:
    rng = Random(9)
    effects = [rng.gauss(0.0, 1.0) for _ in range(60)]
    equal = bootstrap(
        [e for e in effects for _ in range(5)], clusters=[i for i in range(60) for _ in range(5)]
    )
    alone = bootstrap(effects)
    assert equal is not None
    assert alone is not None
    assert equal.high - equal.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_cluster_bootstrap_of_unequal_sizes_agrees_with_the_robust_error() -> None:
    from bakeoff.stats.intervals import mean_clustered

    rng = Random(10)
    clusters = [i for i in range(150) for _ in range(1 + i % 4)]
    effects = [rng.gauss(0.0, 1.0) for _ in range(150)]
    values = [effects[i] + rng.gauss(0.0, 0.3) for i in clusters]
    found = bootstrap(values, clusters=clusters)
    robust = mean_clustered(values, clusters)
    assert found is not None
    assert robust.se is not None
    assert found.high - found.low == pytest.approx(2 * 1.976 * robust.se, rel=0.08)


@pytest.mark.parametrize(
    ("differences", "clusters"),
    [
        ([0.1], None),
        ([0.1] * 9, None),
        ([0.0] * 4, None),
        ([1.0, 2.0], ["a", "a"]),
        ([1.0, 2.0, 1.5], [1, 1, 2]),
    ],
)
def test_bootstrap_without_spread_gives_no_interval(differences, clusters) -> None:
    assert bootstrap(differences, clusters=clusters) is None


def test_bca_past_its_pole_stays_among_the_resamples() -> None:
    differences = [0.0] * 400 + [1.0]
    for flipped in (differences, [-one for one in differences]):
        found = bootstrap(flipped, level=1.0 - 1e-12, resamples=300)
        assert found is not None
        assert min(flipped) <= found.low <= found.high <= max(flipped)


@pytest.mark.parametrize("bad", [[], [math.nan], [math.inf, 0.0]])
def test_resampling_refuses_nothing_and_nan(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least 1 value|NaN"):
        sign_flip(bad)
    with pytest.raises(ValueError, match=r"at least 1 value|NaN"):
        bootstrap(bad)


def test_resampling_refuses_impossible_options() -> None:
    with pytest.raises(ValueError, match="draws"):
        sign_flip([1.0], draws=0)
    with pytest.raises(ValueError, match="resamples"):
        bootstrap([1.0, 2.0], resamples=0)
    with pytest.raises(ValueError, match="level"):
        bootstrap([1.0, 2.0], level=1.0)
    with pytest.raises(ValueError, match="equally long"):
        bootstrap([1.0, 2.0], clusters=["a"])


def test_no_p_value_is_zero() -> None:
    assert 0 < sign_test(20_000, 0) < 1e-300
    assert 0 < sign_test(20_000, 0, mid_p=True) < 1e-300
