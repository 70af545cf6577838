"""Answers that pile on a letter are said; the mode and both balances stand in the facts."""

import pytest

from bakeoff.decide.estimate.choices import choice_facts, choice_warnings
from bakeoff.decide.gather.collect import Answers
from bakeoff.records import BenchmarkSpec, Case, Choice, Event, Score

LETTERS = "ABCD"


def bench(mode):
    return BenchmarkSpec(name="b", dataset=Choice(type="jsonl"), multiple_choice=mode)


def cases(n):
    return {
        str(i): Case(id=str(i), fields={"choices": list("wxyz")}, reference=LETTERS[i % 4]) for i in range(n)
    }


def answered(letters, target="t"):
    scores = {
        (str(i), 0): Score(
            benchmark="b", case=str(i), target=target, scorer="acc", metric="acc", value=1.0, passed=True,
            outcome="ok", parsed=letter,
        )
        for i, letter in enumerate(letters)
    }  # fmt: skip
    return {("b", target): Answers(samples=[], scores={"acc": scores}, parts={})}


@pytest.mark.parametrize("mode", ["first_token", "letter"])
def test_a_model_that_prefers_a_letter_is_named(mode):
    (warning,) = choice_warnings(bench(mode), cases(40), answered("A" * 25 + "BCD" * 5))
    assert warning.startswith("b on t: 25 of 40 answers are A, where shuffled choices would give about 10:")


def test_balanced_answers_and_likelihoods_need_no_warning():
    assert choice_warnings(bench("letter"), cases(40), answered(LETTERS * 10)) == []
    assert choice_warnings(bench("letter"), cases(40), answered("A" * 13 + "BCD" * 9)) == []
    assert choice_warnings(bench("grammar"), cases(40), answered("A" * 40)) == []
    assert choice_warnings(bench("letter"), cases(4), answered([])) == []
    assert (
        choice_warnings(bench("letter"), cases(4), {("other", "t"): Answers(samples=[], scores={}, parts={})})
        == []
    )


def test_rows_with_fewer_choices_are_expected_to_have_more_early_letters():
    two = {str(i): Case(id=str(i), fields={"choices": ["x", "y"]}, reference="A") for i in range(40)}
    assert choice_warnings(bench("letter"), two, answered("A" * 25 + "B" * 15)) == []


def test_the_facts_hold_mode_balance_and_what_was_passed_over():
    facts = {"modes": {"b": "letter"}, "passed_over": {"b": ["`t` has no `grammar`"]}}
    events = [Event(kind="run_started"), Event(kind="modes_chosen", facts=facts)]
    found = choice_facts(bench("letter"), cases(8), answered(["B", "B", "A", None, "unclear"]), events)
    assert found == {
        "multiple choice": {
            "mode": "letter",
            "right answers": {"A": 2, "B": 2, "C": 2, "D": 2},
            "answers": {"t": {"A": 1, "B": 2}},
            "passed over": ["`t` has no `grammar`"],
        }
    }
    assert choice_facts(bench(None), cases(8), {}, []) == {}
    assert "passed over" not in choice_facts(bench("letter"), cases(8), {}, [])["multiple choice"]
