import math
from random import Random

import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from bakeoff.stats.paired import (
    PairedTable,
    compare_passes,
    compare_scores,
    mcnemar,
    newcombe_paired,
    tabulate,
    tango,
)

tables = st.builds(
    PairedTable,
    both=st.integers(0, 60),
    only_a=st.integers(0, 60),
    only_b=st.integers(0, 60),
    neither=st.integers(0, 60),
)
# Airway reactivity of 21 children, the worked example of Fagerland, Lydersen & Laake (Stat. Med. 33, 2014).
AIRWAYS = PairedTable(both=1, only_a=1, only_b=7, neither=12)


def swapped(table: PairedTable) -> PairedTable:
    return PairedTable(both=table.both, only_a=table.only_b, only_b=table.only_a, neither=table.neither)


def test_published_example() -> None:
    assert mcnemar(AIRWAYS) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(AIRWAYS, mid_p=True) == pytest.approx(0.0391, abs=5e-5)
    score = tango(AIRWAYS)
    assert (score.low, score.high) == pytest.approx((-0.517, -0.026), abs=5e-4)
    added = newcombe_paired(AIRWAYS)
    assert (added.low, added.high) == pytest.approx((-0.507, -0.026), abs=5e-4)


@given(tables)
def test_mcnemar_agrees_with_statsmodels(table: PairedTable) -> None:
    counts = [[table.both, table.only_a], [table.only_b, table.neither]]
    if table.only_a + table.only_b:
        assert mcnemar(table) == pytest.approx(statsmodels_mcnemar(counts, exact=True).pvalue)
    else:
        assert mcnemar(table) == mcnemar(table, mid_p=True) == 1.0


def score_statistic(b: int, c: int, n: int, d: float) -> float:
    """z at the difference d, the nuisance share found by maximising the likelihood numerically."""

    def loss(q: float) -> float:
        chances = (q + d, q, 1.0 - 2.0 * q - d)
        counts = (b, c, n - b - c)
        return -sum(k * math.log(max(p, 1e-300)) for k, p in zip(counts, chances, strict=True) if k)

    bounds = (max(0.0, -d), (1.0 - d) / 2.0)
    q = scipy.optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    return (b - c - n * d) / math.sqrt(n * (2.0 * q + d * (1.0 - d)))


@pytest.mark.parametrize(
    ("b", "c", "n"), [(8, 3, 40), (3, 8, 40), (0, 6, 50), (25, 20, 60), (1, 1, 20), (40, 20, 160)]
)
def test_tango_bounds_are_where_the_numeric_score_test_turns(b: int, c: int, n: int) -> None:
    interval = tango(PairedTable(both=n - b - c, only_a=b, only_b=c, neither=0), level=0.9)
    z = scipy.stats.norm.ppf(0.95)
    assert score_statistic(b, c, n, interval.low) == pytest.approx(z, abs=1e-4)
    assert score_statistic(b, c, n, interval.high) == pytest.approx(-z, abs=1e-4)


def test_tango_without_discordant_pairs_has_its_closed_form() -> None:
    z2 = scipy.stats.norm.ppf(0.975) ** 2
    interval = tango(PairedTable(both=50, only_a=0, only_b=0, neither=50))
    assert interval.high == pytest.approx(z2 / (100 + z2))
    assert interval.low == pytest.approx(-interval.high)


@pytest.mark.parametrize("method", [tango, newcombe_paired])
@given(table=tables)
def test_paired_intervals_hold_the_difference_and_mirror(method, table: PairedTable) -> None:
    interval = method(table)
    mirrored = method(swapped(table))
    slack = 1e-9
    assert -1.0 - slack <= interval.low <= interval.high <= 1.0 + slack
    assert interval.low == pytest.approx(-mirrored.high, abs=1e-9)
    if table.n:
        assert interval.low - slack <= table.difference <= interval.high + slack
        assert interval.high - interval.low > 0.0


@given(tables.filter(lambda table: table.n > 0))
def test_tango_narrows_with_the_level(table: PairedTable) -> None:
    wide, narrow = tango(table, level=0.99), tango(table, level=0.8)
    assert wide.low <= narrow.low <= narrow.high <= wide.high


def test_newcombe_without_correlation_is_the_unpaired_interval() -> None:
    from bakeoff.stats.unpaired import Passes, newcombe_unpaired

    # A slightly positive cross product, which the correction takes back to zero.
    table = PairedTable(both=10, only_a=10, only_b=10, neither=11)
    paired = newcombe_paired(table)
    unpaired = newcombe_unpaired(Passes(passed=20, n=41), Passes(passed=20, n=41))
    assert (paired.low, paired.high) == pytest.approx((unpaired.low, unpaired.high))


@pytest.mark.parametrize(
    "table",
    [
        PairedTable(both=9, only_a=0, only_b=0, neither=0),
        PairedTable(both=0, only_a=0, only_b=0, neither=9),
        PairedTable(both=0, only_a=9, only_b=0, neither=0),
        PairedTable(both=0, only_a=0, only_b=9, neither=0),
    ],
)
@pytest.mark.parametrize("method", [tango, newcombe_paired])
def test_one_sided_tables_keep_a_width(method, table: PairedTable) -> None:
    interval = method(table)
    assert interval.high - interval.low > 0.1
    assert interval.low == pytest.approx(-1.0) if table.only_b else interval.low > -1.0


def test_empty_tables_say_nothing() -> None:
    empty = PairedTable(both=0, only_a=0, only_b=0, neither=0)
    assert (tango(empty).low, newcombe_paired(empty).high, mcnemar(empty)) == (-1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="no pairs"):
        _ = empty.difference


@pytest.mark.parametrize("method", [tango, newcombe_paired])
def test_paired_intervals_refuse_impossible_input(method) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        method(PairedTable(both=-1, only_a=1, only_b=1, neither=1))
    with pytest.raises(ValueError, match="level"):
        method(AIRWAYS, level=0.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=50))
def test_tabulate_counts_every_pair_once(pairs: list[tuple[bool, bool]]) -> None:
    table = tabulate([a for a, _ in pairs], [b for _, b in pairs])
    assert table.only_a == pairs.count((True, False))
    assert table.only_b == pairs.count((False, True))
    assert table.both == pairs.count((True, True))
    assert table.n == len(pairs)


def test_tabulate_refuses_unequal_lengths() -> None:
    with pytest.raises(ValueError, match="equally long"):
        tabulate([True], [])


def test_compare_passes_reports_mcnemar_and_tango() -> None:
    a = [True] * 30 + [True] * 9 + [False] * 2 + [False] * 9
    b = [True] * 30 + [False] * 9 + [True] * 2 + [False] * 9
    result = compare_passes(a, b)
    assert result.difference == pytest.approx(7 / 50)
    assert (result.only_a, result.only_b, result.n, result.groups) == (9, 2, 50, 50)
    assert result.p == pytest.approx(scipy.stats.binomtest(2, 11).pvalue)
    assert (result.low, result.high) == (tango(tabulate(a, b)).low, tango(tabulate(a, b)).high)
    assert result.test == "exact McNemar, Tango interval"


def test_clusters_of_one_case_change_nothing() -> None:
    a, b = [True, False, True], [False, False, True]
    assert compare_passes(a, b, clusters=["x", "y", "z"]) == compare_passes(a, b)


def test_copied_cases_in_clusters_add_no_certainty() -> None:
    rng = Random(11)
    a = [rng.random() < 0.8 for _ in range(60)]
    b = [rng.random() < 0.6 for _ in range(60)]
    once = compare_passes(a, b)
    copied = compare_passes(a * 5, b * 5, clusters=[i for _ in range(5) for i in range(60)])
    assert copied.p == pytest.approx(once.p)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.15)
    assert (copied.n, copied.groups) == (300, 60)
    assert copied.test == "sign-flip permutation over clusters (exact), BCa bootstrap interval"


def test_compare_scores_names_its_draws_and_repeats_exactly() -> None:
    rng = Random(12)
    a = [rng.random() for _ in range(80)]
    b = [value - 0.1 + rng.gauss(0.0, 0.1) for value in a]
    result = compare_scores(a, b, seed=1)
    assert result.test == "sign-flip permutation (10,000 draws), BCa bootstrap interval"
    assert result.low < result.difference < result.high
    assert result.p < 0.001
    assert result == compare_scores(a, b, seed=1)
    assert result.only_a + result.only_b == 80


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=12))
def test_swapping_the_sides_mirrors_difference_and_p(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    one, other = compare_scores(a, b), compare_scores(b, a)
    assert one.difference == pytest.approx(-other.difference)
    assert one.p == pytest.approx(other.p)
    assert (one.only_a, one.only_b) == (other.only_b, other.only_a)


def test_identical_shares_are_bounded_not_certain() -> None:
    result = compare_scores([0.5, 1.0, 0.0], [0.5, 1.0, 0.0])
    assert (result.difference, result.p) == (0.0, 1.0)
    assert result.low == pytest.approx(-result.high)
    assert result.high > 0.5
    assert result.test == "no case differs, Tango interval"


def test_identical_cases_of_two_clusters_count_as_two() -> None:
    result = compare_passes([True] * 40, [True] * 40, clusters=[0, 1] * 20)
    assert result.high == pytest.approx(tango(PairedTable(both=2, only_a=0, only_b=0, neither=0)).high)


@pytest.mark.parametrize(("a", "b"), [([5.0, 7.0], [5.0, 7.0]), ([0.75, 1.0], [0.5, 0.75]), ([2.0], [1.0])])
def test_scores_without_spread_have_no_interval(a: list[float], b: list[float]) -> None:
    result = compare_scores(a, b)
    assert (result.low, result.high) == (None, None)


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([1.0], []), ([math.nan], [1.0]), ([1.0], [math.nan]), ([math.inf], [1.0])]
)
def test_compare_scores_refuses_nothing_and_nan(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least 1 value|NaN|equally long"):
        compare_scores(a, b)


def test_comparisons_refuse_no_pairs_and_bad_levels() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        compare_passes([], [])
    with pytest.raises(ValueError, match="level"):
        compare_scores([1.0], [0.0], level=1.0)


def test_many_scores_are_compared_without_drawing_and_say_so() -> None:
    rng = Random(5)
    a = [rng.random() for _ in range(600)]
    found = compare_scores(a, [value + rng.gauss(0.02, 0.3) for value in a])
    assert found.test == "sign-flip permutation (saddlepoint), BCa bootstrap interval"
    assert found.low < found.difference < found.high


def test_equal_values_that_are_no_shares_have_no_interval() -> None:
    shares = compare_scores([0.5] * 9, [0.5] * 9)
    seconds = compare_scores([0.5] * 9, [0.5] * 9, shares=False)
    assert shares.low is not None
    assert (seconds.low, seconds.high, seconds.p) == (None, None, 1.0)
    assert "Tango" not in seconds.test
