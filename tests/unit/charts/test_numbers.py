import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.charts import numbers
from bakeoff.records import Estimate


def estimate(
    value: float | None, low: float | None = None, high: float | None = None, unit: str = "s"
) -> Estimate:
    return Estimate(value=value, low=low, high=high, unit=unit, n=1234)


@pytest.mark.parametrize(
    ("value", "low", "high", "shown", "interval"),
    [
        (0.8234, 0.75, 0.88, "82", "[75, 88]"),
        (0.8234, 0.80, 0.84, "82.3", "[80.0, 84.0]"),
        (0.8234, 0.8231, 0.8237, "82.340", "[82.310, 82.370]"),
        (0.0, 0.0, 0.031, "0.0", "[0.0, 3.1]"),
    ],
)
def test_decimals_follow_the_width_of_the_interval(
    value: float, low: float, high: float, shown: str, interval: str
) -> None:
    one = estimate(value, low, high, "share")
    assert numbers.show(one, numbers.scale_of([one])) == numbers.Shown(
        value=shown, interval=interval, n="1,234"
    )


def test_value_without_interval_has_three_significant_digits() -> None:
    assert [numbers.number(v) for v in (123.456, 1.23456, 0.00123456, 0.0)] == ["123", "1.23", "0.00123", "0"]


def test_unknown_is_a_word_and_never_zero() -> None:
    assert numbers.show(estimate(None), numbers.scale_of([])).value == "unknown"
    assert numbers.show(estimate(math.nan), numbers.scale_of([])).value == "unknown"
    assert numbers.number(None) == numbers.quantity(None, "s") == numbers.probability(None) == "unknown"


def test_missing_bound_shows_no_interval() -> None:
    one = estimate(0.5, None, 0.9, "share")
    assert numbers.show(one, numbers.scale_of([one])).interval == ""


def test_times_that_stand_together_share_one_unit() -> None:
    assert numbers.scale_of([estimate(0.2), estimate(0.9)]).unit == "ms"
    assert numbers.scale_of([estimate(0.2), estimate(1.9)]).unit == "s"
    assert numbers.scale_of([estimate(0.2), estimate(0.3, 0.1, 1.2)]).unit == "s"


def test_small_probability_is_no_bare_zero() -> None:
    assert numbers.probability(0.0) == "< 0.001"
    assert numbers.probability(0.0123) == "0.012"


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_shown_value_is_within_a_tenth_of_the_interval(value: float, width: float) -> None:
    one = estimate(value, value - width / 2, value + width / 2, "x")
    shown = numbers.show(one, numbers.scale_of([one]))
    assert abs(float(shown.value.replace(",", "")) - value) <= max(width * 0.0501, 0.5, abs(value) * 1e-9)


def test_negative_zero_has_no_sign() -> None:
    assert numbers.plain(-0.0001, 1) == "0.0"
