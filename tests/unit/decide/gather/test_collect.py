"""Samples and scores are gathered once each: later ones win, warm-up is out, nothing is dropped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.parts import answers_of, cases, sample, score

from bakeoff.decide.gather.collect import case_values, cluster_names, collect
from bakeoff.records import OUTCOMES, Case

NO_WARMUP: frozenset[str] = frozenset()
KEYS = st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.sampled_from(["t", "u"]))


@given(st.lists(st.tuples(KEYS, st.sampled_from(OUTCOMES)), max_size=30))
def test_the_last_sample_of_a_key_counts_and_each_key_once(stored):
    samples = [sample(case, target, outcome, repeat=repeat) for (case, repeat, target), outcome in stored]
    found = collect(samples, [], NO_WARMUP)
    latest = dict(stored)
    kept = {
        (one.case, one.repeat, one.target): one.outcome
        for answers in found.values()
        for one in answers.samples
    }
    assert kept == latest
    assert sum(len(answers.samples) for answers in found.values()) == len(latest)


def test_a_sample_that_was_tried_again_keeps_its_place_in_the_order():
    samples = [sample("a", outcome="error"), sample("b"), sample("a")]
    found = collect(samples, [], NO_WARMUP)["b", "t"]
    assert [(one.case, one.outcome) for one in found.samples] == [("a", "ok"), ("b", "ok")]


def test_the_later_score_of_a_sample_replaces_the_earlier():
    found = collect([sample()], [score(passed=False), score(passed=True)], NO_WARMUP)["b", "t"]
    assert [one.passed for one in found.scores["exact"].values()] == [True]


def test_repeats_and_scorers_are_kept_apart():
    scores = [score(repeat=0), score(repeat=1), score(scorer="exact-2", metric="strict")]
    found = collect([], scores, NO_WARMUP)["b", "t"]
    assert {name: list(rows) for name, rows in found.scores.items()} == {
        "exact": [("c0", 0), ("c0", 1)],
        "exact-2": [("c0", 0)],
    }


def test_the_warm_up_is_counted_and_nowhere_else():
    samples = [sample(stage="warmup"), sample("c1", stage="warmup"), sample()]
    found = collect(samples, [score(stage="warmup")], frozenset({"warmup"}))["b", "t"]
    assert (found.warmups, len(found.samples), found.scores) == (2, 1, {})


def test_outcomes_count_every_sample_once_and_name_the_unparsable():
    samples, scores = answers_of("t", [True, False, None, True])
    scores[1] = score("c1", passed=None, outcome="unparsable")
    found = collect(samples, scores, NO_WARMUP)["b", "t"]
    assert found.outcomes == {"ok": 2, "error": 1, "unparsable": 1}


def test_outcomes_are_never_below_zero():
    scores = [score("c0", passed=None, outcome="unparsable"), score("c1", passed=None, outcome="unparsable")]
    assert collect([], scores, NO_WARMUP)["b", "t"].outcomes == {}
    assert collect([sample("c0")], scores, NO_WARMUP)["b", "t"].outcomes == {"unparsable": 1}


@pytest.mark.parametrize(("errors_count", "values"), [(True, [1.0, 0.0, 0.0]), (False, [1.0, 0.0])])
def test_the_policy_says_what_a_missing_grade_is_worth(errors_count, values):
    scores = {
        ("c0", 0): score("c0"),
        ("c1", 0): score("c1", passed=False),
        ("c2", 0): score("c2", passed=None),
    }
    found = case_values(scores, cases(3), errors_count=errors_count)
    assert found.values == values
    assert (found.graded, found.missing, found.right, found.binary) == (2, 1, 1.0, True)


def test_an_unparsable_answer_has_no_grade_even_if_it_has_a_value():
    scores = {("c0", 0): score("c0", passed=False, outcome="unparsable")}
    assert case_values(scores, cases(1), errors_count=False).values == []
    assert case_values(scores, cases(1), errors_count=True).values == [0.0]


def test_repeats_of_a_case_are_averaged_and_are_one_value():
    scores = {("c0", n): score("c0", passed=n < 1, repeat=n) for n in range(4)} | {("c1", 0): score("c1")}
    found = case_values(scores, cases(2), errors_count=True)
    assert (found.cases, found.values, found.binary) == (["c0", "c1"], [0.25, 1.0], False)


def test_partial_credit_is_no_pass_or_fail():
    scores = {("c0", 0): score("c0", passed=True, value=0.5)}
    found = case_values(scores, cases(1), errors_count=True)
    assert (found.values, found.binary) == ([0.5], False)


def test_a_yes_or_no_without_a_value_counts_as_one():
    scores = {
        ("c0", 0): score("c0", passed=True, value=None),
        ("c1", 0): score("c1", passed=False, value=None),
    }
    assert case_values(scores, cases(2), errors_count=True).values == [1.0, 0.0]


def test_values_are_computed_once_for_each_policy():
    scores = [score("c0"), score("c1", passed=None)]
    answers = collect([], scores, NO_WARMUP)["b", "t"]
    known = cases(2)
    counted = answers.values("exact", known, errors_count=True)
    assert answers.values("exact", known, errors_count=True) is counted
    assert counted.values == [1.0, 0.0]
    assert answers.values("exact", known, errors_count=False).values == [1.0]


def test_values_of_other_cases_have_the_clusters_of_these():
    answers = collect([], [score("c0"), score("c1")], NO_WARMUP)["b", "t"]
    assert answers.values("exact", cases(2), errors_count=True).clusters is None
    found = answers.values("exact", cases(2, cluster="x"), errors_count=True)
    assert found.clusters == ["cluster x", "cluster x"]


def test_clusters_are_named_where_some_case_has_one():
    known = {"a": Case(id="a", cluster="x"), "b": Case(id="b", cluster="x"), "x": Case(id="x")}
    names = cluster_names(["a", "b", "x"], known)
    assert names is not None
    assert names[0] == names[1] != names[2]
    assert cluster_names(["x", "unknown"], known) is None


@given(
    passed=st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=30),
    errors_count=st.booleans(),
)
def test_every_sample_is_graded_or_missing(passed, errors_count):
    _, scores = answers_of("t", passed)
    by_case = {(one.case, 0): one for one in scores}
    found = case_values(by_case, cases(len(passed)), errors_count=errors_count)
    assert found.graded + found.missing == len(passed)
    assert found.missing == passed.count(None)
    assert sum(found.values) == found.right == passed.count(True)
    assert len(found.values) == (len(passed) if errors_count else found.graded)
