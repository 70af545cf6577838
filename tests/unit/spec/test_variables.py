"""`.env` files and `${VAR}`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.spec.tree import Leaf, text_leaf
from bakeoff.spec.variables import Expander, Variables, escape, parse_dotenv


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=plain", "plain"),
        ("  export KEY = spaced  # comment", "spaced"),
        ("KEY=a#b", "a#b"),
        ("KEY=", ""),
        ("KEY= # only a comment", ""),
        ("KEY='single # $X \\n'", "single # $X \\n"),
        ('KEY="double \\"quoted\\"\\nnext" # c', 'double "quoted"\nnext'),
        ("KEY=a=b", "a=b"),
    ],
)
def test_dotenv_lines(line, value):
    assert parse_dotenv(f"# head\n\n{line}\n", ".env") == ({"KEY": value}, [])


@pytest.mark.parametrize("line", ["KEY", "1KEY=x", 'KEY="open', "KEY='open", 'KEY="a" b'])
def test_a_broken_dotenv_line_is_named_without_its_value(line):
    values, (error,) = parse_dotenv(f"GOOD=1\n{line}\n", ".env")
    assert values == {"GOOD": "1"}
    assert error.where == ".env:2"
    assert "open" not in str(error)


def expand(text: str, *, plain: bool = True, **env: str) -> Leaf:
    expander = Expander(Variables(env=env))
    node = expander.expand(Leaf(value=text, text=text, place="f:1", plain=plain), "p")
    assert not expander.errors
    assert isinstance(node, Leaf)
    return node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"),
        ("x${A}y${A}", "xoneyone"),
        ("${MISSING:-two}", "two"),
        ("${EMPTY:-two}", "two"),
        ("${EMPTY}x", "x"),
        ("${MISSING:-}", None),
        ("$${A}", "${A}"),
        ("$A", "$A"),
        ("${N}", 5),
        ("${MISSING:-true}", True),
    ],
)
def test_references(text, value):
    assert expand(text, A="one", EMPTY="", N="5").value == value


def test_a_quoted_reference_stays_text():
    assert expand("${N}", plain=False, N="5").value == "5"


def test_a_value_is_never_read_as_a_reference_again():
    assert expand("${A}", A="${B}").text == "${B}"


def test_a_variable_that_is_no_text_is_refused():
    expander = Expander(Variables(env={"A": "x\udcff"}))
    expander.expand(text_leaf("${A}", "f:1"), "p")
    assert [error.message for error in expander.errors] == ["p: the variable `A` is not valid UTF-8 text"]


@given(st.text())
def test_an_escaped_text_expands_to_itself(text):
    assert expand(escape(text), plain=False).text == text
