"""What counts as a judge's verdict, and what is none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.scorers._judge_verdict import Bounds, read_label, read_score

TEN = Bounds(0.0, 10.0)
SIMPLE = ["CORRECT", "INCORRECT", "NOT_ATTEMPTED"]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Score: 7", 7),
        ("It is good.\n**Score**: 7.5.", 7.5),
        ("score = 3", 3),
        ("The final rating is 9", 9),
        ('{"reason": "fine", "score": 4}', 4),
        ('{"score": "4.5"}', 4.5),
        ("Score: [8]", 8),
        ("Score: 7/10", 7),
        ("Score: 7 out of 10", 7),
        ("8", 8),
        (" **8/10** ", 8),
        ("Score: 2\nOn reflection:\nScore: 6", 6),
        ("Score: 6\nThe scale ends at: Score: 11", 6),
    ],
)
def test_the_last_well_formed_score_counts(text: str, score: float):
    assert read_score(text, [], TEN) == score


@pytest.mark.parametrize(
    "text",
    [
        "",
        "good",
        "I like 7 things",
        "Score: 11",
        "Score: -1",
        "Score: 3/5",
        "Score: 1,000",
        "Score: x7",
        "7 8",
    ],
)
def test_what_is_no_score_is_not_made_one(text: str):
    assert read_score(text, [], TEN) is None


def test_without_bounds_any_number_counts():
    assert read_score("Score: -250", [], Bounds(None, None)) == -250
    assert read_score("Score: 3/5", [], Bounds(None, None)) == 3


def test_the_first_pattern_that_finds_a_number_within_bounds_gives_the_last_of_its_own():
    patterns = [re.compile(r"final=(\S+)"), re.compile(r"points (\d+)")]
    assert read_score("points 3, points 5", patterns, TEN) == 5
    assert read_score("final=2 points 5 final=4 final=none final=99", patterns, TEN) == 4
    assert read_score("Score: 7", patterns, TEN) is None
    assert read_score("it is 6", [re.compile(r"\d")], TEN) == 6


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("CORRECT", "CORRECT"),
        ("INCORRECT", "INCORRECT"),
        ("The answer is CORRECT.", "CORRECT"),
        ("incorrect", "INCORRECT"),
        ("**Incorrect**.", "INCORRECT"),
        ("Verdict: correct", "CORRECT"),
        ("My final grade is: `NOT_ATTEMPTED`", "NOT_ATTEMPTED"),
        ("not attempted", "NOT_ATTEMPTED"),
        ('{"label": "CORRECT"}', "CORRECT"),
        ("At first CORRECT.\nBut no:\nINCORRECT", "INCORRECT"),
        ("It does not contradict\nCORRECT", "CORRECT"),
        ("The correct answer is Paris.\nINCORRECT", "INCORRECT"),
    ],
)
def test_the_last_label_counts(text: str, label: str):
    assert read_label(text, [], SIMPLE) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the answer is correct",
        "This is not CORRECT.",
        "It isn't CORRECT",
        "CORRECT, INCORRECT or NOT_ATTEMPTED",
        "CORRECTNESS",
        "UNCORRECT",
        "C",
    ],
)
def test_what_is_no_label_is_not_made_one(text: str):
    assert read_label(text, [], SIMPLE) is None


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("B", "B"),
        ("B.", "B"),
        ("A good answer.\nGrade: C", "C"),
        ("I choose (B) for that", "B"),
        ("**A**", "A"),
        ("A: it says so", "A"),
        ("A very good answer", None),
        ("CORRECT", None),
        ("As in B, too", None),
    ],
)
def test_a_letter_counts_only_alone_or_marked(text: str, label: str | None):
    assert read_label(text, [], ["A", "B", "C"]) == label


def test_patterns_capture_labels():
    pattern = [re.compile(r"grade=(\w+)")]
    assert read_label("grade=good CORRECT grade=correct grade=x", pattern, SIMPLE) == "CORRECT"
    assert read_label("CORRECT", pattern, SIMPLE) is None


@given(st.text(max_size=200), st.sampled_from(SIMPLE))
def test_whatever_stands_before_the_last_line_changes_nothing(before: str, label: str):
    assert read_label(f"{before}\n{label}", [], SIMPLE) == label


@given(st.text(alphabet=" \t\n*_[](){}\"'`-AB:", max_size=300))
def test_odd_text_is_read_or_not_but_never_fails(text: str):
    assert read_label(text, [], ["A", "B"]) in {None, "A", "B"}
    assert read_score(text, [], TEN) is None


@given(st.text(max_size=100), st.integers(0, 10))
def test_the_last_score_counts_whatever_was_said_before(before: str, score: int):
    assert read_score(f"{before}\nScore: {score}", [], TEN) == score
