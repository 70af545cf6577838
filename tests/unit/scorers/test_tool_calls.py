import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.plugins import PluginError, create
from bakeoff.records import Case, Sample
from bakeoff.scorers import _calls
from bakeoff.scorers.tool_call_match import ToolCallMatch
from bakeoff.scorers.tool_calls import ToolCallF1, ValidFunctionCall, ValidToolsCall

ADD = {
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
}
TOOLS = [{"type": "function", "function": ADD}, {"type": "function", "function": {"name": "now"}}]


def sample(*calls):
    made = [{"id": "1", "type": "function", "function": {"name": n, "arguments": a}} for n, a in calls]
    return Sample(benchmark="b", case="c", target="t", outcome="ok", tool_calls=made)


def names(answer):
    return [call.name for call in _calls.called(answer, sample())]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ('{"tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]}', ["a"]),
        ('[{"name": "a"}, {"name": "b"}]', ["a", "b"]),
        ('{"name": "a", "arguments": {}}', ["a"]),
        ('{"name": "a"}', []),
        ('x {"type": "tool_use", "name": "b", "input": {}} y', ["b"]),
        ('{"functionCall": {"name": "a", "args": {}}}', ["a"]),
        ('{"toolCall": {"functionCalls": [{"name": "a"}, {"name": "b"}]}}', ["a", "b"]),
        ('{"function_call": {"name": "a", "arguments": "{}"}}', ["a"]),
        ('{"type": "function_call", "name": "a"}', ["a"]),
        ('```json\n[{"name": "a", "arguments": {}}]\n```', ["a"]),
        ("none", []),
        ('{"tool_calls": [1, null, "x"]}', []),
        ('{"function": 5}', []),
        ("[" * 100_000 + "{", []),
    ],
)
def test_calls_are_read_in_the_forms_of_the_protocols(answer, found):
    assert names(answer) == found


def test_at_most_256_calls_are_read():
    assert len(names('[{"name": "a"}]' + ' {"name": "a", "args": {}}' * 400)) == 256
    assert len(_calls.called("", sample(*[("a", "{}")] * 400))) == 256


def test_what_the_server_reported_goes_before_the_text():
    assert [c.name for c in _calls.called('{"name": "b", "args": {}}', sample(("a", "{}")))] == ["a"]


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([("add", '{"a": 1}')], ""),
        ([("add", '{"a": 1}'), ("now", "{}")], ""),
        ([("now", '{"a": 1}')], "to be empty"),
        ([("add", '{"a": "1"}')], "not of type"),
        ([("add", "{}")], "required"),
        ([("sub", "{}")], "no tool of this name"),
        ([("add", "a=1")], "no JSON"),
        ([("add", "[1]")], "no JSON object"),
        ([("add", '{"a": 1}'), ("sub", "{}")], "no tool of this name"),
        ([], "no tool call"),
    ],
)
def test_calls_must_be_of_known_tools_and_fit(calls, words):
    for scorer in (ValidToolsCall(tools=TOOLS), ValidFunctionCall()):
        result = scorer.grade("text", Case(fields={"tools": TOOLS}), sample(*calls))
        assert result.passed is (words == ""), result.reason
        assert words in result.reason


def test_openai_calls_have_their_arguments_as_text():
    answer = '{"name": "add", "arguments": {"a": 1}}'
    assert not ValidToolsCall(tools=TOOLS).grade(answer, Case(), sample()).passed
    assert ValidFunctionCall(tools=[ADD]).grade(answer, Case(), sample()).passed


@pytest.mark.parametrize(
    "tools",
    [
        None,
        [],
        "no",
        "{}",
        [{"a": 1}],
        [{"name": "a", "parameters": {"type": "dict"}}],
        [{"name": "a", "parameters": 5}],
    ],
)
def test_a_case_without_right_tools_has_no_grade(tools):
    result = ValidToolsCall().grade("x", Case(fields={"tools": tools}), sample(("add", "{}")))
    assert (result.value, result.passed, result.parsed) == (None, None, None)


def test_tools_may_be_json_text():
    assert ValidToolsCall().grade("", Case(fields={"tools": json.dumps(TOOLS)}), sample(("now", "{}"))).passed


def test_wrong_tools_are_refused_before_the_run():
    with pytest.raises(PluginError, match="no JSON schema"):
        create(
            "scorers", "is-valid-openai-tools-call", {"tools": [{"name": "a", "parameters": {"type": "x"}}]}
        )


@pytest.mark.parametrize(
    ("value", "calls", "f1"),
    [
        ("a, b", [("a", ""), ("b", "")], 1.0),
        (["a", "b"], [("a", "")], 2 / 3),
        (["a"], [("a", ""), ("a", ""), ("c", "")], 2 / 3),
        (["a"], [("c", "")], 0.0),
        (["a"], [], 0.0),
    ],
)
def test_the_f1_of_the_names_counts(value, calls, f1):
    result = ToolCallF1(value=value, threshold=0.5).grade("", Case(), sample(*calls))
    assert result.value == pytest.approx(f1)
    assert result.passed is (f1 >= 0.5)


def test_a_case_without_expected_tools_has_no_grade():
    assert ToolCallF1().grade("", Case(), sample()).passed is None
    with pytest.raises(PluginError, match="names no tool"):
        create("scorers", "tool-call-f1", {"value": []})


TRIANGLE = [{"area": {"base": [10], "height": [5, 5.5], "unit": ["units", ""]}}]


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ({"base": 10, "height": 5}, True),
        ({"base": 10.0, "height": 5.5, "unit": "Un-its"}, True),
        ({"base": 10, "height": 6}, False),
        ({"base": 10}, False),
        ({"base": 10, "height": 5, "more": 1}, False),
        ({"base": "10", "height": 5}, False),
        ({"base": True, "height": 5}, False),
    ],
)
def test_each_argument_is_one_of_those_accepted(arguments, passed):
    result = ToolCallMatch(value=TRIANGLE).grade("", Case(), sample(("area", json.dumps(arguments))))
    assert result.passed is passed, result.reason


@pytest.mark.parametrize(
    ("wanted", "given", "passed"),
    [
        ([[1, 2]], [1, 2], True),
        ([[1, 2]], [2, 1], False),
        ([["New York"]], ["new york"], True),
        ([{"a": [1], "b": ["x", ""]}], {"a": 1}, True),
        ([{"a": [1], "b": ["x", ""]}], {"a": 1, "b": "X"}, True),
        ([{"a": [1]}], {"a": 2}, False),
        ([{"a": [1]}], {"c": 1}, False),
        ([{"a": [1]}], {}, False),
        ([{"a": [1, 2]}], {"a": [1, 2]}, True),
        ([{"a": 1}], {"a": 1}, True),
        ([None], None, True),
        (["it's"], 'it"s', True),
    ],
)
def test_lists_mappings_and_texts_are_compared_inside(wanted, given, passed):
    result = ToolCallMatch(value=[{"f": {"x": wanted}}]).grade(
        "", Case(), sample(("f", json.dumps({"x": given})))
    )
    assert result.passed is passed, result.reason


@pytest.mark.parametrize(("given", "passed"), [({"a": ["p", "q"]}, True), ({"a": "p"}, False), ({}, False)])
def test_plain_arguments_hold_no_alternatives(given, passed):
    wanted = [{"name": "f", "arguments": {"x": {"a": ["p", "q"]}}}]
    result = ToolCallMatch(value=wanted).grade("", Case(), sample(("f", json.dumps({"x": given}))))
    assert result.passed is passed


def test_text_may_have_to_be_exact():
    scorer = ToolCallMatch(value=[{"f": {"x": ["New York"]}}], exact_text=True)
    assert not scorer.grade("", Case(), sample(("f", '{"x": "new york"}'))).passed


TWO = [{"f": {"x": [1, 2]}}, {"f": {"x": [1]}}]


@pytest.mark.parametrize(
    ("values", "ordered", "passed"),
    [
        ((1, 2), False, True),
        ((2, 1), False, True),
        ((2, 1), True, True),
        ((1, 2), True, False),
        ((2, 2), False, False),
        ((1,), False, False),
        ((1, 2, 1), False, False),
    ],
)
def test_parallel_calls_match_in_any_order_unless_asked(values, ordered, passed):
    calls = [("f", json.dumps({"x": v})) for v in values]
    result = ToolCallMatch(value=TWO, ordered=ordered).grade("", Case(), sample(*calls))
    assert result.passed is passed, result.reason


@given(st.permutations(range(6)))
def test_any_order_of_the_expected_calls_passes(order):
    wanted = [{"f": {"x": [n, n + 1]}} for n in range(6)]
    calls = [("f", json.dumps({"x": n})) for n in order]
    assert ToolCallMatch(value=wanted).grade("", Case(), sample(*calls)).passed


@pytest.mark.parametrize(
    ("reference", "passed"),
    [
        ([{"name": "f", "arguments": {"x": 1}}], True),
        ([{"function": {"name": "f", "arguments": '{"x": 1}'}}], True),
        ({"f": {"x": [1]}}, True),
        ('[{"f": {"x": [1]}}]', True),
        ([{"f": {"x": [2]}}], False),
        ([{"name": "g", "arguments": {"x": 1}}], False),
        ([], False),
    ],
)
def test_expected_calls_have_several_forms(reference, passed):
    assert ToolCallMatch().grade("", Case(reference=reference), sample(("f", '{"x": 1}'))).passed is passed


def test_one_call_does_not_stand_for_two_expected_ones():
    calls = [("f", '{"x": 1}'), ("f", '{"x": 2}')]
    assert not ToolCallMatch(value=[{"f": {"x": [1]}}] * 2).grade("", Case(), sample(*calls)).passed


def test_no_call_may_be_what_is_expected():
    assert ToolCallMatch(value=[]).grade("I need no tool.", Case(), sample()).passed


def test_arguments_that_are_no_json_do_not_match():
    assert "no JSON" in ToolCallMatch(value=[{"f": {}}]).grade("", Case(), sample(("f", "x="))).reason


@pytest.mark.parametrize(
    "reference",
    [
        None,
        "text",
        5,
        [{"f": 1}],
        [{"f": {"x": 1}}],
        [{}],
        [{"f": {}}] * 33,
        [{"name": "f", "arguments": "no"}],
        [{"name": "f", "arguments": 3}],
    ],
)
def test_expected_calls_that_cannot_be_read_give_no_grade(reference):
    assert ToolCallMatch().grade("", Case(reference=reference), sample()).passed is None


def test_wrong_expected_calls_are_refused_before_the_run():
    with pytest.raises(PluginError, match="no call such as"):
        create("scorers", "tool-call-match", {"value": [{"f": 1}]})
