"""Simple transforms give what JavaScript gives."""

import asyncio
import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.assertions.transform import TransformError, read_transform
from bakeoff.records import Case
from bakeoff.sandbox import Limits, call, script

OBJECT = json.dumps({"a": {"b c": [1, {"d": " X "}], "n": None}, "length": 7})
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")


def apply(text, answer):
    made = read_transform(text, "", allow_code=False)
    return asyncio.run(made.apply(answer, Case()))


@pytest.mark.parametrize(
    ("text", "answer", "value"),
    [
        ("output", "x", "x"),
        ("output.trim()", "\n x\u00a0\ufeff", "x"),
        ("output.trimStart().trimEnd().toUpperCase();", " ß ", "SS"),
        (" return output.toLowerCase() ", "AB", "ab"),
        ("output.length", "a\U0001f600", 3),
        ("output[1]", "abc", "b"),
        ("JSON.parse(output)", "[1]", [1]),
        ("JSON.parse(output).a['b c'][1].d.trim()", OBJECT, "X"),
        ('JSON.parse(output)["a"]["b c"].length', OBJECT, 2),
        ("JSON.parse(output).length", OBJECT, 7),
        ("JSON.parse(output).a?.n", '{"a": {"n": 1}}', 1),
    ],
)
def test_simple_expressions_need_no_process(text, answer, value):
    assert apply(text, answer) == value


@pytest.mark.parametrize(
    ("text", "answer", "told"),
    [
        ("JSON.parse(output)", "{", "the answer is no JSON"),
        ("JSON.parse(output)", "null", "it gave nothing"),
        ("JSON.parse(output).x", "{}", "it gave nothing"),
        ("JSON.parse(output).x.y", "{}", "there is no `y` in nothing"),
        ("JSON.parse(output).x?.y", "{}", "it gave nothing"),
        ("JSON.parse(output).trim()", "{}", "`trim` is for text only"),
        ("JSON.parse(output)[3]", "[1]", "it gave nothing"),
        ("JSON.parse(output).x", "3", "it gave nothing"),
        ("JSON.parse(output).length", "3", "it gave nothing"),
    ],
)
def test_what_cannot_be_done_is_told(text, answer, told):
    with pytest.raises(TransformError, match=told):
        apply(text, answer)


@pytest.mark.parametrize(
    "text", ["output.split(',')", "output + 1", "outputs", "JSON.parse(output.trim())", "1"]
)
def test_everything_else_is_code(text):
    with pytest.raises(ValueError, match="runs code"):
        read_transform(text, "", allow_code=False)
    assert read_transform(text, "", allow_code=True).script is not None


@needs_node
@settings(max_examples=25, deadline=None)
@given(
    st.text(max_size=8),
    st.lists(st.sampled_from([".trim()", ".toUpperCase()", ".trimEnd()", ".length", "[0]"]), max_size=3),
)
def test_they_agree_with_node(answer, steps):
    if "[0]" in steps and any(ord(char) > 0xFFFF for char in answer):
        return
    text = "output" + "".join(steps)
    theirs = asyncio.run(call(script(text, "", "javascript"), answer, {}, Limits(seconds=20.0)))
    try:
        ours = apply(text, answer)
    except TransformError:
        assert theirs.outcome == "error"
    else:
        assert theirs.value == ours
