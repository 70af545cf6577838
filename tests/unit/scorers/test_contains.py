import pytest

from bakeoff.scorers.contains import Contains


@pytest.mark.parametrize(
    ("answer", "reference", "passed"),
    [
        ("It is Paris, of course.", "paris", True),
        ("**Paris**", "Paris", True),
        ("category", "cat", False),
        ("a cat.", "cat", True),
        ("concat and cat", "cat", True),
        ("14", "4", False),
        ("4", 4, True),
        ("It is 4.", "4", True),
        ("4.5", "4", False),
        ("3.4", "4", False),
        ("1,400", "400", False),
        ("1, 4 and 5", "4", True),
        ("-4", "4", False),
        ("x-4", "4", True),
        ("2 - 4", "4", True),
        ("-4", "-4", True),
        ("$4", "4", True),
        ("new\nyork", "New York", True),
        ("首都は東京です", "東京", True),
        ("서울은 수도이다", "서울", True),
        ("C++ is it", "C++", True),
        ("", "x", False),
    ],
)
def test_it_finds_whole_words_and_numbers(grade, answer, reference, passed):
    result = grade(Contains(), answer, reference)
    assert (result.passed, result.value) == (passed, float(passed))


def test_parts_of_words_and_case_are_options(grade):
    assert grade(Contains(whole_words=False), "category", "cat").passed
    assert not grade(Contains(ignore_case=False), "paris", "Paris").passed


def test_any_accepted_form_is_enough_and_is_what_was_parsed(grade):
    result = grade(Contains(), "It is IV.", "four", accepted=("4", "iv"))
    assert (result.passed, result.parsed, result.reason) == (True, "iv", 'the answer contains "iv"')


def test_a_miss_says_what_was_looked_for(grade):
    result = grade(Contains(), "Rome", "Paris", accepted=("Lutetia",))
    assert result.reason == 'the answer "Rome" does not contain "Paris" or "Lutetia"'
    assert result.parsed == "Rome"


def test_the_reference_is_text_and_no_pattern(grade):
    assert not grade(Contains(), "axb", "a.b").passed


def test_without_a_reference_nothing_is_judged(grade):
    assert grade(Contains(), "x").passed is None
    assert grade(Contains(value="{{n}}"), "x", "x").reason == "the case has no `n`"
