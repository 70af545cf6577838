import pytest

from bakeoff.scorers.equals import Equals


@pytest.mark.parametrize(
    ("value", "answer", "passed"),
    [
        ("a", "a", True),
        ("a", "a ", False),
        ("a", "A", False),
        (5, "5", True),
        (5.0, "5", True),
        (2.5, "2.5", True),
        (True, "true", True),
        (True, "True", False),
        ({"a": 1, "b": [1, 2]}, '{"b": [1, 2.0], "a": 1}', True),
        ({"a": True}, '{"a": 1}', False),
        ({"a": 1}, '{"a": 1, "b": 2}', False),
        ([1, 2], "[2, 1]", False),
        ([1, 2], "no JSON", False),
        ([1], "[1,1]", False),
        ([1], "[" * 100_000, False),
        ({"a": 1}, "NaN", False),
        ({"a": 1}, "1" * 5000, False),
    ],
)
def test_a_text_is_compared_as_written_and_a_mapping_as_json(grade, value, answer, passed):
    assert grade(Equals(value=value), answer).passed is passed


def test_the_reference_and_its_accepted_forms_count(grade):
    assert grade(Equals(), "a", "a").passed
    assert grade(Equals(), "b", "a", accepted=("b",)).passed
    assert grade(Equals(), '{"a":1}', {"a": 1}).passed
    assert grade(Equals(), "2", 2.0).passed
    assert grade(Equals(value="x{{n}}"), "x3", fields={"n": 3}).passed


def test_a_case_without_reference_has_no_grade(grade):
    assert grade(Equals(), "a").value is None
