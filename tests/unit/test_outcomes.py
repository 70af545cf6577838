"""One outcome for everything that can become of a request."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.parts import answer, refusal

from bakeoff.errors import WireError
from bakeoff.outcomes import (
    answer_failure,
    answer_outcome,
    retry_after,
    status_failure,
    wire_failure,
)
from bakeoff.records import OUTCOMES, Request, Response

KINDS = [
    "connect_timeout", "first_byte_timeout", "stream_timeout", "timeout",
    "refused", "reset", "cut", "tls", "proxy", "dns", "protocol",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_only_timeouts_are_timeouts_and_only_wrong_settings_are_final(kind):
    failure = wire_failure(WireError(kind, "it broke"))
    assert failure.outcome == ("timeout" if "timeout" in kind else "error")
    assert failure.retry == (kind not in {"tls", "proxy", "dns"})
    assert (failure.kind, failure.message) == (kind, "it broke")


@given(status=st.integers(201, 599), body=st.binary(max_size=80))
def test_every_other_status_is_an_error_that_names_it(status, body):
    failure = status_failure(refusal(status, body))
    assert (failure.outcome, failure.kind, failure.status) == ("error", f"http_{status}", status)
    assert failure.message.startswith(f"HTTP {status}: ")
    assert failure.retry == (status in {408, 409, 425, 429, 500, 502, 503, 504, 529})
    assert failure.throttled == (status in {429, 503, 529})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "empty body"),
        (b"plain words", "plain words"),
        (b'{"error": {"message": "no such model", "code": 1}}', "no such model"),
        (b'{"error": "busy"}', "busy"),
        (b'{"message": "top"}', "top"),
        (b'{"error": {"message": ""}}', '{"error": {"message": ""}}'),
        (b'{"error": null}', '{"error": null}'),
        (b'{"detail": [1]}', '{"detail": [1]}'),
        (b"[1, 2]", "[1, 2]"),
        (b"x" * 9_000, "x" * 500),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * 500),
        (b'{"a":' * 100_000, ('{"a":' * 100)),
    ],
)
def test_the_servers_words_are_kept_short(body, text):
    assert status_failure(refusal(500, body)).message == f"HTTP 500: {text}"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "."}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_as_a_number_or_a_date(headers, seconds):
    assert retry_after(headers) == seconds


def test_a_date_to_retry_after_is_seconds_from_now():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after({"retry-after": later}) == pytest.approx(60, abs=2)


@given(st.text(max_size=40))
def test_no_retry_after_makes_it_raise(text):
    seconds = retry_after({"retry-after": text, "retry-after-ms": text})
    assert seconds is None or seconds >= 0


def test_a_server_that_asks_for_hours_is_not_waited_for():
    assert status_failure(refusal(429, retry_after="900")).retry
    assert not status_failure(refusal(429, retry_after="901")).retry


@pytest.mark.parametrize(
    ("broken", "outcome"), [("cut", "error"), ("stream_timeout", "timeout"), ("timeout", "timeout")]
)
def test_an_answer_that_broke_off_is_none_even_if_it_looks_whole(broken, outcome):
    failure = answer_failure(answer(broken=broken), Response(text="4"))
    assert failure is not None
    assert (failure.outcome, failure.kind, failure.retry) == (outcome, broken, True)


def test_errors_inside_an_answer_and_missing_ends_are_failures():
    bad = answer_failure(answer(), Response(error="overloaded"))
    cut = answer_failure(answer(), Response(text="a", complete=False))
    assert bad is not None
    assert (bad.kind, bad.message) == ("bad_answer", "overloaded")
    assert cut is not None
    assert (cut.kind, cut.retry) == ("incomplete", True)
    assert answer_failure(answer(), Response(text="a")) is None


RESPONSES = st.builds(
    Response,
    text=st.sampled_from(["", " \n", "4"]),
    thinking=st.sampled_from(["", "hm"]),
    open_thought=st.booleans(),
    finish_reason=st.sampled_from([None, "stop", "length", "content_filter", "tool_calls", "other"]),
    refusal=st.sampled_from([None, "", "I cannot"]),
    tool_calls=st.sampled_from([[], [{"function": {"name": "f"}}]]),
)


@given(response=RESPONSES, length=st.none() | st.integers(1, 9))
def test_every_whole_answer_has_one_outcome(response, length):
    outcome = answer_outcome(response, Request(output_tokens=length))
    assert outcome in OUTCOMES
    if response.finish_reason == "content_filter":
        assert outcome == "filtered"
    elif response.refusal:
        assert outcome == "refused"
    elif length is None and (response.open_thought or response.finish_reason == "length"):
        assert outcome == "truncated"
    elif outcome == "ok":
        assert response.text.strip() or response.tool_calls or (length and response.thinking)
    else:
        assert outcome == "empty"
        assert not response.text.strip()


def test_a_thought_that_fills_an_asked_length_is_not_truncated():
    thought = Response(thinking="hm hm", open_thought=True, finish_reason="length")
    assert answer_outcome(thought, Request(output_tokens=9)) == "ok"
    assert answer_outcome(thought, Request()) == "truncated"


def test_failures_hold_no_answer_time():
    assert msgspec.structs.asdict(status_failure(refusal(404)))["wait_s"] is None


def test_an_answer_that_was_compressed_unasked_says_so():
    exchange = msgspec.structs.replace(answer(), headers={"content-encoding": "gzip"})
    failed = answer_failure(exchange, Response(error="the stream held no event"))
    assert failed is not None
    assert (failed.outcome, failed.kind, failed.retry) == ("error", "compressed", False)
    assert "gzip" in failed.message
