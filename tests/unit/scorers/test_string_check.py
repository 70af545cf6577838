"""NeMo's string check: an answer and a text, either on either side."""

import pytest

from bakeoff.records import Case, Sample
from bakeoff.scorers.string_check import StringCheck

SAMPLE = Sample(benchmark="b", case="1", target="t", outcome="ok")


@pytest.mark.parametrize(
    ("operation", "answer", "value", "passed"),
    [
        ("equals", "a", "a", True),
        ("equals", "A", "a", False),
        ("not equals", "A", "a", True),
        ("contains", "xay", "a", True),
        ("not contains", "xay", "a", False),
        ("startswith", "ab", "a", True),
        ("startswith", "ba", "a", False),
        ("endswith", "ba", "a", True),
    ],
)
def test_the_operations_compare_character_for_character(operation, answer, value, passed):
    grade = StringCheck(operation=operation, value=value).grade(answer, Case(), SAMPLE)
    assert (grade.passed, grade.value) == (passed, float(passed))
    assert operation in grade.reason


def test_the_answer_may_stand_on_the_right():
    check = StringCheck(operation="contains", value="all of it", swapped=True)
    assert check.grade("of", Case(), SAMPLE).passed
    assert not check.grade("all of it and more", Case(), SAMPLE).passed


def test_the_answer_is_changed_first_in_order():
    check = StringCheck(operation="equals", value="{{want}}", changes=("trim", "upper"))
    assert check.grade(" yes ", Case(fields={"want": "YES"}), SAMPLE).passed
    lower = StringCheck(operation="equals", changes=("lower",))
    assert lower.grade("YES", Case(reference="yes"), SAMPLE).passed


def test_of_several_right_answers_one_is_enough_and_not_means_none():
    case = Case(reference="a", accepted=("b",))
    assert StringCheck(operation="equals").grade("b", case, SAMPLE).passed
    assert not StringCheck(operation="not equals").grade("b", case, SAMPLE).passed


def test_a_case_without_the_text_has_no_grade():
    grade = StringCheck(operation="equals", value="{{none}}").grade("a", Case(), SAMPLE)
    assert (grade.value, grade.passed) == (None, None)
    assert "none" in grade.reason


def test_template_code_is_refused():
    with pytest.raises(ValueError, match="placeholders"):
        StringCheck(operation="equals", value="{{ a | trim }}")
