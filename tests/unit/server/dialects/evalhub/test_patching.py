"""JSON Patch: the cases of its standard, and what no patch may do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="needs bakeoff[server]")

from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.patching import patched
from bakeoff.server.dialects.evalhub.shapes import Change

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def change(op: str, path: str, **more: Any) -> Change:
    return Change.model_validate({"op": op, "path": path, **more})


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ({"foo": "bar"}, [("add", "/baz", {"value": "qux"})], {"foo": "bar", "baz": "qux"}),
        ({"foo": ["a", "c"]}, [("add", "/foo/1", {"value": "b"})], {"foo": ["a", "b", "c"]}),
        ({"foo": ["a"]}, [("add", "/foo/-", {"value": ["b"]})], {"foo": ["a", ["b"]]}),
        ({"foo": 1, "bar": 2}, [("remove", "/bar", {})], {"foo": 1}),
        ({"foo": ["a", "b"]}, [("remove", "/foo/0", {})], {"foo": ["b"]}),
        ({"foo": ["a", "b"]}, [("replace", "/foo/1", {"value": "c"})], {"foo": ["a", "c"]}),
        ({"a": {"b": 1}, "c": {}}, [("move", "/c/d", {"from": "/a/b"})], {"a": {}, "c": {"d": 1}}),
        ({"a": ["x", "y", "z"]}, [("move", "/a/2", {"from": "/a/0"})], {"a": ["y", "z", "x"]}),
        ({"a": {"b": 1}}, [("copy", "/c", {"from": "/a"})], {"a": {"b": 1}, "c": {"b": 1}}),
        ({"/": 9, "~1": 10}, [("test", "/~01", {"value": 10}), ("remove", "/~1", {})], {"~1": 10}),
        ({"a": 1}, [("replace", "", {"value": {"b": 2}})], {"b": 2}),
        ({"a": 1}, [("test", "/a", {"value": 1.0})], {"a": 1}),
        ({"a": [{"b": [1]}]}, [("test", "/a", {"value": [{"b": [1]}]})], {"a": [{"b": [1]}]}),
        ({"": 1}, [("replace", "/", {"value": 2})], {"": 2}),
    ],
)
def test_a_patch_does_what_its_standard_says(before: Any, changes: list[Any], after: Any):
    assert patched(before, [change(op, path, **more) for op, path, more in changes]) == after


@pytest.mark.parametrize(
    ("op", "path", "more"),
    [
        ("remove", "/nope", {}),
        ("remove", "/list/9", {}),
        ("remove", "/list/-", {}),
        ("remove", "/list/01", {}),
        ("replace", "/nope", {"value": 1}),
        ("add", "/list/3", {"value": 1}),
        ("add", "/list/x", {"value": 1}),
        ("add", "/text/x", {"value": 1}),
        ("add", "/text/x/y", {"value": 1}),
        ("add", "text", {"value": 1}),
        ("move", "/map/inner", {"from": "/map"}),
        ("move", "/x", {}),
        ("test", "/map", {"value": {"b": 2}}),
        ("test", "/map", {"value": {"a": True}}),
        ("test", "/list", {"value": [1]}),
        ("test", "/text", {"value": None}),
    ],
)
def test_what_does_not_fit_is_refused_with_its_number(op: str, path: str, more: dict[str, Any]):
    document = {"text": "t", "list": [1, 2], "map": {"a": 1}}
    before = repr(document)
    fits = change("add", "/new", value=1)
    with pytest.raises(HubError, match="operation 1"):
        patched(document, [fits, change(op, path, **more)])
    assert repr(document) == before


def test_copies_of_copies_do_not_fill_the_memory():
    with pytest.raises(HubError, match="values"):
        patched({"a": [1, 2, 3]}, [change("copy", f"/b{at}", **{"from": ""}) for at in range(100)])


@given(st.dictionaries(st.text("ab/~", max_size=2), VALUES, max_size=3), VALUES)
def test_what_was_added_is_there_and_can_be_taken_out(document: dict[str, Any], value: Any):
    added = change("add", "/new~1name", value=value)
    test = change("test", "/new~1name", value=value)
    assert patched(document, [added, test])["new/name"] == value
    assert patched(document, [added, change("remove", "/new~1name")]) == document
