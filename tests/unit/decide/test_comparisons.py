"""Pairs of targets on the same cases: the same rule for both sides, and what was left out is said."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.decide.parts import answers_of, benchmark, cases, sample, score

from bakeoff.decide.collect import Collected, collect
from bakeoff.decide.comparisons import latency_comparisons, pairs, quality_comparisons
from bakeoff.records import Case, Comparison, DecideSpec

RULE = DecideSpec()
PASSED = st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=25)


def collected(**passed: list[bool | None]) -> Collected:
    samples, scores = [], []
    for target, values in passed.items():
        more = answers_of(target, values)
        samples += more[0]
        scores += more[1]
    return collect(samples, scores, frozenset())


def compare(
    data: Collected, names: list[str], *, rule: DecideSpec = RULE, **fields: object
) -> list[Comparison]:
    return quality_comparisons(data, benchmark(**fields), cases(60), names, rule)


def test_all_pairs_are_compared_and_challengers_come_before_the_incumbent():
    assert pairs(["a", "b", "c"], None) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert pairs(["a", "b", "c"], "b") == [("a", "b"), ("c", "b"), ("a", "c")]
    assert pairs(["a", "b"], "elsewhere") == [("a", "b")]
    assert pairs(["a"], None) == []


def test_passes_are_compared_by_mcnemar_with_counts():
    data = collected(a=[True] * 8 + [False] * 2, b=[True] * 3 + [False] * 7)
    (row,) = compare(data, ["a", "b"])
    assert row.test == "exact McNemar, Tango interval"
    assert (row.metric, row.n, row.only_a, row.only_b) == ("b.accuracy", 10, 5, 0)
    assert row.difference == pytest.approx(0.5)
    assert row.p == pytest.approx(0.0625)
    assert row.note == ""


@settings(max_examples=40)
@given(left=PASSED, right=PASSED, errors_count=st.booleans())
def test_swapping_the_two_targets_only_turns_the_signs(left, right, errors_count):
    data = collected(a=left, b=right)
    (one,) = compare(data, ["a", "b"], errors_count=errors_count)
    (other,) = compare(data, ["b", "a"], errors_count=errors_count)
    assert (one.n, one.p, one.test, one.note) == (other.n, other.p, other.test, other.note)
    assert (one.only_a, one.only_b) == (other.only_b, other.only_a)
    if one.difference is None:
        assert other.difference is None
    else:
        assert one.difference == pytest.approx(-other.difference, abs=1e-12)
        assert one.low == pytest.approx(-other.high, abs=1e-9)
        assert one.high == pytest.approx(-other.low, abs=1e-9)
        assert one.low <= one.difference <= one.high


@given(values=PASSED)
def test_identical_targets_differ_by_nothing_and_the_interval_says_how_sure_that_is(values):
    (row,) = compare(collected(a=values, b=values), ["a", "b"])
    assert (row.difference, row.p, row.p_adjusted) == (0.0, 1.0, 1.0)
    assert row.low < 0 < row.high


def test_failed_requests_count_against_both_sides_alike():
    data = collected(a=[True, None, None, True], b=[True, True, None, None])
    (row,) = compare(data, ["a", "b"])
    assert (row.n, row.difference, row.only_a, row.only_b) == (4, 0.0, 1, 1)


def test_where_errors_do_not_count_only_cases_that_both_answered_are_compared_and_the_rest_is_told():
    data = collected(a=[True, None, True, True], b=[True, True, None, False])
    (row,) = compare(data, ["a", "b"], errors_count=False)
    assert (row.n, row.only_a, row.only_b) == (2, 1, 0)
    assert row.note == "2 cases are left out because only one of the two has a value"


def test_cases_that_one_target_was_never_asked_are_left_out_and_told():
    data = collected(a=[True] * 5, b=[True] * 3)
    (row,) = compare(data, ["a", "b"])
    assert (row.n, row.note) == (3, "2 cases are left out because only one of the two has a value")


def test_without_a_common_case_there_is_no_difference():
    data = collected(a=[True, None], b=[None, True])
    (row,) = compare(data, ["a", "b"], errors_count=False)
    assert (row.n, row.difference, row.low, row.p, row.p_adjusted, row.test) == (
        0,
        None,
        None,
        None,
        None,
        "none",
    )
    assert "no graded case in common" in row.note


def test_a_target_without_scores_is_not_compared():
    assert compare(collected(a=[True]), ["a", "b"]) == []
    assert compare({}, ["a", "b"]) == []


def test_p_values_are_adjusted_over_the_pairs_of_a_metric():
    data = collected(a=[True] * 20, b=[False] * 20, c=[True] * 10 + [False] * 10)
    rows = compare(data, ["a", "b", "c"])
    ordered = sorted(rows, key=lambda row: row.p)
    assert [row.p_adjusted for row in ordered] == pytest.approx(
        [3 * ordered[0].p, max(3 * ordered[0].p, 2 * ordered[1].p), max(2 * ordered[1].p, ordered[2].p)]
    )
    assert all(row.p_adjusted >= row.p for row in rows)


def test_each_metric_is_a_family_of_its_own():
    samples, scores = answers_of("a", [True] * 9)
    other = answers_of("b", [False] * 9)
    extra = [
        score(one.case, one.target, one.passed, scorer="regex", metric="form") for one in [*scores, *other[1]]
    ]
    data = collect(samples + other[0], scores + other[1] + extra, frozenset())
    rows = compare(data, ["a", "b"])
    assert [row.metric for row in rows] == ["b.accuracy", "b.form"]
    assert [row.p_adjusted for row in rows] == [row.p for row in rows]


def test_repeats_are_averaged_before_they_are_compared():
    scores = [score("c0", t, passed=t == "a" or n > 0, repeat=n) for t in "ab" for n in range(4)]
    scores += [score("c1", t, passed=True, repeat=n) for t in "ab" for n in range(4)]
    (row,) = compare(collect([], scores, frozenset()), ["a", "b"])
    assert (row.n, row.difference) == (2, pytest.approx(0.125))
    assert "sign-flip" in row.test


def test_cases_of_a_cluster_are_not_counted_as_independent():
    known = {f"c{n}": Case(id=f"c{n}", cluster="one document") for n in range(12)}
    data = collected(a=[True] * 12, b=[False] * 12)
    (row,) = quality_comparisons(data, benchmark(), known, ["a", "b"], RULE)
    assert (row.n, row.p) == (12, 1.0)
    (apart,) = compare(data, ["a", "b"])
    assert apart.p < 0.001


def test_the_level_of_the_rule_is_the_interval():
    data = collected(a=[True] * 9 + [False], b=[True] * 5 + [False] * 5)
    (wide,) = compare(data, ["a", "b"], rule=DecideSpec(level=0.99))
    (narrow,) = compare(data, ["a", "b"], rule=DecideSpec(level=0.8))
    assert (wide.level, narrow.level) == (0.99, 0.8)
    assert wide.low < narrow.low
    assert narrow.high < wide.high


def timed(target: str, seconds: list[float | None]) -> list[object]:
    return [
        sample(
            f"c{n}",
            target,
            "error" if one is None else "ok",
            scheduled_at=10**9 * n,
            first_token_at=None if one is None else 10**9 * n + round(one * 1e9),
            done_at=None if one is None else 10**9 * n + round(2 * one * 1e9),
        )
        for n, one in enumerate(seconds)
    ]


def latencies(left: list[float | None], right: list[float | None]) -> list[Comparison]:
    data = collect(timed("a", left) + timed("b", right), [], frozenset())
    return latency_comparisons(data, benchmark(measured=True), ["a", "b"], RULE)


def test_latencies_are_compared_in_seconds_for_first_token_and_end():
    ttft, e2e = latencies([0.5, 0.6, 0.7], [0.1, 0.2, 0.3])
    assert (ttft.metric, e2e.metric) == ("b.ttft", "b.e2e")
    assert (ttft.difference, e2e.difference) == (pytest.approx(0.4), pytest.approx(0.8))
    assert ttft.note == "difference of means, over requests that both answered"


def test_requests_that_one_side_failed_are_left_out_and_told():
    ttft, _ = latencies([0.5, None, 0.7, 0.8], [0.1, 0.2, None, 0.3])
    assert ttft.n == 2
    assert ttft.note.endswith("; 2 requests are left out because only one of the two has a value")


@pytest.mark.parametrize("values", [([0.1], [0.2]), ([None, None], [0.1, 0.2]), ([], [])])
def test_fewer_than_two_common_requests_give_no_comparison(values):
    assert latencies(*values) == []


def test_a_target_that_was_not_measured_gives_no_comparison():
    data = collect(timed("a", [0.1, 0.2]), [], frozenset())
    assert latency_comparisons(data, benchmark(measured=True), ["a", "b"], RULE) == []


def test_a_slow_spell_is_one_event_and_no_proof():
    """One target meets a spell in which its server was busy: 50 neighbours, not 50 independent signs."""
    left = [0.3 if 40 <= n < 90 else 0.1 for n in range(200)]
    ttft, _ = latencies(left, [0.1] * 200)
    assert ttft.difference == pytest.approx(0.05)
    assert ttft.p > 0.001
    assert "over clusters" in ttft.test


def test_dependent_neighbours_raise_few_false_alarms():
    """Two equal servers whose latency wanders: the share of p < 0.05 stays near 0.05."""
    rng = Random(7)

    def wandering() -> list[float | None]:
        level, found = 0.0, []
        for _ in range(300):
            level = 0.8 * level + rng.gauss(0, 0.01)
            found.append(0.5 + level)
        return found

    alarms = sum(latencies(wandering(), wandering())[0].p < 0.05 for _ in range(40))
    assert alarms <= 7
