import math
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.repeats import (
    KeyedMeans,
    VarianceParts,
    average_repeats,
    match,
    pass_all,
    pass_at,
    split_variance,
)


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


@given(n=st.integers(1, 9), data=st.data())
def test_pass_rates_are_the_shares_of_all_draws(n: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))
    draws = list(combinations([True] * passed + [False] * (n - passed), k))
    assert pass_at(k, n=n, passed=passed) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert pass_all(k, n=n, passed=passed) == pytest.approx(sum(map(all, draws)) / len(draws))


@pytest.mark.parametrize(("k", "n", "passed"), [(0, 3, 1), (4, 3, 1), (1, 3, 4), (1, 3, -1)])
def test_pass_rates_refuse_impossible_draws(k: int, n: int, passed: int) -> None:
    for estimate in (pass_at, pass_all):
        with pytest.raises(ValueError, match="must be within"):
            estimate(k, n=n, passed=passed)


def test_variance_of_equal_groups_is_that_of_the_textbook() -> None:
    # Mean squares: between 24.0 (2 groups of 3 with means 1 and 5), within 1.0.
    parts = split_variance([[0.0, 1.0, 2.0], [4.0, 5.0, 6.0], []])
    assert parts is not None
    assert parts.within == pytest.approx(1.0)
    assert parts.between == pytest.approx((24.0 - 1.0) / 3)
    assert (parts.keys, parts.n) == (2, 6)


def test_variance_parts_of_unequal_groups_are_unbiased() -> None:
    rng = Random(5)
    found: list[VarianceParts] = []
    for _ in range(400):
        groups: list[list[float]] = []
        for size in (2, 3, 8, 2, 5, 2):
            mean = rng.gauss(0, 2)
            groups.append([rng.gauss(mean, 1) for _ in range(size)])
        parts = split_variance(groups)
        assert parts is not None
        found.append(parts)
    assert sum(p.within for p in found) / 400 == pytest.approx(1.0, rel=0.05)
    assert sum(p.between for p in found) / 400 == pytest.approx(4.0, rel=0.15)


def test_repeats_that_differ_more_than_the_cases_leave_nothing_between() -> None:
    parts = split_variance([[0.0, 1.0], [1.0, 0.0]])
    assert parts is not None
    assert (parts.between, parts.within) == (0.0, 0.5)


@pytest.mark.parametrize("groups", [[], [[1.0, 0.0]], [[1.0], [0.0]], [[], [1.0, 1.0]]])
def test_variance_cannot_be_split_without_repeats_of_several_cases(groups: list[list[float]]) -> None:
    assert split_variance(groups) is None
