import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import PluginError
from bakeoff.plugins import create
from bakeoff.scorers import _json, _schema
from bakeoff.scorers.json_text import ContainsJson, IsJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
NUMBER_A = {"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}}


@pytest.mark.parametrize("answer", ["{}", "[]", "1", " null ", '"a"', "1e999", '"\\ud800"', '{"a": 1}'])
def test_json_is_json(grade, answer):
    assert grade(IsJson(), answer).passed


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "a",
        "{a: 1}",
        "{'a': 1}",
        '{"a": 1,}',
        "NaN",
        "-Infinity",
        "01",
        "```json\n{}\n```",
        "[" * 100_000,
        "1" * 5000,
    ],
)
def test_what_is_nearly_json_is_none(grade, answer):
    result = grade(IsJson(), answer)
    assert (result.passed, result.value) == (False, 0.0)


@pytest.mark.parametrize(
    ("answer", "passed"),
    [('{"a": 1}', True), ('{"a": "1"}', False), ("{}", False), ("[]", False), ('{"a": 1, "b": 2}', True)],
)
@pytest.mark.parametrize(
    "schema", [NUMBER_A, json.dumps(NUMBER_A), "type: object\nrequired: [a]\nproperties: {a: {type: number}}"]
)
def test_a_schema_decides(grade, schema, answer, passed):
    assert grade(IsJson(value=schema), answer).passed is passed
    assert grade(ContainsJson(value=schema), f"see: {answer}!").passed is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ('so {"a": 1} it is', True),
        ('```json\n{"a": {"b": [1, 2]}}\n```', True),
        ('{} x {"a": "}"}', True),
        ("use {name} here", False),
        ("[1, 2]", False),
        ('[{"a": 1}]', True),
        ('{"a": 1', False),
        ('{" {"a": 1}', True),
        ("", False),
        ('{"a": ' + "1" * 5000 + "}", False),
        ('{"a": "' + "x" * 50_000 + '"}', True),
        ('{"a": "' + "x" * 50_000, False),
        ('{"":' * 20_000, False),
        ("{" * 100_000, False),
    ],
)
def test_an_object_is_found_in_other_text(grade, answer, passed):
    assert grade(ContainsJson(), answer).passed is passed


def test_the_first_object_of_the_schema_counts(grade):
    assert grade(ContainsJson(value=NUMBER_A), '{"b": 1} {"a": 1}').passed
    assert "not of the schema" in grade(ContainsJson(value=NUMBER_A), '{"b": 1} {"c": 1}').reason


@given(VALUES)
def test_what_was_encoded_is_found_and_is_the_same(value):
    text = json.dumps(value)
    assert _json.same(_json.parse(text), value)
    found = list(_json.objects(f"so: {text} .", lists=True))
    assert not isinstance(value, dict) or found == [value]
    assert _json.same(value, value)


@given(VALUES, VALUES)
def test_equal_values_have_one_canonical_text(left, right):
    assert _json.same(left, right) == (_json.canonical(left) == _json.canonical(right))


@given(st.text(st.sampled_from('{}[]":,1a \\\n')))
def test_any_text_is_searched_without_error(text):
    for value in _json.objects(text, lists=True):
        assert isinstance(value, dict | list)


def test_deep_values_are_neither_equal_nor_shown():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert not _json.same(deep, [deep])
    assert _json.shown(deep) == "a deeply nested value"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("just text", "a text"),
        ("a: [", "neither JSON nor YAML"),
        (["a"], "a mapping"),
        ({"type": "nothing"}, "no JSON schema"),
        ({"properties": {"a": {"pattern": "(a+)+b"}}}, "repeats a repeat"),
        ({"patternProperties": {"(": {}}}, "no regular expression"),
        ({"anyOf": [{"pattern": "["}]}, "no regular expression"),
    ],
)
@pytest.mark.parametrize("name", ["is-json", "contains-json"])
def test_a_bad_schema_is_refused_before_the_run(name, schema, words):
    with pytest.raises(PluginError, match=words):
        create("scorers", name, {"value": schema})


def test_a_schema_nested_without_end_is_refused():
    deep = {}
    for _ in range(5000):
        deep = {"not": deep}
    with pytest.raises(ValueError, match="too deeply"):
        IsJson(value=deep)


@pytest.mark.parametrize("scorer", [IsJson, ContainsJson])
def test_a_reference_out_of_the_schema_is_never_fetched(grade, scorer):
    result = grade(scorer(value={"$ref": "http://127.0.0.1:1/schema.json"}), '{"a": 1}')
    assert (result.value, result.passed) == (None, None)
    assert "refers to what is not in it" in result.reason


def test_many_items_are_compared_quickly(grade):
    schema = {"type": "array", "uniqueItems": True}
    answer = json.dumps([{"a": i} for i in range(20_000)])
    assert grade(IsJson(value=schema), answer).passed
    assert not grade(IsJson(value=schema), "[1, 1.0]").passed
    assert grade(IsJson(value={"uniqueItems": True}), '{"a": 1}').passed


def test_a_deep_answer_is_too_deep_for_a_schema_that_goes_with_it(grade):
    schema = {"type": ["array"], "items": {"$ref": "#"}}
    result = grade(IsJson(value=schema), "[" * 900 + "]" * 900)
    assert result.passed is False
    assert "too deeply" in result.reason


def test_a_pattern_of_the_schema_is_searched_for_a_while_only(grade):
    schema = {"properties": {"a": {"pattern": "^x"}}}
    assert grade(IsJson(value=schema), '{"a": "xy", "b": "y"}').passed
    assert grade(IsJson(value=schema), '{"a": 5}').passed
    assert not grade(IsJson(value=schema), '{"a": "yx"}').passed
    slow = {"properties": {"a": {"pattern": "a*a*a*a*a*a*a*b"}}}
    result = grade(IsJson(value=slow), json.dumps({"a": "a" * 3000}))
    assert result.passed is False
    assert "too long" in result.reason


def test_a_broken_schema_of_a_case_has_a_fault():
    assert "no JSON schema" in _schema.fault(_schema.text_of({"type": "dict"}))
    assert _schema.fault(_schema.text_of({"type": "object"})) == ""
