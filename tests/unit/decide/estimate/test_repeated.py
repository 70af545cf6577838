"""Repeats: what several answers to a case tell beyond their mean."""

import msgspec
import pytest
from tests.unit.decide.parts import benchmark, cases, score

from bakeoff.decide.estimate.repeated import repeat_estimates
from bakeoff.decide.gather.collect import Answers
from bakeoff.records import Estimate, Score


def repeated(rows: list[list[tuple[str | None, bool | None]]], **fields: object) -> dict[str, Estimate]:
    """Return the estimates of cases whose repeats are (parsed answer, passed)."""
    found: dict[tuple[str, int], Score] = {}
    for index, row in enumerate(rows):
        for repeat, (parsed, passed) in enumerate(row):
            one = score(f"c{index}", "t", passed=passed)
            found[f"c{index}", repeat] = msgspec.structs.replace(one, repeat=repeat, parsed=parsed)
    answers = Answers(samples=[], scores={"exact": found})
    return dict(repeat_estimates(answers, benchmark(**fields), cases(len(rows)), 0.95))


def test_one_answer_to_each_case_tells_nothing_more():
    assert repeated([[("4", True)], [("5", False)]]) == {}


def test_pass_rates_over_repeats_bracket_their_mean():
    found = repeated([[("4", True), ("4", True), ("5", False)], [("1", False), ("2", True), ("3", False)]])
    assert found["b.accuracy_pass_at_2"].value == pytest.approx((1 + 2 / 3) / 2)
    assert found["b.accuracy_pass_all_2"].value == pytest.approx((1 / 3 + 0) / 2)
    assert found["b.accuracy_pass_at_3"].value == 1.0
    assert found["b.accuracy_pass_all_3"].value == 0.0
    assert found["b.accuracy_pass_at_3"].n == 2


def test_the_majority_is_of_answers_and_a_tie_counts_by_its_parts():
    voted = repeated([[("4", True), ("5", False), ("5", False)], [("1", True), ("1", True), ("2", False)]])
    assert voted["b.accuracy_majority"].value == 0.5
    assert repeated([[("4", True), ("5", False)]])["b.accuracy_majority"].value == 0.5
    unnamed = repeated([[(None, True), (None, True), (None, False)]])
    assert unnamed["b.accuracy_majority"].value == 1.0


def test_answers_without_a_grade_count_as_the_policy_says():
    rows: list[list[tuple[str | None, bool | None]]] = [
        [("4", True), (None, None)],
        [("4", True), ("4", True)],
    ]
    assert repeated(rows)["b.accuracy_pass_all_2"].value == 0.5
    left_out = repeated(rows, errors_count=False)["b.accuracy_pass_all_2"]
    assert (left_out.value, left_out.n) == (1.0, 1)


def test_spread_is_split_into_cases_and_repeats():
    found = repeated([[("4", True)] * 4, [("5", False)] * 4, [("4", True)] * 4])
    assert found["b.accuracy_within_cases"].value == 0.0
    between = found["b.accuracy_between_cases"].value
    assert between == pytest.approx((1 / 3) ** 0.5)
    assert found["b.accuracy_within_cases"].note == "standard deviation; 3 cases"
