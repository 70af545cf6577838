"""Estimates: a value, its n, and an interval where the data can bear one."""

import math
from array import array
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.parts import answers_of, benchmark, cases, sample, score

from bakeoff.decide.estimate.estimates import (
    answer_estimates,
    metric_estimates,
    share_estimate,
    slices,
    spread,
)
from bakeoff.decide.gather.collect import Answers
from bakeoff.records import BenchmarkSpec, Case, Estimate, Price, Sample, SloSpec, Target, Usage

TARGET = Target(name="t", provider="openai_chat", model="m")


def graded(
    passed: list[bool | None], known: dict[str, Case] | None = None, **fields: object
) -> dict[str, Estimate]:
    samples, scores = answers_of("t", passed)
    answers = Answers(samples=samples, scores={"exact": {(one.case, 0): one for one in scores}})
    return dict(answer_estimates(answers, benchmark(**fields), known or cases(len(passed)), 0.95))


def test_a_share_of_passes_has_wilsons_interval():
    found = graded([True] * 7 + [False] * 3)
    assert list(found) == ["b.accuracy"]
    one = found["b.accuracy"]
    assert (one.value, one.n, one.unit, one.note) == (0.7, 10, "share", "Wilson")
    assert (one.low, one.high) == (pytest.approx(0.3968, abs=1e-3), pytest.approx(0.8922, abs=1e-3))


def test_failed_requests_count_as_the_policy_says_and_both_rates_are_shown():
    counted = graded([True, True, False, None])
    assert (counted["b.accuracy"].value, counted["b.accuracy"].n) == (0.5, 4)
    assert (counted["b.accuracy_answered"].value, counted["b.accuracy_answered"].n) == (
        pytest.approx(2 / 3),
        3,
    )
    assert (counted["b.accuracy_lowest"].value, counted["b.accuracy_highest"].value) == (0.5, 0.75)
    left_out = graded([True, True, False, None], errors_count=False)
    assert (left_out["b.accuracy"].value, left_out["b.accuracy"].n) == (pytest.approx(2 / 3), 3)


def test_nothing_but_failures_is_zero_by_policy_and_unknown_by_itself():
    found = graded([None, None])
    assert found["b.accuracy"].value == 0.0
    assert (found["b.accuracy_answered"].value, found["b.accuracy_answered"].note) == (
        None,
        "no graded sample",
    )
    assert (found["b.accuracy_lowest"].value, found["b.accuracy_highest"].value) == (0.0, 1.0)
    assert graded([None, None], errors_count=False)["b.accuracy"].value is None


def test_slices_are_estimated_where_they_have_a_value():
    known = {
        "c0": Case(id="c0", slices={"kind": "x", "level": "1"}),
        "c1": Case(id="c1", slices={"kind": "y"}),
        "c2": Case(id="c2"),
    }
    found = graded([True, None, False], known, errors_count=False)
    assert (found["b.accuracy@kind=x"].value, found["b.accuracy@level=1"].n) == (1.0, 1)
    assert "b.accuracy@kind=y" not in found
    assert slices(known.values()) == {
        "kind=x": frozenset({"c0"}),
        "level=1": frozenset({"c0"}),
        "kind=y": frozenset({"c1"}),
    }


@given(
    grades=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([True, False, None])), min_size=1),
    kinds=st.lists(st.sampled_from("xy"), min_size=6, max_size=6),
    clusters=st.lists(st.sampled_from(["p", "q", None]), min_size=6, max_size=6),
    errors_count=st.booleans(),
)
def test_a_slice_is_estimated_as_its_cases_alone_would_be(grades, kinds, clusters, errors_count):
    known = {
        f"c{n}": Case(id=f"c{n}", slices={"kind": kind}, cluster=cluster)
        for n, (kind, cluster) in enumerate(zip(kinds, clusters, strict=True))
    }
    scores = {(f"c{case}", n): score(f"c{case}", passed=one) for n, (case, one) in enumerate(grades)}
    alone = {key: one for key, one in scores.items() if known[key[0]].slices == {"kind": "x"}}
    both, part = (
        dict(
            answer_estimates(
                Answers(samples=[], scores={"exact": own}), benchmark(errors_count=errors_count), known, 0.95
            )
        )
        for own in (scores, alone)
    )
    expected = part.get("b.accuracy@kind=x")
    assert both.get("b.accuracy@kind=x") == expected
    assert expected is None or expected == part["b.accuracy"]


def test_clustered_cases_have_a_wider_interval():
    passed: list[bool | None] = [True] * 10 + [False] * 10
    known = {f"c{n}": Case(id=f"c{n}", cluster=f"d{n // 5}") for n in range(20)}
    apart, together = graded(passed)["b.accuracy"], graded(passed, known)["b.accuracy"]
    assert together.note == "t over 4 clusters"
    assert together.high - together.low > apart.high - apart.low


@given(st.lists(st.floats(0, 1), max_size=30), st.booleans(), st.integers(1, 5))
def test_every_share_stays_within_0_and_1_and_inside_its_interval(values, clustered, size):
    clusters = [f"d{n // size}" for n in range(len(values))] if clustered else None
    binary = set(values) <= {0.0, 1.0}
    found = share_estimate(values, clusters, 0.95, binary=binary)
    assert found.n == len(values)
    if not values:
        assert found.value is None
        return
    assert found.value == pytest.approx(math.fsum(values) / len(values))
    assert (found.low is None) == (found.high is None)
    if found.low is not None and found.high is not None:
        assert 0 <= found.low <= found.value + 1e-9
        assert found.value - 1e-9 <= found.high <= 1
        assert found.low < found.high


@pytest.mark.parametrize(("value", "low", "high"), [(1.0, 0.438, 1.0), (0.0, 0.0, 0.562)])
def test_all_alike_is_not_certain_and_repeats_do_not_make_it_so(value, low, high):
    found = share_estimate([value] * 3, None, 0.95, binary=False)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
    clustered = share_estimate([value] * 30, ["a", "b", "c"] * 10, 0.95, binary=True)
    assert (clustered.low, clustered.high) == (found.low, found.high)


def test_equal_partial_credit_bears_no_interval():
    found = share_estimate([0.5, 0.5], None, 0.95, binary=False)
    assert (found.value, found.low, found.note) == (0.5, None, "no spread to judge by")


def timed(n: int, **fields: object) -> Sample:
    at = 10**9 * n
    known: dict[str, object] = {
        "scheduled_at": at,
        "sent_at": at + 10**6,
        "first_token_at": at + 10**8 + n * 10**6,
        "first_answer_at": at + 10**8 + n * 10**6,
        "last_token_at": at + 2 * 10**8,
        "done_at": at + 2 * 10**8,
        "usage": Usage(prompt=10, completion=5 + n % 2, counted_by="server"),
        "chunks": 5,
    }
    return sample(f"c{n}", "t", **(known | fields))


def measured(
    samples: list[Sample],
    one: BenchmarkSpec | None = None,
    *,
    slo: SloSpec | None = None,
    target: Target = TARGET,
) -> dict[str, Estimate]:
    answers = Answers(samples=samples, scores={})
    return dict(metric_estimates(answers, one or benchmark(measured=True), target, slo, 0.95))


def test_times_are_quantiles_with_their_n_and_bounds_only_where_n_bears_them():
    found = measured([timed(n) for n in range(100)])
    assert found["b.ttft.p50"].value == pytest.approx(0.1495)
    assert found["b.ttft.p50"].low < 0.1495 < found["b.ttft.p50"].high
    assert (found["b.ttft.p99"].n, found["b.ttft.p99"].high) == (100, None)
    assert "b.ttft" not in found


def test_counts_and_costs_are_means():
    priced = msgspec.structs.replace(TARGET, price=Price(input=1, output=2))
    found = measured([timed(n) for n in range(10)], target=priced)
    assert (found["b.output_tokens"].value, found["b.output_tokens"].note) == (5.5, "t")
    assert found["b.cost"].value == pytest.approx((10 + 2 * 5.5) / 1e6)


def test_repeats_of_a_case_do_not_make_a_mean_more_certain():
    once = [timed(n) for n in range(6)]
    often = [msgspec.structs.replace(one, repeat=r) for one in once for r in range(10)]
    few, many = measured(once)["b.output_tokens"], measured(often)["b.output_tokens"]
    assert many.n == 60
    assert many.note == "t over 6 cases"
    assert many.high - many.low >= 0.9 * (few.high - few.low)


def test_attainment_is_of_all_requests_failed_ones_included():
    samples = [timed(n) for n in range(9)] + [sample("c9", "t", "timeout")]
    found = measured(samples, slo=SloSpec(ttft=1.0))["b.slo_attainment"]
    assert (found.value, found.n, found.note) == (0.9, 10, "exact")
    assert found.low < 0.9 < found.high
    assert "b.slo_attainment" not in measured(samples)


def test_without_a_value_an_estimate_says_so():
    found = measured([sample("c0", "t", "error")])
    assert (found["b.ttft"].value, found["b.ttft"].n, found["b.ttft"].note) == (
        None,
        0,
        "no sample has this value",
    )
    assert found["b.request_rate"].value is None


def test_rates_are_of_loads_only_since_elsewhere_targets_take_turns():
    samples = [timed(n) for n in range(5)]
    assert measured(samples)["b.request_rate"].value is not None
    assert "b.request_rate" not in measured(samples, benchmark())
    asked = measured(samples, benchmark(metrics=["request_rate", "ttft"]))
    assert asked["b.request_rate"].value is None
    assert "measured: true" in asked["b.request_rate"].note
    assert {name.split(".")[1] for name in asked} == {"request_rate", "ttft"}


def test_a_metric_that_gives_no_number_is_refused_by_name_not_averaged():
    huge = msgspec.structs.replace(TARGET, price=Price(input=Decimal("nan"), output=1))
    found = measured([timed(n) for n in range(3)], target=huge)["b.cost"]
    assert (found.value, found.note) == (None, "a value is NaN or infinite")


def test_a_scorers_name_stands_in_where_it_has_no_score():
    answers = Answers(samples=[], scores={"exact": {}})
    found = dict(answer_estimates(answers, benchmark(), {}, 0.95))
    assert found["b.exact"].value is None


def test_two_metrics_of_one_benchmark_are_both_estimated():
    scores = {"exact": {("c0", 0): score()}, "form": {("c0", 0): score(metric="form", passed=False)}}
    found = dict(answer_estimates(Answers(samples=[], scores=scores), benchmark(), cases(1), 0.95))
    assert (found["b.accuracy"].value, found["b.form"].value) == (1.0, 0.0)


def test_the_interval_of_a_cost_does_not_reach_below_nothing():
    values = array("d", [0.001] * 30 + [1.0])
    ((_, cost),) = spread("b.cost", "USD", values, [f"c{n}" for n in range(31)], 0.95)
    assert (cost.low, cost.value) == (0.0, pytest.approx(1.03 / 31))
    assert cost.high > cost.value
