"""What no database and no JSON reader takes is refused, with its place; all else passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.server.faults import RefusedError
from bakeoff.server.values import check_values


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": ["x\0"]}}, r"^body\.a\.b\[0\]: holds a NUL"),
        ({"a\0": 1}, r"^a key of body: holds a NUL"),
        (["\ud800"], "lone surrogate"),
        ({"\udfff": 1}, "lone surrogate"),
        (float("nan"), "no finite number"),
        ([float("-inf")], r"^body\[0\]: is no finite number"),
        (-(2**53) - 1, "is over 2"),
        ({"\ud800\0": {"x": "\0"}}, "body"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_place(value: object, message: str):
    with pytest.raises(RefusedError, match=message) as caught:
        check_values(value)
    str(caught.value).encode()


def test_endless_nesting_is_refused():
    value: list[object] = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(RefusedError, match="more than 60 deep"):
        check_values(value, "rows")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_everything_else_passes(value: object):
    check_values(value)
