"""Scorers that count: edits, words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.plugins import PluginError, create
from bakeoff.records import Case, Sample
from bakeoff.scorers.levenshtein import Levenshtein
from bakeoff.scorers.word_count import WordCount, WordRange

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")


@pytest.mark.parametrize(
    ("answer", "reference", "threshold", "passed"),
    [
        ("kitten", "sitting", 3, True),
        ("kitten", "sitting", 2, False),
        ("kitten", "sitting", 2.9, False),
        ("", "abc", 3, True),
        ("a", "a", 0, True),
        ("🦆", "", 1, True),
        ("a" * 100_000, "b" * 100_000, 5, False),
    ],
)
def test_edits_are_counted_up_to_the_limit(grade, answer, reference, threshold, passed):
    assert grade(Levenshtein(threshold=threshold, value=[reference]), answer).passed is passed


def test_the_nearest_reference_counts(grade):
    assert grade(Levenshtein(threshold=1), "cat", "elephant", accepted=("cart",)).passed
    assert grade(Levenshtein(), "cat").value is None


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_two_texts_are_as_far_apart_either_way(left, right):
    found = {
        Levenshtein(value=[a], threshold=3).grade(b, Case(), SAMPLE).passed
        for a, b in ((left, right), (right, left))
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        (3, True),
        ("3", True),
        (2, False),
        (WordRange(min=1, max=3), True),
        (WordRange(min=4), False),
        (WordRange(max=2), False),
        (WordRange(min=3), True),
        (WordRange(max=3), True),
        ("{{n}}", True),
    ],
)
def test_words_are_what_stands_between_white_space(grade, value, passed):
    assert grade(WordCount(value=value), " one\ttwo-2\nthree! ", fields={"n": 3}).passed is passed


@pytest.mark.parametrize("fields", [{}, {"n": "many"}, {"n": "1" * 5000}])
def test_a_row_without_the_number_has_no_grade(grade, fields):
    assert grade(WordCount(value="{{n}}"), "a", fields=fields).value is None


@pytest.mark.parametrize("value", [-1, "many", {}, {"min": 3, "max": 2}, {"mim": 3}, None, "{% x %}"])
def test_what_is_no_number_of_words_is_refused(value):
    with pytest.raises(PluginError):
        create("scorers", "word-count", {"value": value})
