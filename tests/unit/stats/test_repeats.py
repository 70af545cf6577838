import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.repeats import KeyedMeans, average_repeats, match


def test_repeats_of_a_key_become_their_mean() -> None:
    result = average_repeats(["b", "a", "b", "b"], [1.0, 0.5, 0.0, 0.5])
    assert result == KeyedMeans(keys=("b", "a"), means=(0.5, 0.5))


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=30))
def test_weighted_means_add_up_to_the_total(rows: list[tuple[str, bool]]) -> None:
    keys = [key for key, _ in rows]
    result = average_repeats(keys, [value for _, value in rows])
    total = sum(mean * keys.count(key) for key, mean in zip(result.keys, result.means, strict=True))
    assert total == pytest.approx(sum(value for _, value in rows))


def test_matching_keeps_what_both_have_in_the_order_of_the_first() -> None:
    a = KeyedMeans(keys=("x", "y", "z"), means=(0.1, 0.2, 0.3))
    b = KeyedMeans(keys=("z", "w", "x"), means=(0.9, 0.8, 0.7))
    matched = match(a, b)
    assert matched.keys == ("x", "z")
    assert (matched.a, matched.b) == ((0.1, 0.3), (0.7, 0.9))


def test_nothing_matches_nothing() -> None:
    assert match(average_repeats([], []), average_repeats(["a"], [1.0])).keys == ()


@pytest.mark.parametrize(("keys", "values"), [(["a"], []), (["a"], [math.nan]), (["a"], [math.inf])])
def test_repeats_refuse_unequal_lengths_and_nan(keys: list[str], values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"equally long|NaN"):
        average_repeats(keys, values)
