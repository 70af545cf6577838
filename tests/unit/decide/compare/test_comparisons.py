"""Pairs of targets on the same cases: the same rule for both sides, and what was left out is said."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.decide.parts import answers_of, benchmark, cases, score

from bakeoff.decide.compare.comparisons import quality_comparisons
from bakeoff.decide.gather.collect import Collected, collect
from bakeoff.records import Case, Comparison, DecideSpec
from bakeoff.stats.repeats import split_variance

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


def test_passes_are_compared_by_mcnemar_with_counts():
    data = collected(a=[True] * 8 + [False] * 2, b=[True] * 3 + [False] * 7)
    (row,) = compare(data, ["a", "b"])
    assert row.test == "exact McNemar, Tango interval"
    assert (row.metric, row.n, row.only_a, row.only_b) == ("b.accuracy", 10, 5, 0)
    assert row.difference == pytest.approx(0.5)
    assert row.p == pytest.approx(0.0625)
    assert row.unit == "share"
    assert row.note.startswith("only 5 of 10 cases differ: even if all favoured the same target, p could not")


def test_enough_data_needs_no_words():
    (row,) = compare(collected(a=[True] * 8 + [False] * 2, b=[True] * 2 + [False] * 8), ["a", "b"])
    assert (row.only_a, row.note) == (6, "")


@settings(max_examples=40)
@given(left=PASSED, right=PASSED, errors_count=st.booleans())
def test_swapping_the_two_targets_only_turns_the_signs(left, right, errors_count):
    data = collected(a=left, b=right)
    (one,) = compare(data, ["a", "b"], errors_count=errors_count)
    (other,) = compare(data, ["b", "a"], errors_count=errors_count)
    assert (one.test, bool(one.note)) == (other.test, bool(other.note))
    assert (one.n, one.n_b) == ((other.n, None) if one.n_b is None else (other.n_b, other.n))
    assert (one.only_a, one.only_b) == (other.only_b, other.only_a)
    if one.difference is None:
        assert (other.difference, one.p, other.p) == (None, None, None)
    else:
        assert one.p == pytest.approx(other.p)
        assert one.difference == pytest.approx(-other.difference, abs=1e-12)
        assert one.low == pytest.approx(-other.high, abs=1e-9)
        assert one.high == pytest.approx(-other.low, abs=1e-9)
        assert one.low <= one.difference <= one.high


@given(values=PASSED)
def test_identical_targets_differ_by_nothing_and_the_interval_says_how_sure_that_is(values):
    (row,) = compare(collected(a=values, b=values), ["a", "b"])
    if set(values) == {None}:
        assert (row.difference, row.p, row.n) == (None, None, 0)
        assert "could be graded: nothing can be concluded" in row.note
        return
    assert (row.difference, row.p, row.p_adjusted) == (0.0, 1.0, 1.0)
    assert row.low < 0 < row.high
    assert "may differ by up to" in row.note


def test_failed_requests_count_against_both_sides_alike():
    data = collected(a=[True, None, None, True], b=[True, True, None, None])
    (row,) = compare(data, ["a", "b"])
    assert (row.n, row.difference, row.only_a, row.only_b) == (4, 0.0, 1, 1)


def test_where_errors_do_not_count_only_cases_that_both_answered_are_compared_and_the_rest_is_told():
    data = collected(a=[True, None, True, True], b=[True, True, None, False])
    (row,) = compare(data, ["a", "b"], errors_count=False)
    assert (row.n, row.only_a, row.only_b) == (2, 1, 0)
    assert row.note.startswith("2 cases are left out because only one of the two has a value; only 1 of 2")


def test_cases_that_one_target_was_never_asked_are_left_out_and_told():
    data = collected(a=[True] * 5, b=[True] * 3)
    (row,) = compare(data, ["a", "b"])
    assert row.n == 3
    assert row.note.startswith("2 cases are left out because only one of the two has a value; both are right")


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


def repeated(target: str, answers: list[list[bool]]) -> list[object]:
    return [
        score(f"c{n}", target, passed=one, repeat=turn)
        for n, each in enumerate(answers)
        for turn, one in enumerate(each)
    ]


def test_repeats_are_averaged_before_they_are_compared():
    scores = [score("c0", t, passed=t == "a" or n > 0, repeat=n) for t in "ab" for n in range(4)]
    scores += [score("c1", t, passed=True, repeat=n) for t in "ab" for n in range(4)]
    (row,) = compare(collect([], scores, frozenset()), ["a", "b"])
    assert (row.n, row.difference) == (2, pytest.approx(0.125))
    assert "sign-flip" in row.test
    assert row.test.endswith(", repeats averaged within cases")


def test_more_repeats_of_the_same_cases_are_no_more_cases():
    """Ten answers to each of 8 cases that all say the same: n stays 8, and so does p."""
    once = repeated("a", [[True]] * 6 + [[False]] * 2) + repeated("b", [[False]] * 8)
    often = repeated("a", [[True] * 10] * 6 + [[False] * 10] * 2) + repeated("b", [[False] * 10] * 8)
    (few,) = compare(collect([], once, frozenset()), ["a", "b"])
    (many,) = compare(collect([], often, frozenset()), ["a", "b"])
    assert (few.n, few.p) == (many.n, many.p) == (8, pytest.approx(2 / 64))


def test_the_interval_holds_what_varies_between_cases_and_between_answers():
    """Its width is that of the two levels of variance together, as the analysis of variance tells them."""
    rng = Random(3)
    ease = [rng.random() for _ in range(300)]
    answers = {t: [[rng.random() < p for _ in range(3)] for p in ease] for t in "ab"}
    scores = repeated("a", answers["a"]) + repeated("b", answers["b"])
    known = cases(300)
    (row,) = quality_comparisons(collect([], scores, frozenset()), benchmark(), known, ["a", "b"], RULE)
    gaps = [
        [float(one) - float(other) for one, other in zip(*both, strict=True)]
        for both in zip(answers["a"], answers["b"], strict=True)
    ]
    parts = split_variance(gaps)
    error = ((parts.between + parts.within / 3) / 300) ** 0.5
    assert row.high - row.low == pytest.approx(2 * 1.96 * error, rel=0.08)
    within_alone = (parts.within / 900) ** 0.5
    assert parts.between == 0 or error > within_alone


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


def test_with_an_incumbent_its_challengers_are_the_family_that_decides():
    data = collected(a=[True] * 20, b=[False] * 20, c=[True] * 10 + [False] * 10, d=[True] * 20)
    rows = compare(data, ["a", "b", "c", "d"], rule=DecideSpec(incumbent="b"))
    against = [row for row in rows if row.b == "b"]
    others = [row for row in rows if row.b != "b"]
    assert [(row.a, row.b) for row in rows[:3]] == [("a", "b"), ("c", "b"), ("d", "b")]
    smallest = min(row.p for row in against)
    assert next(row.p_adjusted for row in against if row.p == smallest) == pytest.approx(3 * smallest)
    smallest = min(row.p for row in others)
    assert next(row.p_adjusted for row in others if row.p == smallest) == pytest.approx(3 * smallest)


def test_against_the_incumbent_alone_there_are_fewer_tests():
    data = collected(a=[True] * 20, b=[False] * 20, c=[True] * 10 + [False] * 10)
    rule = DecideSpec(incumbent="b")
    rows = quality_comparisons(data, benchmark(), cases(60), ["a", "b", "c"], rule, only_incumbent=True)
    assert [(row.a, row.b) for row in rows] == [("a", "b"), ("c", "b")]
    assert rows[0].p_adjusted == pytest.approx(2 * rows[0].p)


def test_targets_that_answered_different_cases_are_compared_unpaired_and_it_is_said():
    scores = [score(f"x{n}", "a", passed=n < 30) for n in range(40)]
    scores += [score(f"y{n}", "b", passed=n < 10) for n in range(50)]
    (row,) = compare(collect([], scores, frozenset()), ["a", "b"])
    assert row.test == "unpaired: Fisher's exact, Newcombe interval"
    assert (row.n, row.n_b, row.difference) == (40, 50, pytest.approx(0.55))
    assert row.low > 0
    assert row.p < 0.001
    assert row.note.startswith("unpaired: the two answered different cases (40 and 50)")


def test_unpaired_cases_of_a_cluster_are_kept_together():
    known = {
        f"{side}{n}": Case(id=f"{side}{n}", cluster=f"{side} document {n // 10}")
        for side in "xy"
        for n in range(40)
    }
    scores = [score(f"x{n}", "a", passed=n < 30) for n in range(40)]
    scores += [score(f"y{n}", "b", passed=n < 10) for n in range(40)]
    data = collect([], scores, frozenset())
    (row,) = quality_comparisons(data, benchmark(), known, ["a", "b"], RULE)
    assert row.test == "unpaired: Welch t over clusters"
    assert row.low < 0 < row.high
    (apart,) = compare(data, ["a", "b"])
    assert apart.low > 0


def test_scores_that_are_no_shares_have_a_unit_of_their_own():
    scores = [
        score(f"c{n}", t, passed=None, value=float(n + (t == "a")), outcome="ok")
        for t in "ab"
        for n in range(9)
    ]
    (row,) = compare(collect([], scores, frozenset()), ["a", "b"])
    assert (row.unit, row.difference, row.low) == ("score", 1.0, None)
    assert row.note == "all values differ by the same amount, so there is no spread to make an interval from"


def test_answers_without_a_grade_are_told():
    data = collected(a=[None] * 4 + [True] * 16, b=[False] * 20)
    (row,) = compare(data, ["a", "b"])
    assert row.note == "4 answers of a have no grade and count as wrong"
    (row,) = compare(collected(a=[True] * 20, b=[None] * 20), ["a", "b"])
    assert row.note == "no answer of b could be graded, so the difference tells of failures alone"
    (row,) = compare(collected(a=[True] * 20, b=[None] * 20), ["a", "b"], errors_count=False)
    assert (row.p, row.note) == (None, "no answer of b could be graded: nothing can be concluded")


def test_a_slice_is_compared_on_its_own_cases():
    known = {f"c{n}": Case(id=f"c{n}", slices={"kind": "even" if n % 2 == 0 else "odd"}) for n in range(40)}
    values = {"a": [n % 2 == 0 for n in range(40)], "b": [False] * 40}
    rows = quality_comparisons(collected(**values), benchmark(), known, ["a", "b"], RULE)
    assert [(row.metric, row.n, row.difference) for row in rows] == [
        ("b.accuracy", 40, 0.5),
        ("b.accuracy@kind=even", 20, 1.0),
        ("b.accuracy@kind=odd", 20, 0.0),
    ]
    assert rows[1].p_adjusted == pytest.approx(2 * rows[1].p)
