"""Metrics of what the server says: formulas, batches and how many answers run at a time."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff import plugins
from bakeoff.metrics._batches import in_flight
from bakeoff.records import Sample, ServerFigures, Target

TARGET = Target(name="t", provider="openai_chat", model="m")
MS = 1_000_000


def said(outcome: str = "ok", **figures: Any) -> Sample:
    server = ServerFigures(**figures) if figures else None
    return Sample(
        benchmark="b", case="c", target="t", outcome=outcome, sent_at=0, done_at=900 * MS,
        first_token_at=300 * MS, last_token_at=800 * MS, server=server,
    )  # fmt: skip


def value(name: str, sample: Sample) -> float | None:
    found: float | None = plugins.create("metrics", name, {}).measure(sample, TARGET)
    return found


def reduced(name: str, *samples: Sample) -> Any:
    return plugins.create("metrics", name, {}).reduce(iter(samples))


def test_ttft_is_put_together_where_the_server_tells_only_its_parts():
    assert value("server_ttft", said(prefill=0.2)) == 0.2
    assert value("server_ttft", said(prefill=0.2, queue=0.05)) == 0.25
    assert value("server_ttft", said(prefill=0.2, ttft=0.3)) == 0.3
    assert value("server_ttft", said(queue=0.05)) is None


def test_e2e_needs_all_its_parts():
    assert value("server_e2e", said(prefill=0.25, decode=0.5, queue=0.0625)) == 0.8125
    assert value("server_e2e", said(decode=0.5)) is None
    assert value("server_e2e", said(decode=0.5, e2e=0.7)) == 0.7


def test_tpot_divides_by_the_gaps_between_tokens():
    assert value("server_tpot", said(decode=0.5, decoded=51, output_rate=1.0)) == 0.01
    assert value("server_tpot", said(decode=0.5, decoded=1)) is None
    assert value("server_tpot", said(output_rate=50.0)) == 0.02
    assert value("server_tpot", said(ttft=1.0)) is None


def test_what_is_beyond_the_server_counts_from_sending():
    assert value("ttft_overhead", said(ttft=0.29)) == pytest.approx(0.01)
    assert value("e2e_overhead", said(e2e=0.85)) == pytest.approx(0.05)
    assert value("ttft_overhead", said(e2e=0.85)) is None


@pytest.mark.parametrize(
    "name", ["server_ttft", "server_e2e", "server_tpot", "server_queue", "server_output_rate", "e2e_overhead"]
)
def test_unknown_is_none(name):
    assert value(name, said()) is None
    figures = {"ttft": 1.0, "e2e": 1.0, "output_rate": 1.0, "queue": 1.0}
    assert value(name, said("error", **figures)) is None


def served(*rows: tuple[int, int, float]) -> list[Sample]:
    """Return answers by when they were sent, when they ended, and the server's ttft."""
    plain = said(ttft=1.0)
    return [
        msgspec.structs.replace(plain, sent_at=sent, done_at=done, server=ServerFigures(ttft=ttft))
        for sent, done, ttft in rows
    ]


def test_answers_of_one_server_ttft_are_one_batch():
    rows = served((0, 10, 0.5), (0, 11, 0.5), (0, 12, 0.5), (0, 20, 0.7), (0, 21, 0.9))
    size = reduced("batch_size", *rows[::-1])
    assert (size.value, size.n) == (4.0, 5)  # three end together: the next power of two
    assert reduced("switching_time", *rows).value == 0.0


def test_switching_time_is_the_spread_at_the_largest_batch():
    rows = served((0, 10, 0.5), (0, 11, 0.5), (20, 30, 2.5), (20, 31, 2.5), (40, 50, 9.0))
    assert reduced("switching_time", *rows).value == 2.0
    assert reduced("batch_size", *rows).value == 2.0


def test_one_request_after_the_other_is_a_batch_of_one():
    rows = served((0, 10, 0.5), (10, 20, 3.5), (20, 30, 0.5))
    assert reduced("batch_size", *rows).value == 1.0
    assert reduced("switching_time", *rows).value == 3.0


def test_a_server_without_fixed_batches_has_none():
    rows = served((0, 10, 0.5), (5, 20, 0.6), (6, 30, 0.7))
    size = reduced("batch_size", *rows)
    assert (size.value, size.n) == (None, 3)
    assert "no two shared" in size.note
    assert reduced("switching_time", *rows).value is None


def test_no_size_that_half_of_the_requests_had_is_unknown():
    rows = served((0, 10, 0.5), (0, 11, 0.5), (20, 30, 2.5), (40, 50, 9.0))
    assert reduced("batch_size", *rows).value is None


def test_a_told_batch_size_wins():
    rows = [said(batch_size=8.0, ttft=0.5), said(batch_size=8.0, ttft=0.5), said(batch_size=4.0)]
    assert (reduced("batch_size", *rows).value, reduced("batch_size", *rows).n) == (8.0, 3)
    assert reduced("batch_size", said(batch_size=8.0)).value == 8.0


def test_nothing_said_no_batch():
    size = reduced("batch_size", said(), said("error", ttft=1.0, batch_size=2.0))
    assert (size.value, size.n) == (None, 0)
    assert reduced("switching_time", *served((0, 1, 0.5))).value is None


def test_streams_counts_answers_between_first_and_last_token():
    one = said()
    later = msgspec.structs.replace(one, first_token_at=800 * MS, last_token_at=1300 * MS)
    assert reduced("streams", one, one, later).value == 1.5
    assert reduced("streams", msgspec.structs.replace(one, first_token_at=None)).value is None


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda p: (min(p), max(p)))),
    st.integers(0, 50),
    st.integers(1, 50),
)
def test_in_flight_is_the_mean_over_every_moment(spans, begin, length):
    counted = [sum(a <= moment < b for a, b in spans) for moment in range(begin, begin + length)]
    assert in_flight(spans, begin, begin + length) == pytest.approx(sum(counted) / length)


def test_acceptance_sums_tokens_not_rates():
    rows = [said(drafted=90, accepted=90), said(drafted=10, accepted=0), said(drafted=0, accepted=0), said()]
    found = reduced("draft_acceptance", *rows, said("error", drafted=5, accepted=5))
    assert (found.value, found.n) == (0.9, 2)
    assert reduced("draft_acceptance", said(acceptance_rate=0.5)).value is None
