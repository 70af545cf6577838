import math
from array import array
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.quantiles import quantile, summarise

samples = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@given(samples, st.floats(0.0, 1.0))
def test_quantile_agrees_with_numpy(values: list[float], q: float) -> None:
    expected = float(np.quantile(values, q))
    assert quantile(sorted(values), q) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(samples, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_quantile_is_monotone_and_inside_the_sample(values: list[float], one: float, other: float) -> None:
    ordered = sorted(values)
    low, high = quantile(ordered, min(one, other)), quantile(ordered, max(one, other))
    slack = 1e-6
    assert ordered[0] <= low + slack
    assert low <= high + slack
    assert high <= ordered[-1] + slack


@given(samples)
def test_summary_agrees_with_numpy(values: list[float]) -> None:
    summary = summarise(values)
    expected = np.quantile(values, [0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0])
    found = [summary.min, summary.p50, summary.p90, summary.p95, summary.p99, summary.p999, summary.max]
    assert found == pytest.approx(list(expected), rel=1e-9, abs=1e-6)
    assert summary.mean == pytest.approx(float(np.mean(values)), abs=1e-5)
    assert summary.n == len(values)


def test_summary_of_equal_values_is_that_value() -> None:
    summary = summarise(array("d", [2.5] * 9))
    assert (summary.min, summary.mean, summary.p50, summary.p999, summary.max) == (2.5,) * 5


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_summary_refuses_nothing_and_nan(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no values|NaN"):
        summarise(values)


@pytest.mark.parametrize(("values", "q"), [([], 0.5), ([1.0], -0.1), ([1.0], 1.1), ([1.0], math.nan)])
def test_quantile_refuses_impossible_input(values: list[float], q: float) -> None:
    with pytest.raises(ValueError, match=r"no values|share"):
        quantile(values, q)


def test_a_million_values_are_summed_up_exactly() -> None:
    rng = Random(3)
    values = array("d", (rng.random() for _ in range(1_000_000)))
    assert summarise(values).p99 == pytest.approx(0.99, abs=0.002)
