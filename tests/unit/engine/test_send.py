"""One intent, one sample: tries stand in it, and no failure escapes."""

import asyncio
from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.parts import ScriptClient, answer, lane, outgoing, refusal, sending

from bakeoff.engine.gate import Gate
from bakeoff.engine.send import _gaps_us, _wait, send
from bakeoff.errors import WireError
from bakeoff.outcomes import Failure
from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.records import Exchange, Response, Sample


def sample_of(client: ScriptClient, **how: object) -> Sample:
    one = lane(client)
    return asyncio.run(send(one, outgoing(one), sending(**how), scheduled_at=90))


def test_an_answer_becomes_a_sample_with_times_since_zero():
    found = sample_of(ScriptClient(answer("4", connect_ns=7, stamped_by="kernel")), zero=40)
    assert (found.outcome, found.text, found.finish_reason, found.status) == ("ok", "4", "stop", 200)
    assert (found.scheduled_at, found.sent_at, found.first_byte_at, found.done_at) == (50, 60, 61, 63)
    assert (found.first_token_at, found.chunk_us, found.chunks) == (None, None, 0)
    assert (found.connect_ns, found.stamped_by, found.error, found.attempts) == (7, "kernel", "", [])
    assert found.key == ("b", "c", "t", 0, "main")


def test_a_streamed_answer_keeps_its_times():
    events = [b'data: {"choices":[{"delta":{"content":"%d"}}]}\n\n' % n for n in range(3)] + [
        b"data: [DONE]\n\n"
    ]
    stamps = [1_000_000, 3_000_400, 5_000_900, 6_000_000]
    exchange = answer(headers={"content-type": "text/event-stream"}, pieces=events, stamps=stamps)
    found = sample_of(ScriptClient(exchange))
    assert (found.text, found.chunks, found.chunk_us) == ("012", 3, [2000, 2001])
    assert (found.first_token_at, found.last_token_at) == (1_000_000, 5_000_900)


def test_refusals_are_tried_again_and_stand_in_the_sample():
    busy = refusal(429, b'{"error": {"message": "slow down"}}', retry_after_ms="1")
    found = sample_of(ScriptClient(busy, busy, answer()), attempts=5)
    assert found.outcome == "ok"
    assert [(a.kind, a.status, a.error) for a in found.attempts] == [
        ("http_429", 429, "HTTP 429: slow down")
    ] * 2
    assert all(a.sent_at == 100 and a.done_at == 103 and a.waited_ns >= 1_000_000 for a in found.attempts)


def test_after_the_last_attempt_the_failure_is_the_sample():
    client = ScriptClient(refusal(503, b"busy", retry_after_ms="1"))
    found = sample_of(client, attempts=3)
    assert len(client.calls) == 3
    assert (found.outcome, found.status, found.error) == ("error", 503, "http_503: HTTP 503: busy")
    assert len(found.attempts) == 2


def test_a_load_is_never_asked_twice():
    client = ScriptClient(refusal(503))
    assert sample_of(client, attempts=1).attempts == []
    assert len(client.calls) == 1


def test_what_cannot_get_better_is_not_tried_again():
    client = ScriptClient(refusal(404, b"no such model"))
    found = sample_of(client, attempts=8)
    assert (len(client.calls), found.outcome, found.attempts) == (1, "error", [])


def test_a_request_without_any_answer_has_an_end_and_no_other_time():
    found = sample_of(ScriptClient(WireError("first_byte_timeout", "no first byte within 1 s")))
    assert (found.outcome, found.error) == ("timeout", "first_byte_timeout: no first byte within 1 s")
    assert (found.sent_at, found.first_byte_at, found.status) == (None, None, None)
    assert found.done_at is not None


def test_wire_errors_are_tried_again_too():
    found = sample_of(ScriptClient(WireError("reset", "gone"), answer()), attempts=2)
    (attempt,) = found.attempts
    assert (found.outcome, attempt.kind, attempt.sent_at, attempt.status) == ("ok", "reset", None, None)


def test_a_replaced_connection_is_noted_and_costs_no_attempt():
    client = ScriptClient(answer(reconnects=1))
    found = sample_of(client, attempts=1)
    assert (found.outcome, [a.kind for a in found.attempts]) == ("ok", ["reconnect"])
    busy = refusal(500, b"", retry_after_ms="1")
    client = ScriptClient(msgspec.structs.replace(busy, reconnects=1), answer())
    found = sample_of(client, attempts=2)
    assert [a.kind for a in found.attempts] == ["reconnect", "http_500"]
    assert found.outcome == "ok"


def test_half_an_answer_is_kept_beside_its_error():
    events = [b'data: {"choices":[{"delta":{"content":"half"}}]}\n\n']
    exchange = answer(headers={"content-type": "text/event-stream"}, pieces=events, broken="cut")
    found = sample_of(ScriptClient(exchange))
    assert (found.outcome, found.text) == ("error", "half")
    assert found.error == "cut: the connection was cut in the answer"


def test_a_provider_that_raises_spoils_one_sample_only():
    class Clumsy(OpenAIChat, frozen=True, kw_only=True):
        def decode(self, exchange: Exchange) -> Response:
            raise LookupError("an index")

    one = lane(ScriptClient(answer()), provider=Clumsy())
    found = asyncio.run(send(one, outgoing(one), sending(), scheduled_at=0))
    assert found.outcome == "error"
    assert found.error == "bad_answer: the answer cannot be decoded: LookupError: an index"


def test_cancelling_is_no_outcome():
    async def work() -> None:
        one = lane(ScriptClient(answer(), seconds=30))
        task = asyncio.create_task(send(one, outgoing(one), sending(), scheduled_at=0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())


def test_a_throttled_answer_lowers_the_gate_and_answers_raise_it():
    gate = Gate(10, Random(0))
    busy = refusal(429, b"", retry_after_ms="1")
    found = sample_of(ScriptClient(busy, answer()), attempts=3, gate=gate)
    assert found.outcome == "ok"
    assert 1 <= gate.limit < 10


def test_an_error_that_is_no_throttling_leaves_the_gate_alone():
    gate = Gate(10, Random(0))
    sample_of(ScriptClient(refusal(500, b"", retry_after_ms="1"), answer()), attempts=3, gate=gate)
    assert gate.limit == 10


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60).map(sorted))
def test_gaps_sum_to_the_whole_span_at_every_point(times):
    gaps = _gaps_us(times)
    assert len(gaps) == len(times) - 1
    total = 0
    for gap, (_, after) in zip(gaps, pairwise(times), strict=True):
        total += gap
        assert gap >= 0
        assert abs(total * 1000 - (after - times[0])) <= 500


@given(tries=st.integers(0, 40), asked=st.none() | st.floats(0, 900), seed=st.integers(0, 99))
def test_waits_are_what_was_asked_and_a_little_more_or_bounded(tries, asked, seed):
    failure = Failure(outcome="error", kind="k", message="", wait_s=asked)
    wait = _wait(failure, tries, Random(seed))
    if asked is None:
        assert 0 <= wait <= min(30.0, 0.5 * 2.0**tries)
    else:
        assert asked <= wait <= asked * 1.1


def test_a_request_that_went_out_and_got_no_answer_knows_when_it_went():
    gone = WireError("first_byte_timeout", "no first byte", sent_at=95)
    found = sample_of(ScriptClient(gone), zero=40)
    assert (found.outcome, found.sent_at, found.first_byte_at) == ("timeout", 55, None)
    found = sample_of(ScriptClient(gone, answer("4")), attempts=2, zero=40)
    assert [attempt.sent_at for attempt in found.attempts] == [55]
    assert sample_of(ScriptClient(WireError("dns", "no such host"))).sent_at is None
