"""Grades of whole answers only, and of those that a crash left without."""

import asyncio
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.engine.grading import (
    JUDGE_FAILED,
    UNPARSABLE,
    NamedScorer,
    SlowGrading,
    grade,
    ungraded,
)
from bakeoff.errors import EndpointError, StoreError
from bakeoff.records import OUTCOMES, Case, Grade, Sample, Score
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
    found = ungraded(samples, scores, cases, {"b": scorers or (EXACT,)})
    return [score for each in found for score in grade(each.sample, each.case, each.scorers)]


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


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """Passes long answers, after a while; fails itself where it is told to."""

    metric: str = "patience"

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        await asyncio.sleep(0.001 * len(answer))
        if answer == "broken":
            raise EndpointError("nobody answers")
        return Grade(value=1.0, passed=len(answer) > 3, parsed=answer, reason=case.id)


PATIENT = NamedScorer(name="patient", scorer=Patient())


def graded_slowly(*samples: Sample) -> list[Score]:
    async def run() -> list[Score]:
        found: list[Score] = []
        async with SlowGrading(found.append) as slow:
            for one in samples:
                await slow.begin(one, CASE, [EXACT, PATIENT])
        return found

    return asyncio.run(run())


def test_slow_scorers_are_left_to_those_who_can_wait():
    assert [score.scorer for score in grade(sample(), CASE, [EXACT, PATIENT])] == ["exact"]
    assert [score.scorer for score in graded_slowly(sample())] == ["patient"]


def test_slow_scores_are_all_there_at_the_end_whatever_their_order():
    found = graded_slowly(*(sample(text="x" * n, case=f"c{n}") for n in (9, 1, 5, 2, 8, 4)))
    assert {score.case: score.passed for score in found} == {
        "c9": True,
        "c1": False,
        "c5": True,
        "c2": False,
        "c8": True,
        "c4": True,
    }


def test_a_scorer_that_fails_itself_is_no_loss():
    (score,) = graded_slowly(sample(text="broken"))
    assert (score.outcome, score.value, score.passed) == (JUDGE_FAILED, None, None)
    assert "nobody answers" in score.reason


def test_slow_scorers_grade_whole_answers_only():
    (score,) = graded_slowly(sample("truncated"))
    assert (score.outcome, score.passed) == ("truncated", None)


def test_a_full_disk_stops_slow_grading():
    async def run() -> None:
        def full(score: Score) -> None:
            raise StoreError("no space left")

        async with SlowGrading(full) as slow:
            await slow.begin(sample(), CASE, [PATIENT])

    with pytest.raises(ExceptionGroup, match="TaskGroup") as error:
        asyncio.run(run())
    assert isinstance(error.value.exceptions[0], StoreError)
