import msgspec
import pytest

from bakeoff.scorers.exact import Exact


@pytest.mark.parametrize(
    ("options", "answer", "reference", "passed"),
    [
        ({}, "Paris", "Paris", True),
        ({}, " Paris\n", "Paris", True),
        ({}, "New\n  York", "New York", True),
        ({}, "paris", "Paris", False),
        ({}, "Paris.", "Paris", False),
        ({}, "Paris, France", "Paris", False),
        ({}, "cafe\u0301", "café", True),
        ({}, "4", 4, True),
        ({}, "true", True, True),
        ({"ignore_whitespace": False}, "Paris ", "Paris", False),
        ({"ignore_case": True}, "STRASSE", "straße", True),
        ({"ignore_punctuation": True}, '**"Paris."**', "Paris", True),
        ({"ignore_punctuation": True}, "-3.", "-3", True),
        ({"ignore_punctuation": True}, "-3", "3", False),
        ({"ignore_punctuation": True}, ".5", "5", False),
        ({"ignore_punctuation": True}, "...", "x", False),
        ({"value": "yes"}, "yes", "no", True),
    ],
)
def test_the_whole_answer_is_compared(grade, options, answer, reference, passed):
    result = grade(Exact(**options), answer, reference)
    assert (result.passed, result.value) == (passed, float(passed))


def test_an_accepted_form_counts(grade):
    assert grade(Exact(), "4", "four", accepted=("4", "IV")).passed


def test_a_value_may_name_fields(grade):
    scorer = Exact(value="{{ city }}, {{reference}}")
    assert grade(scorer, "Rome, Italy", "Italy", fields={"city": "Rome"}).passed
    assert grade(scorer, "Rome", "Italy", fields={}).reason == "the case has no `city`"


def test_a_bare_reference_placeholder_includes_the_accepted_forms(grade):
    assert grade(Exact(value="{{reference}}"), "IV", "four", accepted=("IV",)).passed


@pytest.mark.parametrize("reference", [None, "", "  "])
def test_without_a_reference_there_is_neither_value_nor_verdict(grade, reference):
    result = grade(Exact(), "x", reference)
    assert (result.value, result.passed, result.reason) == (None, None, "the case has no reference")


def test_an_empty_answer_was_judged_and_failed(grade):
    result = grade(Exact(), "", "Paris")
    assert (result.value, result.passed, result.parsed) == (0.0, False, "")


def test_the_reason_says_what_was_compared(grade):
    assert (
        grade(Exact(), "Rom", "Rome", accepted=("Roma",)).reason == 'the answer "Rom" is not "Rome" or "Roma"'
    )
    assert len(grade(Exact(), "x" * 9000, "y").reason) < 200


@pytest.mark.parametrize("value", ["{{ a.b }}", "{% if x %}", "{{ a | upper }}"])
def test_template_code_in_a_value_is_refused(value):
    with pytest.raises(msgspec.ValidationError, match="placeholders"):
        msgspec.convert({"value": value}, Exact)
