"""Ramp and steps: due times against the rate that was asked for."""

from bisect import bisect_right
from fractions import Fraction
from itertools import accumulate
from random import Random

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bakeoff.loads.constant import Constant
from bakeoff.loads.ramp import Ramp
from bakeoff.loads.steps import RateStep, Steps

RATES = st.floats(0.01, 5000)
TIMES = st.floats(0.01, 5000)


def due(load, count):
    return load.schedule(count, Random(0)).due_ns


def test_a_ramp_from_zero_sends_with_the_square_root_of_the_number():
    # 0 to 10/s in 20 s: t² / 4 requests by then, so request i is due at 2·sqrt(i).
    assert due(Ramp(to=10, over=20), 10) == tuple(round(2e9 * i**0.5) for i in range(10))


def test_a_ramp_ends_at_its_rate_and_stays_there():
    load = Ramp(from_=2, to=6, over=5)
    times = due(load, 30)
    assert load.length() == 20
    assert times[0] == 0
    assert times[19] < 5e9
    assert times[20:] == tuple(5_000_000_000 + round(i / 6 * 1e9) for i in range(10))


@given(st.floats(0, 5000), RATES, TIMES, st.integers(0, 3000))
def test_a_request_of_a_ramp_is_due_when_as_many_are_expected(start, end, seconds, last):
    at = Fraction(due(Ramp(from_=start, to=end, over=seconds), last + 1)[last], 10**9)
    low, high, over = Fraction(start), Fraction(end), Fraction(seconds)
    inside = min(at, over)
    rate = low + (high - low) * inside / over
    expected = (low + rate) / 2 * inside + high * (at - inside)
    # Half a nanosecond of rounding, and the precision of the floats.
    rounding = Fraction(1, 10**9) * max(rate, high if at > over else 0)
    assert abs(expected - last) <= rounding + max(last, 1) * Fraction(1, 10**12)


@given(RATES, TIMES, st.integers(1, 500))
def test_a_flat_ramp_and_one_step_are_the_constant_load(rate, seconds, count):
    even = due(Constant(rate=rate), count)
    for load in (
        Ramp(from_=rate, to=rate, over=seconds),
        Steps(steps=(RateStep(rate=rate, seconds=seconds),)),
    ):
        assert all(abs(a - b) <= 1 + a * 1e-12 for a, b in zip(even, due(load, count), strict=True))


def test_steps_follow_one_another_without_a_gap():
    load = Steps(
        steps=(RateStep(rate=2, seconds=2), RateStep(rate=10, requests=5), RateStep(rate=1, seconds=3))
    )
    seconds = [at / 1e9 for at in due(load, 13)]
    assert load.length() == 12
    assert seconds == pytest.approx([0, 0.5, 1, 1.5, 2, 2.1, 2.2, 2.3, 2.4, 2.5, 3.5, 4.5, 5.5])


STEPS = st.lists(st.tuples(RATES, st.integers(1, 200)), min_size=1, max_size=8)


@given(STEPS)
def test_steps_of_requests_have_exactly_as_many_and_each_keeps_its_rate(steps):
    load = Steps(steps=tuple(RateStep(rate=rate, requests=count) for rate, count in steps))
    total = sum(count for _, count in steps)
    times = due(load, total)
    assert load.length() == total
    ends = list(accumulate(count for _, count in steps))
    for index in range(total - 1):
        rate = steps[bisect_right(ends, index)][0]
        if index + 1 not in ends:
            assert times[index + 1] - times[index] == pytest.approx(1e9 / rate, rel=1e-6, abs=2)


@given(st.lists(st.tuples(RATES, TIMES), min_size=1, max_size=8), st.integers(1, 2000))
def test_due_times_under_steps_are_in_order_and_never_before_they_should_be(steps, count):
    load = Steps(steps=tuple(RateStep(rate=rate, seconds=seconds) for rate, seconds in steps))
    total = sum(Fraction(rate) * Fraction(seconds) for rate, seconds in steps)
    assume(count <= total)
    times = due(load, count)
    assert times == tuple(sorted(times))
    at, left, expected = Fraction(times[-1], 10**9), Fraction(times[-1], 10**9), Fraction(0)
    for rate, seconds in steps:
        expected += Fraction(rate) * max(Fraction(0), min(left, Fraction(seconds)))
        left -= Fraction(seconds)
    fastest = Fraction(max(rate for rate, _ in steps))
    assert abs(expected - (count - 1)) <= fastest * (
        Fraction(1, 10**9) + at * Fraction(1, 10**13)
    ) + Fraction(count, 10**12)


def test_a_decimal_rate_times_decimal_seconds_is_no_request_too_many():
    assert Steps(steps=(RateStep(rate=0.1, seconds=30),)).length() == 3
    assert Steps(steps=(RateStep(rate=0.1, seconds=31),)).length() == 4
    assert Steps(steps=(RateStep(rate=0.1, seconds=1),)).length() == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": []}, "at least one step"),
        ({"steps": [{"rate": 5}]}, "either `seconds` or `requests`"),
        ({"steps": [{"rate": 5, "seconds": 1, "requests": 3}]}, "either `seconds` or `requests`"),
        ({"steps": [{"rate": 0, "seconds": 1}]}, "rate"),
        ({"steps": [{"rate": 5, "seconds": 1}], "arrivals": "odd"}, "odd"),
    ],
)
def test_impossible_steps_are_refused(options, says):
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert(options, Steps)


@pytest.mark.parametrize("options", [{"over": 5}, {"to": 0, "over": 5}, {"from": -1, "to": 5, "over": 5}])
def test_impossible_ramps_are_refused(options):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, Ramp)
