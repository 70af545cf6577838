from random import Random
from statistics import fmean

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.loads.concurrent import Concurrent
from bakeoff.loads.constant import Constant
from bakeoff.loads.poisson import Poisson
from bakeoff.loads.sequential import Sequential
from bakeoff.records import Schedule


def test_closed_loops_bound_what_is_in_flight():
    assert Sequential().schedule(5, Random(0)) == Schedule(concurrency=1)
    assert Concurrent().schedule(5, Random(0)) == Schedule(concurrency=8)
    assert Concurrent(concurrency=64).schedule(5, Random(0)) == Schedule(concurrency=64)


def test_constant_distances_are_even_and_start_at_once():
    assert Constant(rate=4).schedule(4, Random(0)).due_ns == (0, 250_000_000, 500_000_000, 750_000_000)


@given(st.floats(0.01, 10_000), st.integers(0, 3000))
def test_constant_rounding_never_adds_up(rate, last):
    due = Constant(rate=rate).schedule(last + 1, Random(0)).due_ns
    assert due is not None
    assert abs(due[last] - last * 1e9 / rate) <= 0.5 + last * 1e9 / rate * 1e-15


def test_poisson_gaps_are_exponential_with_the_rate():
    due = Poisson(rate=50).schedule(20_000, Random(3)).due_ns
    assert due is not None
    gaps = [later - earlier for earlier, later in zip((0, *due), due, strict=False)]
    assert abs(fmean(gaps) / 20e6 - 1) < 5 / 20_000**0.5
    above = sum(gap > 20e6 for gap in gaps) / len(gaps)
    assert abs(above - 0.36788) < 5 * (0.37 * 0.63 / 20_000) ** 0.5


def test_poisson_times_come_from_the_seed_and_a_longer_plan_begins_alike():
    short = Poisson(rate=5).schedule(10, Random(1)).due_ns
    long = Poisson(rate=5).schedule(20, Random(1)).due_ns
    assert short is not None
    assert long is not None
    assert long[:10] == short
    assert short != Poisson(rate=5).schedule(10, Random(2)).due_ns


@pytest.mark.parametrize("kind", [Constant, Poisson])
@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_that_is_not_positive_is_refused(kind, rate):
    with pytest.raises(msgspec.ValidationError, match="rate"):
        msgspec.convert({"rate": rate}, kind)


def test_a_concurrency_below_one_is_refused():
    with pytest.raises(msgspec.ValidationError, match="concurrency"):
        msgspec.convert({"concurrency": 0}, Concurrent)
