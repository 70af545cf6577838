"""Grades of whole answers only, and of those that a crash left without."""

from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.engine.grading import UNPARSABLE, NamedScorer, grade, missing_scores
from bakeoff.records import OUTCOMES, Case, Sample, Score
from bakeoff.scorers.exact import Exact
from bakeoff.scorers.numeric import Numeric

EXACT = NamedScorer(name="exact", scorer=Exact())
NUMERIC = NamedScorer(name="numeric", scorer=Numeric(metric="right"))
CASE = Case(id="c", reference="4")


def sample(outcome: str = "ok", text: str = "4", **fields: object) -> Sample:
    return Sample(
        **({"benchmark": "b", "case": "c", "target": "t", "outcome": outcome, "text": text} | fields)
    )


def test_every_scorer_gives_one_score_under_its_name():
    first, second = grade(sample(), CASE, [EXACT, NUMERIC])
    assert (first.scorer, first.metric, first.passed, first.value) == ("exact", "accuracy", True, 1.0)
    assert (second.scorer, second.metric, second.passed) == ("numeric", "right", True)


def test_the_score_has_the_samples_key():
    (score,) = grade(sample(repeat=3, stage="main"), CASE, [EXACT])
    assert (score.benchmark, score.case, score.target, score.repeat, score.stage) == (
        "b",
        "c",
        "t",
        3,
        "main",
    )


def test_only_whole_answers_are_graded():
    for outcome in OUTCOMES[1:]:
        (score,) = grade(sample(outcome), CASE, [EXACT])
        assert (score.value, score.passed, score.outcome) == (None, None, outcome)
        assert outcome in score.reason


def test_an_answer_from_which_nothing_can_be_read_is_unparsable_and_not_failed_silently():
    (score,) = grade(sample(text="no number here"), CASE, [NUMERIC])
    assert score.outcome == UNPARSABLE
    assert not score.passed


def test_a_wrong_answer_is_graded_as_it_is():
    (score,) = grade(sample(text="5"), CASE, [NUMERIC])
    assert (score.outcome, score.passed, score.value) == ("ok", False, 0.0)


def missing(samples: Iterable[Sample], scores: Iterable[Score], *scorers: NamedScorer) -> list[Score]:
    cases = {"b": {f"c{n}": msgspec.structs.replace(CASE, id=f"c{n}") for n in range(9)}}
    return list(missing_scores(samples, scores, cases, {"b": scorers or (EXACT,)}))


def test_nothing_is_missing_where_every_sample_was_graded():
    samples = [sample(case=f"c{n}") for n in range(3)]
    scores = [score for one in samples for score in grade(one, CASE, [EXACT])]
    assert missing(samples, scores) == []


def test_a_sample_that_was_stored_just_before_a_crash_is_graded_afterwards():
    samples = [sample(case="c0"), sample(case="c1", text="wrong")]
    (score,) = missing(samples, grade(samples[0], CASE, [EXACT]))
    assert (score.case, score.passed) == ("c1", False)


def test_the_later_sample_of_a_key_is_graded_where_its_score_is_missing():
    samples = [sample("error", "", case="c0"), sample(case="c0")]
    (score,) = missing(samples, grade(samples[0], CASE, [EXACT]))
    assert (score.outcome, score.passed) == ("ok", True)


def test_all_scorers_are_asked_again_where_one_is_missing():
    one = sample(case="c0")
    found = missing([one], grade(one, CASE, [EXACT]), EXACT, NUMERIC)
    assert [score.scorer for score in found] == ["exact", "numeric"]


@given(graded=st.sets(st.integers(0, 8)))
def test_exactly_what_is_missing_is_made_up_for(graded):
    samples = [sample(case=f"c{n}") for n in range(9)]
    scores = [score for n in graded for score in grade(samples[n], CASE, [EXACT])]
    assert {score.case for score in missing(samples, scores)} == {f"c{n}" for n in set(range(9)) - graded}
