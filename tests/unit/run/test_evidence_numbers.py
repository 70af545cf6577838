"""Comparing two documents of results, and finding the line of a difference."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.run.evidence_numbers import as_findings, compare, line_of, same

DOCUMENT = {
    "targets": [
        {"name": "good", "metrics": {"a.b": {"value": 0.5, "n": 4}}},
        {"name": "poor", "metrics": {}},
    ],
    "tied": ["good"],
    "note": 'a "quoted, {odd}: [text]',
    "done": True,
}


def text_of(document: object) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def edited(**fields: object) -> dict[str, object]:
    return {**DOCUMENT, **fields}


def test_equal_documents_have_no_difference_and_their_values_are_counted() -> None:
    found = compare(DOCUMENT, json.loads(json.dumps(DOCUMENT)))
    assert (found.differences, found.values) == ([], 7)


def test_a_difference_is_told_with_its_place_and_both_values() -> None:
    new = json.loads(json.dumps(DOCUMENT))
    new["targets"][0]["metrics"]["a.b"]["value"] = 0.25
    (found,) = as_findings(text_of(DOCUMENT), compare(DOCUMENT, new).differences)
    assert found.field == 'targets[0 good].metrics["a.b"].value'
    assert (found.stored, found.computed) == ("0.5", "0.25")
    assert text_of(DOCUMENT).splitlines()[(found.line or 0) - 1].strip() == '"value": 0.5,'


@pytest.mark.parametrize(
    ("other", "field", "stored", "computed"),
    [
        (edited(tied=[]), "tied[0]", '"good"', None),
        (edited(tied=["good", "poor"]), "tied[1]", None, '"poor"'),
        (edited(more=1), "more", None, "1"),
        (edited(done=1), "done", "true", "1"),
        (edited(note=None), "note", json.dumps(DOCUMENT["note"]), "null"),
        (edited(tied={"a": 1}), "tied", '["good"]', '{"a":1}'),
    ],
)
def test_what_is_missing_or_of_another_kind_differs(
    other: object, field: str, stored: str | None, computed: str | None
) -> None:
    (found,) = compare(DOCUMENT, other).differences
    assert (found.field, found.stored, found.computed) == (field, stored, computed)
    assert next(as_findings(text_of(DOCUMENT), [found])).line is not None


def test_only_the_last_digits_of_a_float_may_differ() -> None:
    assert same(0.1 + 0.2, 0.3)
    assert same(1.0, 1)
    assert not same(0.3, 0.3000000001)
    assert not same(0.0, 1e-300)
    assert not same(10**15, 10**15 + 1)
    assert not same(1, True)
    assert not same(None, 0)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text('ab"\\{[,: ', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"', max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values)
def test_every_path_leads_to_its_line(document: object) -> None:
    text = text_of(document)

    def check(at: object, path: tuple[str | int, ...]) -> None:
        line = line_of(text, path)
        assert line is not None
        assert json.dumps(at)[:1] in text.splitlines()[line - 1]
        for key, value in (
            at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ()
        ):
            check(value, (*path, key))

    check(document, ())


@pytest.mark.parametrize("path", [("none",), ("tied", 1), ("tied", 9), ("targets", 0, "name", "more")])
def test_a_path_that_leads_nowhere_has_no_line(path: tuple[str | int, ...]) -> None:
    assert line_of(text_of(DOCUMENT), path) is None
