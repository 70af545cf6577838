import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff import plugins
from bakeoff.records import Case, Sample
from bakeoff.scorers import _expected
from bakeoff.scorers.substrings import (
    ContainsAll,
    ContainsAny,
    IContains,
    IContainsAll,
    IContainsAny,
    StartsWith,
)

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")


@pytest.mark.parametrize(
    ("scorer", "answer", "passed"),
    [
        (IContains(value="PARIS"), "in Paris", True),
        (IContains(value="ÄÖ"), "xäöx", True),
        (IContains(value="rome"), "in Paris", False),
        (StartsWith(value="It"), "It is", True),
        (StartsWith(value="it"), "It is", False),
        (StartsWith(value="is"), "It is", False),
        (ContainsAny(value=["x", "is"]), "It is", True),
        (ContainsAny(value=["x", "IS"]), "It is", False),
        (IContainsAny(value=["x", "IS"]), "It is", True),
        (ContainsAll(value=["It", "is"]), "It is", True),
        (ContainsAll(value=["It", "was"]), "It is", False),
        (IContainsAll(value=["it", "IS"]), "It is", True),
        (IContainsAll(value="it, was"), "It is", False),
    ],
)
def test_texts_are_found_as_the_type_says(grade, scorer, answer, passed):
    result = grade(scorer, answer)
    assert (result.passed, result.value) == (passed, float(passed))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ("a", "b")),
        (" a , b ", ("a", "b")),
        (",a,,b,", ("a", "b")),
        ('"a,b",c', ("a,b", "c")),
        (r'"say ""hi""",z', ('say "hi"', "z")),
        (r'"a\"b\\",c', ('a"b\\', "c")),
        ('5" tall, x', ('5" tall', "x")),
        ('"open, x', ('"open', "x")),
        ("", ()),
        (" , ", ()),
    ],
)
def test_a_text_with_commas_is_a_list(text, parts):
    assert _expected.split_list(text) == parts


@given(
    st.lists(
        st.text(st.characters(exclude_characters='"\\,', exclude_categories=["Cs"]))
        .map(str.strip)
        .filter(bool)
    )
)
def test_splitting_gives_back_what_was_joined(parts):
    assert _expected.split_list(", ".join(parts)) == tuple(parts)


def test_a_list_may_come_from_the_row(grade):
    assert grade(ContainsAll(), "b and a", ["a", "b"]).passed
    assert grade(ContainsAll(), "b and a", "a, b").passed
    assert not grade(ContainsAll(), "a", ["a", "b"]).passed
    assert grade(ContainsAny(value="{{words}}"), "see b", fields={"words": "a, b"}).passed
    assert grade(ContainsAny(value=["{{word}}", "z"]), "see b", fields={"word": "b"}).passed


@pytest.mark.parametrize(
    ("scorer", "case"),
    [
        (ContainsAny(), Case()),
        (ContainsAny(), Case(reference=[])),
        (ContainsAny(), Case(reference=" ")),
        (ContainsAny(value="{{no}}"), Case()),
        (ContainsAny(value=["{{no}}"]), Case()),
        (ContainsAny(value=" , "), Case()),
        (ContainsAll(value="{{no}}"), Case()),
        (IContains(value="{{no}}"), Case()),
        (IContains(value="{{empty}}"), Case(fields={"empty": ""})),
        (StartsWith(), Case()),
    ],
)
def test_a_case_without_the_texts_has_no_grade(scorer, case):
    result = scorer.grade("a", case, SAMPLE)
    assert (result.value, result.passed, result.parsed) == (None, None, None)
    assert result.reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("icontains", ""),
        ("starts-with", ""),
        ("contains-any", []),
        ("contains-all", ""),
        ("contains-any", ["{% if %}"]),
    ],
)
def test_a_value_that_says_nothing_is_refused(name, value):
    with pytest.raises(plugins.PluginError):
        plugins.create("scorers", name, {"value": value})
