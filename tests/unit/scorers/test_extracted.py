import pytest

from bakeoff.scorers.extracted import Extracted
from bakeoff.scorers.maths import Maths

LETTER = [
    r"(?i)best answer is ([A-D])\b",
    r"(?i)answer:\s?([A-D]|[\u0623-\u062f]|\u09ac|[\uff21-\uff24])(?!\w)",
]


def test_the_first_pattern_that_is_found_counts(grade):
    scorer = Extracted(patterns=[r"final: (\d+)", r"(\d+)"])
    assert grade(scorer, "1 then final: 2", "2").passed
    assert grade(scorer, "1 then 2", "1").passed
    wrong = grade(scorer, "1 then final: 2", "1")
    assert (wrong.value, wrong.passed, wrong.parsed) == (0.0, False, "2")
    assert wrong.reason == 'the extracted "2" is not "1"'


def test_without_groups_the_whole_match_is_compared(grade):
    assert grade(Extracted(patterns=[r"\d+ km"]), "it is 5 km away", " 5 km ").passed


def test_an_answer_in_which_no_pattern_is_found_is_unparsable(grade):
    result = grade(Extracted(patterns=[r"(\d+)"]), "none", "1")
    assert (result.value, result.passed, result.parsed) == (None, False, None)


def test_a_case_without_a_reference_cannot_be_graded(grade):
    result = grade(Extracted(patterns=["a"]), "a", None)
    assert (result.value, result.passed) == (None, None)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("Answer: b", "B"),
        ("The best answer is B.", "(b)"),
        ("Answer: \u0628", "B"),
        ("Answer: \u09ac", "B"),
        ("Answer: \uff22", "B"),
    ],
)
def test_letters_of_other_alphabets_and_cases_are_one(grade, answer, reference):
    assert grade(Extracted(patterns=LETTER, letters=True), answer, reference).passed


def test_texts_are_compared_as_they_are_unless_they_are_letters(grade):
    assert not grade(Extracted(patterns=LETTER), "Answer: b", "B").passed


@pytest.mark.parametrize("patterns", [["(a"], ["(a+)+"]])
def test_a_pattern_that_is_none_or_can_take_for_ever_is_refused(patterns):
    with pytest.raises(ValueError, match="`"):
        Extracted(patterns=patterns)


def test_a_search_that_takes_too_long_finds_nothing(grade):
    slow = Extracted(patterns=[r"(x*)y*(x*)y*(x*)y*(x*)z"])
    assert grade(slow, "x" * 4000, "x").parsed is None


def test_maths_takes_the_answer_where_a_pattern_says(grade):
    scorer = Maths(pattern=r"result: \$([^$]*)\$")
    assert grade(scorer, r"result: $2$ or result: $\frac{1}{2}$", "0.5").passed
    assert grade(scorer, r"\boxed{0.5}", "0.5").parsed is None
    with pytest.raises(ValueError, match="no regular expression"):
        Maths(pattern="(")
