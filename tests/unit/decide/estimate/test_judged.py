"""Judges in results: their failures are in no rate, and what they took is added up apart."""

from decimal import Decimal

import pytest

from bakeoff.decide.estimate.estimates import answer_estimates
from bakeoff.decide.estimate.judged import judge_notes, judge_warnings
from bakeoff.decide.estimate.repeated import repeat_estimates
from bakeoff.decide.gather.collect import Collected, case_values, collect
from bakeoff.records import BenchmarkSpec, Choice, Judgement, Sample, Score, Usage

BENCHMARK = BenchmarkSpec(name="b", dataset=Choice(type="jsonl"))


def score(case: str, value: float | None, *, repeat: int = 0, said: tuple[Judgement, ...] = ()) -> Score:
    return Score(
        benchmark="b",
        case=case,
        target="t",
        scorer="judge",
        metric="judge",
        value=value,
        passed=None if value is None else value > 0,
        outcome="ok" if value is not None else "judge_failed",
        repeat=repeat,
        reason="the judge `m` failed: it said nothing" if value is None else "",
        parsed="",
        judgements=list(said),
    )


def collected(*scores: Score) -> Collected:
    samples = [
        Sample(benchmark="b", case=each.case, target="t", outcome="ok", repeat=each.repeat) for each in scores
    ]
    return collect(samples, scores, frozenset())


@pytest.mark.parametrize("errors_count", [True, False])
def test_a_failed_judge_is_in_no_rate_whatever_the_policy(errors_count: bool):
    scores = {("c0", 0): score("c0", 1.0), ("c1", 0): score("c1", None)}
    found = case_values(scores, {}, errors_count=errors_count)
    assert (found.values, found.missing, found.lost) == ([1.0], 1, {})


def test_its_answers_are_counted_and_bounded():
    found = collected(score("c0", 1.0), score("c1", None), score("c2", 0.0), score("c3", None))
    answers = found["b", "t"]
    assert answers.outcomes == {"ok": 2, "judge_failed": 2}
    estimates = dict(answer_estimates(answers, BENCHMARK, {}, 0.95))
    shown = {name: estimates[f"b.judge{name}"].value for name in ("", "_answered", "_lowest", "_highest")}
    assert shown == {"": 0.5, "_answered": 0.5, "_lowest": 0.25, "_highest": 0.75}
    (warning,) = judge_warnings(found)
    assert "`judge` failed on 2 of 4 answers" in warning
    assert "said nothing" in warning


def test_scores_that_are_no_shares_have_no_such_bounds():
    answers = collected(score("c0", 7.0), score("c1", None))["b", "t"]
    estimates = dict(answer_estimates(answers, BENCHMARK, {}, 0.95))
    assert estimates["b.judge_answered"].value == 7.0
    assert "b.judge_lowest" not in estimates


def test_repeats_leave_it_out_too():
    scores = [score("c0", 1.0), score("c0", None, repeat=1), score("c1", 1.0), score("c1", 1.0, repeat=1)]
    answers = collected(*scores)["b", "t"]
    estimates = dict(repeat_estimates(answers, BENCHMARK, {}, 0.95))
    assert estimates["b.judge_majority"].value == 1.0


def test_nothing_is_said_where_nobody_judged():
    found = collected(score("c0", 1.0))
    assert judge_notes(found, "t") == judge_warnings(found) == []


def judgement(prompt: int | None, usd: str | None, model: str = "m") -> Judgement:
    usage = Usage(prompt=prompt, completion=None if prompt is None else 10)
    return Judgement(model=model, usage=usage, usd=None if usd is None else Decimal(usd), tries=2)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ([judgement(90, "0.25"), judgement(90, "0.5")], "4 requests for 2 answers, 200 tokens, 0.75 USD"),
        ([judgement(90, None)], "2 requests for 1 answers, 100 tokens, at no known price"),
        (
            [judgement(90, "0.25"), judgement(None, None)],
            "100 tokens (1 judgements were not counted), 0.25 USD for the 1 whose cost is known",
        ),
    ],
)
def test_what_judges_took_is_added_up_and_unknown_is_said(said: list[Judgement], text: str):
    found = collected(score("c0", 1.0, said=tuple(said)))
    (note,) = judge_notes(found, "t")
    assert text in note
    assert judge_notes(found, "other") == []
    assert next(iter(found["b", "t"].scores["judge"].values())).judgements == []


def test_each_judge_has_a_sum_of_its_own():
    found = collected(score("c0", 1.0, said=(judgement(1, None, "one"), judgement(1, None, "two"))))
    assert [note.split("`")[1] for note in judge_notes(found, "t")] == ["one", "two"]
