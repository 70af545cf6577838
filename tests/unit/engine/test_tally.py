"""Counts of a stage, and its rate while the load was the one that was asked."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.engine.tally import Tally, in_step, steady_rate, steady_window
from bakeoff.records import Sample

S = 10**9


def sample(outcome: str = "ok", *, at: int = 0, done: int | None = S) -> Sample:
    return Sample(benchmark="b", case="c", target="t", outcome=outcome, scheduled_at=at, done_at=done)


def test_samples_are_counted_by_what_became_of_them():
    tally = Tally(total=9, done=2, meets=lambda one: one.ok and one.done_at == S)
    for one in (sample(), sample(done=2 * S), sample("error"), sample("timeout"), sample("cancelled")):
        tally.add(one)
    assert (tally.total, tally.done, tally.sent, tally.failed, tally.met) == (9, 7, 5, 3, 1)


def test_without_latency_targets_none_are_met_or_missed():
    tally = Tally(total=1, done=0, meets=None)
    tally.add(sample())
    assert tally.met is None


def test_the_rate_is_of_the_window_between_filling_up_and_running_empty():
    """One answer a second, each after ten seconds: the rate is 1, not 20 in 30 seconds."""
    tally = Tally(total=20, done=0, meets=None)
    for n in range(20):
        tally.add(sample(at=n * S, done=(n + 10) * S))
    assert tally.request_rate == pytest.approx(1.0)


def test_a_stage_too_short_for_a_window_is_taken_whole():
    assert steady_window(array("q", [0, 0]), array("q", [S, 2 * S])) is None
    assert steady_rate(array("q", [0, 0]), array("q", [S, 2 * S]), array("q", [S, 2 * S])) == 1.0


@pytest.mark.parametrize(("sends", "ends"), [([], []), ([0], []), ([S], [S])])
def test_without_answers_or_time_there_is_no_rate(sends, ends):
    assert steady_rate(array("q", sends), array("q", ends), array("q", ends)) is None


def test_failed_samples_end_nothing():
    tally = Tally(total=1, done=0, meets=None)
    tally.add(sample("error"))
    assert tally.request_rate is None


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(1, 10**11)), min_size=1, max_size=40))
def test_a_rate_is_positive_and_finite_or_unknown(pairs):
    sends, ends = array("q", [at for at, _ in pairs]), array("q", [at + took for at, took in pairs])
    rate = steady_rate(sends, ends, ends)
    assert rate is not None
    assert 0 < rate < float("inf")


@pytest.mark.parametrize("requests", [8, 16, 19, 24, 30, 80, 85])
def test_requests_that_stay_in_step_are_not_counted_a_burst_too_often(requests):
    """Eight at a time, a second each, all ending within a millisecond, are eight a second."""
    tally = Tally(total=requests, done=0, meets=None, together=8)
    for n in range(requests):
        begin = n // 8 * S + n % 8 * 10**5
        tally.add(sample(at=begin, done=begin + S))
    whole = requests // 8 * 8 == requests or requests >= 24
    assert tally.request_rate == pytest.approx(8.0 if whole else requests / -(-requests // 8), rel=0.001)


def test_failed_requests_do_not_shift_the_rounds():
    tally = Tally(total=80, done=0, meets=None, together=8)
    for n in range(80):
        tally.add(sample("error" if n % 4 == 0 else "ok", at=n // 8 * S, done=(n // 8 + 1) * S + n % 8))
    assert tally.request_rate == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("load", "together"),
    [
        ({"kind": "concurrent", "concurrency": 8}, 8),
        ({"kind": "sequential"}, 1),
        ({"kind": "poisson", "rate": 3.0}, 1),
    ],
)
def test_only_a_closed_loop_keeps_requests_in_step(load, together):
    assert in_step(load) == together


def test_ends_that_all_fall_on_one_moment_are_no_window():
    sends, ends = array("q", [0, 0, 0, 0, 9 * S]), array("q", [S, S, S, S, 10 * S])
    assert steady_window(sends, ends) is None
    assert steady_rate(sends, ends, ends) == 0.5
