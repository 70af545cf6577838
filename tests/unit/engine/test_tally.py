"""Counts of a stage, and its rate while the load was the one that was asked."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.engine.tally import Tally, steady_rate, steady_window
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
    assert steady_rate(array("q", [0, 0]), array("q", [S, 2 * S])) == 1.0


@pytest.mark.parametrize(("sends", "ends"), [([], []), ([0], []), ([S], [S])])
def test_without_answers_or_time_there_is_no_rate(sends, ends):
    assert steady_rate(array("q", sends), array("q", ends)) is None


def test_failed_samples_end_nothing():
    tally = Tally(total=1, done=0, meets=None)
    tally.add(sample("error"))
    assert tally.request_rate is None


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(1, 10**11)), min_size=1, max_size=40))
def test_a_rate_is_positive_and_finite_or_unknown(pairs):
    sends, ends = array("q", [at for at, _ in pairs]), array("q", [at + took for at, took in pairs])
    rate = steady_rate(sends, ends)
    assert rate is not None
    assert 0 < rate < float("inf")
