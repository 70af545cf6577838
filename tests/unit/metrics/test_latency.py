from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.metrics.chunk_gap import ChunkGap
from bakeoff.metrics.e2e import E2e
from bakeoff.metrics.itl import Itl, token_gaps
from bakeoff.metrics.lag import Lag
from bakeoff.metrics.service import Service
from bakeoff.metrics.tpot import Tpot
from bakeoff.metrics.ttfa import Ttfa
from bakeoff.metrics.ttft import Ttft
from bakeoff.records import Attempt, Sample, Usage
from bakeoff.testing.contracts.metrics import MS, SAMPLE, TARGET


def changed(**values: Any) -> Sample:
    return msgspec.structs.replace(SAMPLE, **values)


def stream(events: int, tokens: int | None, gap_ms: int = 10, **values: Any) -> Sample:
    return changed(
        last_token_at=SAMPLE.first_token_at + (events - 1) * gap_ms * MS,
        chunks=events,
        chunk_us=[gap_ms * 1000] * (events - 1),
        usage=Usage(completion=tokens),
        **values,
    )


def test_ttft_includes_waiting_for_our_own_turn():
    assert Ttft().measure(changed(scheduled_at=500 * MS), TARGET) == pytest.approx(0.710)


def test_ttfa_starts_after_the_reasoning():
    assert Ttfa().measure(SAMPLE, TARGET) == pytest.approx(0.250)
    assert Ttfa().measure(changed(first_answer_at=None), TARGET) is None


def test_service_leaves_our_own_waiting_out():
    late = changed(scheduled_at=500 * MS)
    assert Service().measure(late, TARGET) == pytest.approx(0.502)
    assert E2e().measure(late, TARGET) == pytest.approx(1.012)


def test_lag_is_of_the_first_attempt_and_of_failed_samples_too():
    tried = changed(
        attempts=[Attempt(kind="status", sent_at=1003 * MS), Attempt(kind="status", sent_at=1100 * MS)]
    )
    assert Lag().measure(tried, TARGET) == pytest.approx(0.003)
    assert Lag().measure(changed(outcome="error"), TARGET) == pytest.approx(0.010)
    assert Lag().measure(changed(sent_at=None), TARGET) is None


def test_itl_and_tpot_agree_where_an_event_is_a_token():
    sample = stream(31, 31)
    assert Itl().measure(sample, TARGET) == pytest.approx(0.010)
    assert Tpot().measure(sample, TARGET) == pytest.approx(0.010)
    assert token_gaps(sample) == [0.010] * 30


def test_tokens_in_packs_have_no_itl_and_the_true_tpot():
    sample = stream(8, 32, gap_ms=160)
    assert Itl().measure(sample, TARGET) is None
    assert token_gaps(sample) is None
    assert Tpot().measure(sample, TARGET) == pytest.approx(0.040)
    assert ChunkGap().measure(sample, TARGET) == pytest.approx(0.160)


def test_the_textless_last_token_of_a_stop_is_no_missing_event():
    sample = stream(30, 31, finish_reason="stop")
    assert Itl().measure(sample, TARGET) == pytest.approx(0.010)
    assert Tpot().measure(sample, TARGET) == pytest.approx(0.010)
    assert Itl().measure(stream(30, 31, finish_reason="length"), TARGET) is None


def test_reasoning_that_was_counted_but_not_sent_is_no_streamed_token():
    sample = changed(thinking="", usage=Usage(completion=131, reasoning=100), chunks=31)
    assert Itl().measure(sample, TARGET) == pytest.approx(0.010)
    assert Tpot().measure(sample, TARGET) == pytest.approx(0.010)


@pytest.mark.parametrize(
    "sample",
    [
        stream(1, 1),
        stream(1, 20),
        changed(chunks=0, first_token_at=None, last_token_at=None),
        stream(5, 1),
        changed(first_token_at=None),
    ],
)
def test_without_two_events_and_tokens_there_is_no_tpot_and_no_itl(sample):
    assert Tpot().measure(sample, TARGET) is None
    assert Itl().measure(sample, TARGET) is None


def test_an_unknown_token_count_leaves_tpot_unknown_and_chunk_gap_known():
    sample = stream(5, None)
    assert Tpot().measure(sample, TARGET) is None
    assert Itl().measure(sample, TARGET) is None
    assert ChunkGap().measure(sample, TARGET) == pytest.approx(0.010)


def test_gaps_that_were_not_stored_leave_itl_its_mean():
    sample = changed(chunk_us=None)
    assert token_gaps(sample) is None
    assert Itl().measure(sample, TARGET) == pytest.approx(0.010)


@given(st.integers(2, 200), st.integers(1, 8), st.integers(1, 100))
def test_tpot_is_right_for_any_even_packing(events, per_event, token_ms):
    sample = stream(events, events * per_event, gap_ms=token_ms * per_event)
    assert Tpot().measure(sample, TARGET) == pytest.approx(token_ms / 1000)


def test_a_replaced_connection_is_no_earlier_attempt():
    sample = changed(attempts=[Attempt(kind="reconnect")])
    assert Lag().measure(sample, TARGET) == pytest.approx((sample.sent_at - sample.scheduled_at) / 1e9)


def test_tokens_that_came_together_are_no_gaps_between_tokens():
    # Three events a write, 10 ms a token: the first three are there at once, the others take 27 x 10 ms.
    merged = changed(
        last_token_at=SAMPLE.first_token_at + 270 * MS,
        chunks=30,
        arrivals=10,
        first_chunks=3,
        usage=Usage(completion=30),
    )
    assert Tpot().measure(merged, TARGET) == pytest.approx(0.010)
    assert Itl().measure(merged, TARGET) is None
    assert token_gaps(merged) is None


def test_two_tokens_that_came_together_now_and_then_do_no_harm():
    some = changed(
        last_token_at=SAMPLE.first_token_at + 290 * MS,
        chunks=31,
        arrivals=29,
        first_chunks=2,
        usage=Usage(completion=31),
    )
    assert Itl().measure(some, TARGET) == Tpot().measure(some, TARGET) == pytest.approx(0.010)


def test_an_answer_that_came_at_once_has_no_time_per_token():
    at_once = changed(last_token_at=SAMPLE.first_token_at, chunks=5, arrivals=1, first_chunks=5)
    assert Tpot().measure(at_once, TARGET) is None
