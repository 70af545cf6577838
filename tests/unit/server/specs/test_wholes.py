"""Patterns of callers take whole words and numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.server.specs.wholes import whole


def last(pattern: str, text: str) -> str | None:
    found = None
    for match in re.finditer(whole(pattern), text):
        found = next((group for group in match.groups() if group is not None), match[0])
    return found


@pytest.mark.parametrize(
    ("pattern", "text", "taken"),
    [
        ("(A|B|C)", "CORRECT", None),
        ("Answer: ([ABC])", "Answer: CORRECT", None),
        ("Answer: ([ABC])", "Answer: C.", "C"),
        (r"(\d)", "10 tok7 3.5 -3 4x", None),
        (r"(-?\d)", "-3", "-3"),
        (r"(\d)", "a range 1-5", "5"),
        (r"(\d)", "it is 4.", "4"),
        (r"(\d)\.", "4. yes", "4"),
        (r"(\d+)(?:\.\d+)?", "4.5", "4"),
        (r"(\d)0?", "15", None),
        (r"(\d)0?", "10", "1"),
        (r"(\d)+", "10 x", "0"),
        (r"(\d)/5", "4/5", "4"),
        (r"(\d+)pts", "5pts", "5"),
        (r"(\d+)\s*(?:stars|points)", "5points", "5"),
        (r"Q(\d)", "Q77 Q7", "7"),
        (r"Q(\d)", "Q77", None),
        (r"(?i)grade:\s*(a|b)", "GRADE: B", "B"),
        (r"[ABC]", "CORRECT", None),
        (r"(?i)[abc]", "it is B", "B"),
        (r"(?:Score|Rating): (\d)|\[\[(\d)\]\]", "[[3]]", "3"),
        (r"((A|B)C)", "ACT AC", "AC"),
        (r"(?P<x>[AB])", "B", "B"),
        (r"(?<=(x))B", "xB", "x"),
        (r"[)(](\w)\)", "(B)", "B"),
        (r"Score:(\s*\d)?", "Score: 5", " 5"),
        (r"Answer:(.*)", "Answer: CORRECT", " CORRECT"),
        (r"(?x) (\d)  # one", "10", "0"),
        ("([A-D])", "\u7b54\u6848\u662fA\u3002", "A"),
        ("([AB])", "A-level, I don't B", "B"),
        ("([st])", "don't he's", None),
        ("([AB])", "**B**", "B"),
    ],
)
def test_what_is_taken_is_no_part_of_a_word_or_number(pattern: str, text: str, taken: str | None):
    assert last(pattern, text) == taken


@pytest.mark.parametrize("pattern", ["(a", "a{99999999999}", "*"])
def test_what_is_no_pattern_stays_for_who_refuses_it(pattern: str):
    assert whole(pattern) == pattern


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(st.text(alphabet="ab1.,-' \\d\\w()?:|[]{}*+=!<P>", max_size=12), st.text("ab1.,-' ", max_size=12))
def test_a_pattern_takes_nothing_that_it_did_not_take(pattern: str, text: str):
    try:
        known = re.compile(pattern)
    except re.error:
        assert whole(pattern) == pattern
        return
    made = re.compile(whole(pattern))
    assert (made.groups, made.groupindex) == (known.groups, known.groupindex)
    if made.search(text):
        assert known.search(text)


@given(st.text("ab1.,-' ", max_size=20))
def test_a_letter_or_digit_is_taken_only_between_edges(text: str):
    for match in re.finditer(whole(r"([a1])"), text):
        beside = text[: match.start()][-1:] + text[match.end() :][:1]
        assert not re.search(r"\w", beside)
