"""The interval of a rate holds the true rate as often as it says, also where answers come in spells."""

from collections.abc import Callable
from random import Random

import pytest

from bakeoff.decide.load.rates import rate_bounds

SECOND = 1_000_000_000


def steady(rng: Random) -> list[int]:
    """Return ends of answers at 4 per second, at random, over 100 s."""
    ends, now = list[int](), 0.0
    while now < 100.0:
        now += rng.expovariate(4.0)
        ends.append(round(now * SECOND))
    return ends


def in_spells(rng: Random) -> list[int]:
    """Return ends of answers that come in bursts of four, one a second on average: neighbours are alike."""
    ends, now = list[int](), 0.0
    while now < 100.0:
        now += rng.expovariate(1.0)
        ends += [round(now * SECOND) + at for at in range(4)]
    return ends


@pytest.mark.parametrize("arrivals", [steady, in_spells])
def test_the_interval_holds_the_true_rate(arrivals: Callable[[Random], list[int]]) -> None:
    runs, held = 400, 0
    for seed in range(runs):
        low, high = rate_bounds(arrivals(Random(seed)), 0, 100 * SECOND)
        assert low is not None
        assert high is not None
        held += low <= 4.0 <= high
    # 95 % of 400, give or take three standard deviations and a point.
    assert 0.91 * runs <= held <= 0.99 * runs


def test_a_wilder_server_has_a_wider_interval() -> None:
    widths = []
    for arrivals in (steady, in_spells):
        low, high = rate_bounds(arrivals(Random(1)), 0, 100 * SECOND)
        widths.append((high or 0.0) - (low or 0.0))
    assert widths[0] < widths[1]


def test_what_lies_outside_the_window_counts_for_nothing() -> None:
    ends = steady(Random(2))
    inner = [each for each in ends if 20 * SECOND < each <= 80 * SECOND]
    assert rate_bounds(ends, 20 * SECOND, 80 * SECOND) == rate_bounds(inner, 20 * SECOND, 80 * SECOND)


def test_too_few_answers_and_answers_without_spread_have_no_interval() -> None:
    assert rate_bounds(list(range(1, 50)), 0, 49) == (None, None)
    assert rate_bounds([], 5, 5) == (None, None)
    even = [at * SECOND for at in range(1, 201)]
    assert rate_bounds(even, 0, 200 * SECOND) == (None, None)


def test_an_interval_does_not_go_below_nothing() -> None:
    ends = [SECOND + at for at in range(60)]
    low, high = rate_bounds(ends, 0, 100 * SECOND)
    assert low == 0.0
    assert high is not None
    assert high > 0.6
