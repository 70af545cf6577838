"""What planned cases can show: the stated power holds in simulations of the very tests that decide."""

from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bakeoff.decide.forecast.power import (
    ASSUMED_DISAGREEMENT,
    ASSUMED_ICC,
    Observed,
    Question,
    allowed_misses,
    bounding_requests,
    design_effect,
    detectable_gap,
    planned_comparisons,
    planned_load,
    proving_requests,
)
from bakeoff.records import DecideSpec
from bakeoff.stats.intervals import clopper_pearson, quantile_interval
from bakeoff.stats.multiple import holm
from bakeoff.stats.paired import PairedTable, mcnemar, tango
from bakeoff.stats.power import noninferior_cases
from bakeoff.stats.resampling import sign_flip

SIMULATED = 3_000


@cache
def exact_p(only_a: int, only_b: int) -> float:
    return mcnemar(PairedTable(both=0, only_a=only_a, only_b=only_b, neither=0))


def tables(rng: np.random.Generator, n: int, disagreement: float, gap: float) -> np.ndarray:
    """Draw how often one alone and the other alone is right."""
    shares = [(disagreement + gap) / 2, (disagreement - gap) / 2, 1 - disagreement]
    return rng.multinomial(n, shares, size=SIMULATED)[:, :2]


def question(cases: int = 200, *, targets: int = 2, margin: float = 0.0, size: int = 1) -> Question:
    return Question(
        metric="own.accuracy",
        targets=[f"t{index}" for index in range(targets)],
        clusters=[size] * (cases // size),
        margin=margin,
    )


@pytest.mark.parametrize(
    ("n", "disagreement", "family"),
    [
        (50, 0.3, 1),
        (50, 0.5, 3),
        (200, 0.2, 1),
        (200, 0.2, 3),
        (200, 0.5, 10),
        (1000, 0.1, 3),
        (1000, 0.3, 10),
    ],
)
def test_a_gap_of_the_stated_size_is_shown_eight_times_in_ten(n, disagreement, family):
    gap = detectable_gap(n, disagreement, 0.05 / family)
    assert gap is not None
    rng = np.random.default_rng(n + family)
    real = tables(rng, n, disagreement, gap)
    equal = [tables(rng, n, disagreement, 0.0) for _ in range(family - 1)]
    shown = 0
    for at in range(SIMULATED):
        counts = [real[at], *(each[at] for each in equal)]
        adjusted = holm([exact_p(int(a), int(b)) for a, b in counts])
        shown += adjusted[0] is not None and adjusted[0] < 0.05 and real[at][0] > real[at][1]
    assert 0.76 <= shown / SIMULATED <= 0.87


@pytest.mark.parametrize(("n", "family"), [(50, 1), (200, 3), (1000, 1)])
def test_half_of_that_gap_is_mostly_not_seen(n, family):
    gap = detectable_gap(n, 0.3, 0.05 / family)
    assert gap is not None
    drawn = tables(np.random.default_rng(n), n, 0.3, gap / 2)
    assert sum(exact_p(int(a), int(b)) < 0.05 / family for a, b in drawn) / SIMULATED < 0.4


def test_the_needed_cases_defend_a_margin_eight_times_in_ten():
    (row,) = planned_comparisons(question(margin=0.1), DecideSpec(), {})
    needed = row.scenarios[0].needed
    assert needed is not None
    drawn = tables(np.random.default_rng(5), needed, row.scenarios[0].disagreement, 0.0)[:1000]
    bounds = [
        tango(PairedTable(both=0, only_a=int(a), only_b=int(b), neither=needed - int(a) - int(b))).low
        for a, b in drawn
    ]
    assert 0.76 <= sum(low > -0.1 for low in bounds) / len(bounds) <= 0.84


def test_clustered_cases_show_the_gap_that_their_worth_promises():
    size, icc, disagreement, clusters = 5, 0.5, 0.4, 300
    effect = design_effect([size] * clusters, icc)
    assert effect == pytest.approx(3.0)
    gap = detectable_gap(clusters * size / effect, disagreement, 0.05)
    assert gap is not None
    rng = np.random.default_rng(11)
    shown = 0
    for _ in range(120):
        shares = [(disagreement + gap) / 2, (disagreement - gap) / 2, 1 - disagreement]
        common = rng.choice([1, -1, 0], size=clusters, p=shares)
        own = rng.choice([1, -1, 0], size=(clusters, size), p=shares)
        # A case says what its whole cluster says with probability icc ** 0.5, so two agree with icc.
        values = np.where(rng.random((clusters, size)) < icc**0.5, common[:, None], own).ravel()
        names = [at // size for at in range(clusters * size)]
        differences = [float(value) for value in values]
        shown += sign_flip(differences, clusters=names).p < 0.05 and sum(differences) > 0
    assert 0.7 <= shown / 120 <= 0.9


@given(
    cases=st.integers(0, 3000),
    more=st.integers(1, 3000),
    disagreement=st.floats(0.01, 1.0),
    family=st.integers(1, 100),
)
def test_more_cases_never_raise_the_smallest_gap(cases, more, disagreement, family):
    few, many = (detectable_gap(n, disagreement, 0.05 / family) for n in (cases, cases + more))
    assume(few is not None)
    assert many is not None
    assert many <= few + 1e-12


@given(cases=st.integers(10, 3000), disagreement=st.floats(0.01, 1.0), family=st.integers(1, 50))
def test_more_comparisons_never_lower_the_smallest_gap(cases, disagreement, family):
    one, all_of_them = (detectable_gap(cases, disagreement, 0.05 / m) for m in (1, family))
    assert all_of_them is None or (one is not None and one <= all_of_them + 1e-12)
    assert one is None or 0 < one < disagreement


@given(st.lists(st.integers(1, 30), min_size=1, max_size=50), st.floats(0, 1))
def test_clusters_are_worth_at_most_their_cases_and_at_least_one_each_if_equal(sizes, icc):
    effect = design_effect(sizes, icc)
    assert 1.0 <= effect <= max(sizes) + 1e-9
    assert design_effect([1] * len(sizes), icc) == 1.0


def test_without_cases_there_is_nothing_to_inflate():
    assert design_effect([], 0.5) == 1.0
    assert detectable_gap(0, 0.3, 0.05) is None


def test_challengers_are_held_against_the_incumbent_alone():
    rows = planned_comparisons(question(targets=4), DecideSpec(incumbent="t2"), {})
    assert [(row.a, row.b) for row in rows] == [("t0", "t2"), ("t1", "t2"), ("t3", "t2")]
    assert {(row.family, row.alpha) for row in rows} == {(3, round(0.05 / 3, 12))}


def test_without_an_incumbent_all_pairs_share_the_level():
    rows = planned_comparisons(question(targets=5), DecideSpec(level=0.9), {})
    assert len(rows) == 10
    assert {(row.family, row.alpha) for row in rows} == {(10, 0.01)}


def test_assumptions_stand_where_no_run_tells():
    (row,) = planned_comparisons(question(), DecideSpec(), {})
    assert tuple(one.disagreement for one in row.scenarios) == ASSUMED_DISAGREEMENT
    assert {one.source for one in row.scenarios} == {"assumed"}
    gaps = [one.gap for one in row.scenarios if one.gap is not None]
    assert gaps == sorted(gaps)
    assert round(100 * gaps[0], 1) == 9.1
    assert row.scenarios[0].needed is None


def test_what_a_run_observed_replaces_assumptions_in_either_order():
    seen = {("t1", "t0"): Observed(disagreement=0.08, n=128)}
    (row,) = planned_comparisons(question(margin=0.03), DecideSpec(), seen, "run-1")
    (one,) = row.scenarios
    assert (one.disagreement, one.source) == (0.08, "128 cases of run-1")
    assert one.needed == noninferior_cases(0.03, 0.08, alpha=0.025)


@pytest.mark.parametrize("disagreement", [0.0, 1.5])
def test_a_run_without_usable_disagreement_leaves_the_assumptions(disagreement):
    seen = {("t0", "t1"): Observed(disagreement=disagreement, n=20)}
    (row,) = planned_comparisons(question(), DecideSpec(), seen, "run-1")
    assert len(row.scenarios) == len(ASSUMED_DISAGREEMENT)


def test_clusters_cost_cases_by_the_assumed_or_the_observed_correlation():
    (row,) = planned_comparisons(question(200, size=5, margin=0.1), DecideSpec(), {})
    one = row.scenarios[0]
    assert (one.icc, one.effective) == (ASSUMED_ICC, pytest.approx(200 / 1.8))
    independent = noninferior_cases(0.1, 0.2, alpha=0.025)
    assert one.needed == pytest.approx(1.8 * independent, abs=1)
    seen = {("t0", "t1"): Observed(disagreement=0.2, n=50, icc=1.0)}
    (row,) = planned_comparisons(question(200, size=5), DecideSpec(), seen, "r")
    assert row.scenarios[0].effective == pytest.approx(40)


def test_five_clusters_can_show_nothing_however_large():
    (row,) = planned_comparisons(question(500, size=100), DecideSpec(), {})
    assert [one.gap for one in row.scenarios] == [None] * 3
    (row,) = planned_comparisons(question(700, size=100), DecideSpec(), {})
    assert row.scenarios[-1].gap is not None


def test_one_target_has_nothing_to_be_compared_with():
    assert planned_comparisons(question(targets=1), DecideSpec(), {}) == []


@pytest.mark.parametrize(("attainment", "needed"), [(0.95, 72), (0.9, 36), (0.99, 368), (0.5, 6), (0.0, 1)])
def test_requests_that_prove_an_attainment_without_a_miss(attainment, needed):
    assert proving_requests(attainment, 0.95) == needed


@given(attainment=st.floats(0.05, 0.995), level=st.floats(0.6, 0.99))
def test_proving_requests_are_the_fewest(attainment, level):
    needed = proving_requests(attainment, level)
    assert needed is not None
    assert clopper_pearson(needed, needed, level=level).low >= attainment - 1e-12
    if needed > 1:
        assert clopper_pearson(needed - 1, needed - 1, level=level).low < attainment + 1e-12


def test_no_number_of_requests_proves_every_one():
    assert proving_requests(1.0, 0.95) is None
    assert planned_load("load", 10_000, 1.0, 0.95).misses is None


@given(requests=st.integers(0, 600), attainment=st.floats(0.05, 0.99))
def test_allowed_misses_are_the_most(requests, attainment):
    misses = allowed_misses(requests, attainment, 0.95)
    if misses is None:
        assert requests == 0 or clopper_pearson(requests, requests).low < attainment
        return
    assert clopper_pearson(requests - misses, requests).low >= attainment
    assert misses == requests or clopper_pearson(requests - misses - 1, requests).low < attainment


def test_an_attainment_of_nothing_may_be_missed_by_all():
    assert allowed_misses(10, 0.0, 0.95) == 10


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_a_percentile_is_bounded_from_its_number_on(q):
    needed = bounding_requests(q, 0.95)
    assert quantile_interval([float(x) for x in range(needed)], q).high is not None
    assert quantile_interval([float(x) for x in range(needed - 1)], q).high is None


def test_a_load_without_targets_still_says_its_percentiles():
    load = planned_load("load", 100, None, 0.95)
    assert (load.needed, load.misses, load.percentiles) == (None, None, ["p50", "p90", "p95"])
