"""The random loads, held against the distributions that they claim."""

from itertools import pairwise
from random import Random
from statistics import fmean, stdev

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bakeoff.loads.gamma import Gamma
from bakeoff.loads.poisson import Poisson
from bakeoff.loads.ramp import Ramp
from bakeoff.loads.steps import RateStep, Steps

COUNT = 20_000


def gaps(load, seed=3, count=COUNT):
    due = load.schedule(count, Random(seed)).due_ns
    return [(later - earlier) / 1e9 for earlier, later in pairwise((0, *due))]


@pytest.mark.parametrize("rate", [50, 200, 500, 1000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poisson_gaps_pass_a_ks_test(rate, seed):
    assert stats.kstest(gaps(Poisson(rate=rate), seed), stats.expon(scale=1 / rate).cdf).pvalue > 0.001


@pytest.mark.parametrize("shape", [0.05, 0.5, 1, 4, 400])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gamma_gaps_pass_a_ks_test(shape, seed):
    found = gaps(Gamma(rate=25, shape=shape), seed)
    # Due times are whole nanoseconds, so the many tiny gaps of a bursty load are steps, not a curve.
    seen = [gap for gap in found if gap > 1e-6]
    law = stats.gamma(a=shape, scale=1 / (25 * shape))
    below = law.cdf(1e-6)
    assert abs(len(seen) / COUNT - (1 - below)) < 4 * (below * (1 - below) / COUNT) ** 0.5 + 1e-9
    assert stats.kstest(seen, lambda gap: (law.cdf(gap) - below) / (1 - below)).pvalue > 0.001


@pytest.mark.parametrize("shape", [0.1, 0.5, 2, 100])
def test_gamma_has_the_asked_mean_rate_and_burstiness(shape):
    found = gaps(Gamma(rate=40, shape=shape))
    assert abs(fmean(found) * 40 - 1) < 4 / (shape * COUNT) ** 0.5
    assert stdev(found) / fmean(found) == pytest.approx(shape**-0.5, rel=0.08)


def test_bursts_are_closer_together_than_chance_and_a_high_shape_is_nearly_constant():
    crowded = [sum(gap < 0.002 for gap in gaps(Gamma(rate=50, shape=shape))) for shape in (0.1, 1, 10)]
    assert crowded[0] > 5 * crowded[1] > 25 * crowded[2]
    assert stdev(gaps(Gamma(rate=50, shape=1e6))) < 1e-4


@given(st.floats(0.01, 1e4), st.floats(0.001, 1e9), st.integers(0, 10))
def test_a_longer_plan_begins_like_a_shorter_one_whatever_the_options(rate, shape, count):
    load = Gamma(rate=rate, shape=shape)
    short, longer = (load.schedule(n, Random(5)).due_ns for n in (count, count + 7))
    assert longer[:count] == short


@pytest.mark.parametrize(
    "load",
    [
        Ramp(from_=0, to=80, over=500, arrivals="poisson"),
        Ramp(from_=60, to=20, over=500, arrivals="poisson"),
        Steps(steps=(RateStep(rate=5, seconds=100), RateStep(rate=40, seconds=500)), arrivals="poisson"),
    ],
)
def test_random_arrivals_under_a_changing_rate_are_poisson_once_time_is_stretched_by_it(load):
    """By the time-change theorem the expected counts at the arrivals have exponential gaps of mean 1."""
    due = [at / 1e9 for at in load.schedule(15_000, Random(8)).due_ns]
    marks = [expected_at(load, at) for at in due]
    assert stats.kstest([b - a for a, b in pairwise([0, *marks])], "expon").pvalue > 0.001
    assert due != [at / 1e9 for at in load.schedule(15_000, Random(9)).due_ns]


def expected_at(load, at):
    if isinstance(load, Ramp):
        inside = min(at, load.over)
        rate = load.from_ + (load.to - load.from_) * inside / load.over
        return (load.from_ + rate) / 2 * inside + load.to * max(0, at - load.over)
    first, second = load.steps
    return first.rate * min(at, first.seconds) + second.rate * max(0, at - first.seconds)


@pytest.mark.parametrize("options", [{"rate": 0}, {"rate": 5, "shape": 0}, {"rate": 5, "burst": 2}])
def test_impossible_gamma_options_are_refused(options):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, Gamma)
