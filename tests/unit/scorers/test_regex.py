import re
import time

import msgspec
import pytest

from bakeoff.scorers.regex import Regex


def test_a_match_anywhere_passes(grade):
    result = grade(Regex(pattern=r"\d{4}-\d\d"), "on 2024-05 we")
    assert (result.passed, result.value, result.parsed) == (True, 1.0, "2024-05")
    failed = grade(Regex(pattern=r"\d{4}-\d\d"), "in May")
    assert (failed.passed, failed.value, failed.parsed) == (False, 0.0, "in May")


def test_the_whole_answer_can_be_asked_for(grade):
    assert grade(Regex(pattern="a+", full=True), " aaa\n").passed
    result = grade(Regex(pattern="a+", full=True), "aab")
    assert (result.passed, result.reason) == (False, '`a+` does not match the whole of "aab"')


@pytest.mark.parametrize("group", [1, "n"])
def test_the_group_of_the_last_match_is_compared(grade, group):
    scorer = Regex(pattern=r"#### (?P<n>\d+)", group=group)
    answer = "#### 4 no, #### 18"
    assert grade(scorer, answer, 18).passed
    wrong = grade(scorer, answer, "4")
    assert (wrong.passed, wrong.parsed, wrong.reason) == (False, "18", 'the extracted "18" is not "4"')


def test_nothing_extracted_is_unparsable(grade):
    result = grade(Regex(pattern=r"#### (\d+)", group=1), "18", "18")
    assert (result.value, result.passed, result.parsed) == (None, False, None)


def test_a_group_that_took_no_part_is_unparsable(grade):
    assert grade(Regex(pattern="a(b)?", group=1), "a", "b").parsed is None


def test_a_placeholder_in_the_pattern_is_literal_text(grade):
    scorer = Regex(pattern=r"answer is {{reference}}\b")
    assert grade(scorer, "the answer is a.b", "a.b").passed
    assert not grade(scorer, "the answer is axb", "a.b").passed
    assert grade(scorer, "the answer is IV", "4", accepted=("IV",)).passed
    assert grade(scorer, "the answer is 4").reason == "the case has no reference"


def test_case_can_be_ignored_on_both_sides(grade):
    assert grade(Regex(pattern="is (x)", group=1, ignore_case=True), "IS X", "x").passed
    assert not grade(Regex(pattern="is (x)"), "IS X").passed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "a("}, r"`a\(` is no regular expression: .* at character 2"),
        ({"pattern": "(a)", "group": 2}, "has 1 groups, not 2"),
        ({"pattern": "(a)", "group": "n"}, "has no group `n`"),
        ({"pattern": "a", "value": "x"}, "`value` needs `group`"),
        ({"pattern": "(a+)+$"}, "take for ever"),
    ],
)
def test_a_wrong_pattern_is_refused_when_made(options, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(options, Regex)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a*)*",
        "(?:a+)+b",
        r"(\w+\s?)*$",
        r"([a-z]+)*!",
        "((a+))*x",
        "(a+){2,}x",
        "(b|a+)+x",
        "(a*b*)*x",
        "(?P<n>a+)+x",
        "((a|b)+)+x",
    ],
)
def test_a_repeat_in_a_repeat_is_refused(pattern):
    with pytest.raises(ValueError, match="repeats a repeat"):
        Regex(pattern=pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\d+,)*\d+",
        "(ab)+",
        "(a+)",
        "(a|b)*",
        r"(?:\s*-\s\w+\n)+",
        r"(a+){2}",
        r"\(a+\)+",
        "[(a+)+]",
        "(a+)?b",
        r"(?:[A-Z][a-z]+ )+",
        "(a++)+",
    ],
)
def test_harmless_repeats_are_allowed(pattern):
    assert re.compile(Regex(pattern=pattern).pattern)


def test_only_the_end_of_a_long_answer_is_searched(grade):
    scorer = Regex(pattern="x", max_chars=10)
    assert not grade(scorer, "x" + "y" * 10).passed
    assert grade(scorer, "y" * 10 + "x").passed


def test_a_long_answer_costs_little(grade):
    start = time.perf_counter()
    grade(Regex(pattern=r"(\w+) \1z"), "a" * 5_000_000)
    assert time.perf_counter() - start < 10
