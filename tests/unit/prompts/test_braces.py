"""Texts with paths in braces: filled where the row has them, refused where they are more than paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.prompts import braces

ROW = {"item": {"a": "x", "n": 3, "b": {"c": [1, {"d": "deep"}]}, "true": True, "none": None}}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{item.a}}", "x"),
        ("{{ item.a }}-{{item.n}}", "x-3"),
        ("{{-item.a-}}", "x"),
        ("{{item.b.c[1].d}} {{item.b.c.0}}", "deep 1"),
        ("{{item.b.c}}", '[1,{"d":"deep"}]'),
        ("{{item.true}} {{item.none}}", "true null"),
        ('{"a": "{{item.a}}"} {% x %} {# y #}', '{"a": "x"} {% x %} {# y #}'),
        ("{ {item.a} }", "{ {item.a} }"),
    ],
)
def test_paths_are_filled_and_all_else_stays(text: str, filled: str):
    braces.check(text, ("item",))
    assert braces.fill(text, ROW) == filled


@pytest.mark.parametrize("path", ["item.z", "item.a.b", "item.b.c[2]", "item.b.c.x", "sample.a"])
def test_what_is_not_there_is_named(path: str):
    with pytest.raises(braces.Gap, match=path.replace("[", r"\[")):
        braces.fill("{{" + path + "}}", ROW)


@pytest.mark.parametrize("tag", ["", "a", "item.a | upper", "item.a + 1", "item['a']", "items.a", "sample.x"])
def test_more_than_a_path_is_refused(tag: str):
    with pytest.raises(ValueError, match=r"cannot be filled in; write `\{\{item.NAME\}\}`"):
        braces.check("{{" + tag + "}}", ("item",))


@given(st.text())
def test_a_value_is_never_read_as_a_template(value: str):
    assert braces.fill("<{{item.v}}>", {"item": {"v": value}}) == f"<{value}>"


@given(st.text(alphabet="{} ab.-"))
def test_any_text_is_filled_or_refused_for_what_it_names(text: str):
    try:
        braces.check(text, ("a",))
    except ValueError:
        return
    try:
        braces.fill(text, {"a": {"b": "1"}})
    except braces.Gap:
        return
