"""The shape and the timing of answers of the truth server, seen by a bare socket."""

import json
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from bakeoff.clock import now_ns
from bakeoff.testing.truth import TruthProcess, TruthRecord, TruthSettings
from bakeoff.testing.truth.bare import ask, chat, connect, encode, exchange


@pytest.fixture(scope="module")
def process() -> Iterator[TruthProcess]:
    with TruthProcess(max_seconds=120) as server:
        yield server


@pytest.fixture
def server(process: TruthProcess) -> TruthProcess:
    process.configure(TruthSettings())
    process.reset()
    return process


def last(server: TruthProcess) -> TruthRecord:
    return server.truth()[-1]


def test_a_stream_is_what_openai_sends(server: TruthProcess) -> None:
    read = ask(server.port, "tokens=3")
    assert (read.status, read.end) == (200, "complete")
    assert b"content-type: text/event-stream" in read.head
    assert read.deltas[0] == {"role": "assistant", "content": "tok0"}
    assert read.text == "tok0 tok1 tok2"
    assert [event["choices"][0]["finish_reason"] for event in read.events] == [None, None, None, "stop"]
    assert read.payloads[-1] == b"[DONE]"
    assert {event["object"] for event in read.events} == {"chat.completion.chunk"}


def test_a_whole_answer_has_message_and_usage(server: TruthProcess) -> None:
    document = ask(server.port, "tokens=3,cached=1", stream=False).document
    assert document["choices"][0]["message"] == {"role": "assistant", "content": "tok0 tok1 tok2"}
    assert document["usage"] == {
        "prompt_tokens": 2,
        "completion_tokens": 3,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 1},
    }


@pytest.mark.parametrize("stream", [True, False])
def test_legacy_completions_answer_with_text(server: TruthProcess, *, stream: bool) -> None:
    body = {"model": "m", "prompt": "one two three", "stream": stream}
    with connect(server.port) as one:
        read = exchange(one, encode(body, settings="tokens=2,usage=last", path="/v1/completions"))
    events = read.events if stream else [read.document]
    assert "".join(choice["text"] for event in events for choice in event["choices"]) == "tok0 tok1"
    assert events[-1]["usage"]["prompt_tokens"] == 3


def test_tokens_come_when_they_are_due_and_the_record_says_so(server: TruthProcess) -> None:
    before = now_ns()
    read = ask(server.port, "ttft=50ms,itl=10ms,tokens=10")
    record = last(server)
    assert record.tokens == len(record.times) == 10
    assert before < record.arrival
    for index, stamp in enumerate(record.times):
        assert stamp >= record.arrival + 50_000_000 + index * 10_000_000
    # no byte can be read before it was due, and every stamp lies before the record was asked for
    assert read.reads[0][0] >= record.arrival + 50_000_000
    assert record.times[-1] < now_ns()


def test_a_lone_stream_is_written_within_a_millisecond(server: TruthProcess) -> None:
    ask(server.port, "ttft=20ms,itl=5ms,tokens=40")
    record = last(server)
    assert record.first_token is not None
    gaps = sorted(after - before for before, after in pairwise(record.times))
    assert abs(gaps[len(gaps) // 2] - 5_000_000) < 1_000_000


def test_jitter_spreads_the_gaps(server: TruthProcess) -> None:
    ask(server.port, "itl=10ms,tokens=30,jitter=0.8,jitter_kind=uniform,seed=3")
    gaps = [after - before for before, after in pairwise(last(server).times)]
    assert sum(gap < 8_000_000 for gap in gaps) >= 5
    assert sum(gap > 12_000_000 for gap in gaps) >= 5


def test_max_tokens_caps_and_says_length(server: TruthProcess) -> None:
    read = ask(server.port, "tokens=9", max_tokens=4)
    assert read.text == "tok0 tok1 tok2 tok3"
    assert read.events[-1]["choices"][0]["finish_reason"] == "length"
    assert ask(server.port, "tokens=9", max_completion_tokens=2, max_tokens=5).text == "tok0 tok1"


def test_ignore_eos_and_min_tokens_lengthen(server: TruthProcess) -> None:
    assert len(ask(server.port, "tokens=2", max_tokens=7, ignore_eos=True).text.split()) == 7
    assert len(ask(server.port, "tokens=2", min_tokens=5).text.split()) == 5


def test_several_tokens_share_an_event(server: TruthProcess) -> None:
    read = ask(server.port, "tokens=10,tokens_per_chunk=4,itl=10ms")
    assert [delta.get("content") for delta in read.deltas[:3]] == [
        "tok0 tok1 tok2 tok3",
        " tok4 tok5 tok6 tok7",
        " tok8 tok9",
    ]
    times = last(server).times
    assert len(times) == 10
    assert times[0] == times[3]
    assert times[4] - times[3] >= 35_000_000


def test_early_role_comes_at_arrival_and_is_no_token(server: TruthProcess) -> None:
    read = ask(server.port, "role=early,ttft=150ms,tokens=2")
    assert read.deltas[0] == {"role": "assistant", "content": ""}
    assert "role" not in read.deltas[1]
    record = last(server)
    assert record.first_byte is not None
    assert record.first_token is not None
    assert record.first_byte - record.arrival < 100_000_000
    assert record.first_token - record.arrival >= 150_000_000
    assert read.reads[0][0] < read.reads[1][0] - 20_000_000


def test_no_role_and_early_head(server: TruthProcess) -> None:
    read = ask(server.port, "role=none,head=early,ttft=40ms,tokens=2")
    assert all("role" not in delta for delta in read.deltas)
    assert read.reads[0][1].endswith(b"\r\n\r\n")
    assert b"data:" not in read.reads[0][1]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_comes_first_in_its_own_field(server: TruthProcess, field: str) -> None:
    read = ask(server.port, f"reasoning=3,reasoning_field={field},tokens=2,itl=10ms,usage=last")
    assert [list(delta)[-1] for delta in read.deltas[:5]] == [field] * 3 + ["content"] * 2
    assert read.events[-1]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 3}
    assert read.events[-1]["usage"]["completion_tokens"] == 5
    record = last(server)
    assert record.first_answer == record.times[3]
    assert (record.thinking, record.tokens) == (3, 5)


def test_reasoning_in_tags_and_whole(server: TruthProcess) -> None:
    expected = "<think>think0 think1</think>tok0"
    assert ask(server.port, "reasoning=2,reasoning_field=think,tokens=1").text == expected
    whole = ask(server.port, "reasoning=2,reasoning_field=think,tokens=1", stream=False).document
    assert whole["choices"][0]["message"]["content"] == expected
    named = ask(server.port, "reasoning=2,tokens=1", stream=False).document
    assert named["choices"][0]["message"]["reasoning"] == "think0 think1"


def test_usage_follows_the_setting_or_the_request(server: TruthProcess) -> None:
    def usages(settings: str, **more: object) -> list[object]:
        events = ask(server.port, f"tokens=2{settings}", **more).events
        return [event["usage"]["completion_tokens"] for event in events if event.get("usage")]

    assert usages("") == []
    assert usages("", stream_options={"include_usage": True}) == [2]
    assert usages(",usage=none", stream_options={"include_usage": True}) == []
    assert usages(",usage=last") == [2]
    assert usages(",usage=every") == [1, 2, 2, 2]


def test_comments_crlf_and_no_done(server: TruthProcess) -> None:
    body = ask(server.port, "comments=2,tokens=4,crlf=true,done=false").body
    assert body.startswith(b": ping\r\n\r\n")
    assert body.count(b": ping\r\n\r\n") == 3
    assert b"\n\n" not in body
    assert b"[DONE]" not in body


def test_split_writes_cut_an_event_in_two(server: TruthProcess) -> None:
    read = ask(server.port, "split=20ms,ttft=40ms,itl=40ms,tokens=2")
    assert read.text == "tok0 tok1"
    assert len(read.reads) >= 4
    record = last(server)
    assert record.first_token is not None
    assert record.first_token - record.arrival >= 40_000_000
    assert read.reads[1][0] - read.reads[0][0] > 10_000_000
    assert not read.reads[0][1].endswith(b"\n\n\r\n")


def test_merged_writes_hold_several_events(server: TruthProcess) -> None:
    read = ask(server.port, "merge=3,itl=20ms,tokens=6")
    assert len([delta for delta in read.deltas if delta.get("content")]) == 6
    assert read.reads[0][1].count(b"data: ") == 3
    assert len(set(last(server).times)) == 2


def test_flood_writes_as_fast_as_it_can(server: TruthProcess) -> None:
    read = ask(server.port, "flood=8,itl=1s,tokens=20")
    assert len(read.text.split()) == 20
    assert len(set(last(server).times)) == 3
    assert read.reads[-1][0] - read.sent < 500_000_000


def test_body_framings(server: TruthProcess) -> None:
    by_length = ask(server.port, "framing=length,tokens=3")
    assert b"transfer-encoding" not in by_length.head
    assert (by_length.text, by_length.end) == ("tok0 tok1 tok2", "complete")
    by_close = ask(server.port, "framing=close,tokens=3")
    assert b"connection: close" in by_close.head
    assert b"content-length" not in by_close.head
    assert (by_close.text, by_close.end) == ("tok0 tok1 tok2", "closed")


def test_a_connection_serves_many_requests(server: TruthProcess) -> None:
    with connect(server.port) as one:
        for _ in range(3):
            assert exchange(one, encode(chat(), settings="tokens=2")).end == "complete"
        assert exchange(one, encode(chat(stream=False))).status == 200
    records = server.truth()
    assert [record.reused for record in records] == [False, True, True, True]
    assert len({record.connection for record in records}) == 1
    assert [record.id for record in records] == [1, 2, 3, 4]


def test_connection_close_is_honoured(server: TruthProcess) -> None:
    data = encode(chat(), settings="tokens=1").replace(b"Host:", b"Connection: close\r\nHost:")
    with connect(server.port) as one:
        read = exchange(one, data)
        assert b"connection: close" in read.head
        assert one.recv(10) == b""


def test_answers_from_a_table_arithmetic_and_echo(server: TruthProcess) -> None:
    server.configure(
        TruthSettings(answer="table", answers={"France": "Paris", "capital of France": "Paris, sure"})
    )
    assert ask(server.port, content="What is the capital of France?").text == "Paris, sure"
    assert ask(server.port, "answer=arithmetic", content="What is 17 + 25?").text == "42"
    assert ask(server.port, "answer=arithmetic,accuracy=0", content="What is 17 + 25?").text == "43"
    assert ask(server.port, "answer=echo", content="say  this\nagain ").text == "say  this\nagain "


def test_tool_calls_refusals_and_filters(server: TruthProcess) -> None:
    tools = [{"type": "function", "function": {"name": "lookup", "parameters": {}}}]
    read = ask(server.port, "answer=tool_call", tools=tools)
    calls = [delta["tool_calls"][0] for delta in read.deltas if "tool_calls" in delta]
    assert calls[0]["function"]["name"] == "lookup"
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"value": 42}
    assert read.events[-1]["choices"][0]["finish_reason"] == "tool_calls"
    whole = ask(server.port, "answer=tool_call", tools=tools, stream=False).document["choices"][0]
    assert json.loads(whole["message"]["tool_calls"][0]["function"]["arguments"]) == {"value": 42}
    refused = ask(server.port, "answer=refusal", stream=False).document["choices"][0]["message"]
    assert refused == {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    filtered = ask(server.port, "answer=content_filter,tokens=4")
    assert filtered.events[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_a_large_body_may_come_in_pieces(server: TruthProcess) -> None:
    data = encode(chat("word " * 50_000, stream=False))
    with connect(server.port) as one:
        one.sendall(data[:100])
        time.sleep(0.02)
        read = exchange(one, data[100:])
    assert read.document["usage"]["prompt_tokens"] == 50_000
