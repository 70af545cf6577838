"""Rows of a promptfoo CSV file; the table was checked against promptfoo 0.123.1 itself."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.datasets._promptfoo_csv import test_of_row as read_row
from bakeoff.datasets._yaml import Item
from bakeoff.errors import DataError

PLACE = Item(value=None, path=Path("t.csv"), line=2)

CELLS = [
    ("plain text", {"type": "equals", "value": "plain text"}),
    ("contains: x ", {"type": "contains", "value": "x"}),
    ("not-contains:x:y", {"type": "not-contains", "value": "x:y"}),
    ("contains", {"type": "contains"}),
    ("containsx", {"type": "equals", "value": "containsx"}),
    ("is-json", {"type": "is-json"}),
    ("is-json: {}", {"type": "is-json", "value": " {}"}),
    ("similar:x", {"type": "similar", "value": "x", "threshold": 0.8}),
    ("similar(0.9):x", {"type": "similar", "value": "x", "threshold": 0.9}),
    ("similar:cosine:x", {"type": "similar", "value": "cosine:x", "threshold": 0.8}),
    ("similar(1.):x", {"type": "equals", "value": "similar(1.):x"}),
    ("levenshtein(3):x", {"type": "levenshtein", "value": "x", "threshold": 3.0}),
    ("not-starts-with:x", {"type": "not-starts-with", "value": "x", "threshold": 0.75}),
    ("trajectory:tool-used:x", {"type": "trajectory:tool-used", "value": "x"}),
    ("contains-any:a, b,,", {"type": "contains-any", "value": ["a", "b"]}),
    ('contains-all:"a, b" , "c""d","e\\"f"', {"type": "contains-all", "value": ["a, b", 'c"d', 'e"f']}),
    ("contains-any:", {"type": "contains-any", "value": ""}),
    ("javascript: output", {"type": "javascript", "value": "output"}),
    ("fn:x", {"type": "javascript", "value": "x"}),
    ("eval: y", {"type": "javascript", "value": "y"}),
    ("file://a.js", {"type": "javascript", "value": "file://a.js"}),
    ("file://a.py", {"type": "python", "value": "file://a.py"}),
    ("file://a.py:fn", {"type": "python", "value": "file://a.py:fn"}),
    ("file://a.txt", {"type": "equals", "value": "file://a.txt"}),
    ("python: len(output)", {"type": "python", "value": "len(output)"}),
    ("grade: is kind", {"type": "llm-rubric", "value": " is kind"}),
    ("llm-rubric:x", {"type": "llm-rubric", "value": "x"}),
]


@pytest.mark.parametrize(("cell", "assertion"), CELLS)
def test_a_cell_is_an_assertion(cell, assertion):
    assert read_row({"__expected": cell}, PLACE)["assert"] == [assertion]


def test_every_column_has_its_place():
    row = {
        "a": " kept ",
        "_one": "a variable",
        "__other": "a variable too",
        "__expected1": "x",
        "__expected2": "",
        "__expected3": "similar:y",
        "__config:__expected:threshold": "0.1",
        "__config:__expected2:threshold": " 5e-1 ",
        "__config:__expected9:threshold": "1",
        "__metric": "m",
        "__description": "d",
        "__prefix": "p",
        "__suffix": "s",
        "__providerOutput": "",
        "__threshold": "0",
        "__metadata:k": "v",
        "__metadata:empty": " ",
        "__metadata:tags[]": "a, b\\,c",
        "__metadata": "ignored",
    }
    assert read_row(row, PLACE) == {
        "vars": {"a": " kept ", "_one": "a variable", "__other": "a variable too"},
        "assert": [
            {"type": "equals", "value": "x", "metric": "m", "threshold": 0.1},
            {"type": "similar", "value": "y", "metric": "m", "threshold": 0.5},
        ],
        "options": {"prefix": "p", "suffix": "s"},
        "metadata": {"k": "v", "tags": ["a", "b,c"]},
        "description": "d",
        "threshold": 0.0,
    }


def test_a_threshold_that_is_no_number_is_none():
    assert "threshold" not in read_row({"__threshold": "high"}, PLACE)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"__config:__expected:weight": "1"}, "says nothing that promptfoo knows"),
        ({"__config:__expected0:threshold": "1"}, "says nothing that promptfoo knows"),
        ({"__config:__expected:threshold": "x"}, "`x` in the column .* is no number"),
        ({"__expected": 'contains-any:"open'}, "is not closed"),
        ({"__expected": 'contains-any:"a" b'}, "is not closed"),
    ],
)
def test_a_wrong_row_names_its_line(row, said):
    with pytest.raises(DataError, match=said) as caught:
        read_row(row, PLACE)
    assert caught.value.where == "t.csv:2"


@given(
    st.lists(
        st.text(st.characters(exclude_characters='"\\', exclude_categories=["C"]), min_size=1), min_size=1
    )
)
def test_quoted_lists_come_back(texts):
    cell = "contains-all:" + ",".join(f'"{text}"' for text in texts)
    assert read_row({"__expected": cell}, PLACE)["assert"][0]["value"] == texts


@given(st.text())
def test_no_cell_crashes(text):
    try:
        found = read_row({"__expected": text}, PLACE)
    except DataError:
        return
    assert len(found["assert"]) == bool(text.strip())
