"""Chat answers as servers really send them, and as they should not."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.providers.exchanges import of_pieces, recut, stream, transcript, whole

from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.records import Message, Request, Response, Sampling, ServerFigures, Target, Usage

CHAT = OpenAIChat()
TARGET = Target(name="t", provider="openai_chat", model="served-name")
ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields}]}


def body_of(request: Request, provider: OpenAIChat = CHAT) -> dict[str, Any]:
    return msgspec.json.decode(provider.encode(request, TARGET).body)


def test_the_role_event_is_no_token():
    found = CHAT.decode(stream(ROLE, delta(content="Hi"), delta(content="!"), STOP))
    assert (found.text, found.finish_reason, found.complete, found.error) == ("Hi!", "stop", True, None)
    assert (found.first_token_at, found.first_answer_at, found.last_token_at) == (2000, 2000, 3000)
    assert found.chunk_times == [2000, 3000]


def test_events_of_one_read_share_its_stamp():
    events = stream(ROLE, delta(content="a"), delta(content="b"), delta(content="c"), STOP)
    found = CHAT.decode(of_pieces([b"".join(events.pieces[:3]), b"".join(events.pieces[3:])]))
    assert found.chunk_times == [1000, 1000, 2000]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_in_a_field_of_its_own_is_thinking(field):
    found = CHAT.decode(stream(ROLE, delta(**{field: "hm"}), delta(**{field: "m"}), delta(content="4"), STOP))
    assert (found.thinking, found.text, found.open_thought) == ("hmm", "4", False)
    assert (found.first_token_at, found.first_answer_at) == (2000, 4000)


def test_a_think_block_is_thinking_and_the_answer_starts_at_its_first_character():
    parts = ["<th", "ink>so", "</think>", "\n\n", "42", "!"]
    found = CHAT.decode(stream(*(delta(content=part) for part in parts), STOP))
    assert (found.thinking, found.text) == ("so", "42!")
    assert (found.first_token_at, found.first_answer_at, found.last_token_at) == (1000, 5000, 6000)


def test_a_thought_that_never_ends_is_open_and_no_answer():
    found = CHAT.decode(stream(delta(content="<think>so"), delta(content=" and so")))
    assert (found.open_thought, found.thinking, found.text) == (True, "so and so", "")
    assert found.first_answer_at is None
    assert found.first_token_at == 1000


@given(
    thought=st.text(alphabet="ab <>/\n", max_size=12).filter(lambda t: "</think>" not in t),
    answer=st.text(alphabet="xy <>/\n", min_size=1, max_size=12).filter(lambda t: t.strip()),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_a_think_block_is_split_off_however_its_text_is_cut(thought, answer, cuts):
    text = f"<think>{thought}</think>{answer}"
    at = sorted({0, len(text), *(cut % len(text) for cut in cuts)})
    parts = [text[low:high] for low, high in itertools.pairwise(at)]
    found = CHAT.decode(stream(*(delta(content=part) for part in parts), STOP))
    assert (found.thinking, found.text, found.open_thought) == (thought.strip(), answer.lstrip(), False)
    start = len(text) - len(answer.lstrip())
    piece = next(n for n in range(len(parts)) if at[n + 1] > start)
    assert found.first_answer_at == 1000 * (piece + 1)


@given(cuts=st.lists(st.integers(0, 10_000), max_size=40))
@pytest.mark.parametrize("name", ["llama_chat_stream"])
def test_a_real_stream_reads_the_same_however_the_network_cut_it(name, cuts):
    exchange = transcript(name)
    whole_one, other = CHAT.decode(exchange), CHAT.decode(recut(exchange, cuts))
    assert msgspec.structs.replace(other, chunk_times=[]).text == whole_one.text
    for field in ("thinking", "finish_reason", "usage", "extra", "error", "complete", "model"):
        assert getattr(other, field) == getattr(whole_one, field)
    assert other.chunk_times == [5] * len(whole_one.chunk_times)


def test_a_real_stream_of_llama_cpp():
    exchange = transcript("llama_chat_stream")
    found = CHAT.decode(exchange)
    assert (found.text, found.finish_reason) == ("The capital of France is Paris.", "stop")
    assert found.usage == Usage(prompt=38, completion=8, cached=0, counted_by="server")
    assert len(found.chunk_times) == 7
    assert found.chunk_times == exchange.stamps[:7]  # the role event came in one read with the first token
    assert found.server == ServerFigures(
        prefill=0.213228, decode=0.089896, decoded=8, output_rate=77.86775829847824
    )
    assert "timings" not in found.extra
    assert found.extra["system_fingerprint"] == "b0-unknown"
    assert [entry["content"][0]["token"] for entry in found.extra["logprobs"]][:2] == ["The", " capital"]


def test_a_real_answer_of_llama_cpp_that_was_not_streamed():
    found = CHAT.decode(transcript("llama_chat_whole"))
    assert (found.text, found.complete, found.error) == ("The capital of France is Paris.", True, None)
    assert found.usage == Usage(prompt=38, completion=8, cached=37, counted_by="server")
    assert (found.first_token_at, found.first_answer_at, found.chunk_times) == (None, None, [])
    assert found.server is not None
    assert found.server.decoded == 8


def test_usage_of_the_last_event_counts_where_every_event_has_one():
    rows = [
        delta(content=c) | {"usage": {"prompt_tokens": 9, "completion_tokens": n}} for n, c in enumerate("ab")
    ]
    last = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}
    assert CHAT.decode(stream(*rows, STOP, last)).usage == Usage(prompt=9, completion=2, counted_by="server")


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"usage": None},
        {"usage": {}},
        {"usage": {"total_tokens": 5}},
        {"usage": {"prompt_tokens": -1, "completion_tokens": -3}},
    ],
)
def test_what_no_server_counted_is_unknown(usage):
    assert CHAT.decode(stream(delta(content="a") | usage, STOP)).usage == Usage()


def test_cached_and_reasoning_tokens_are_kept():
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    found = CHAT.decode(whole({"choices": [{"message": {"content": "x"}}], "usage": usage})).usage
    assert found == Usage(prompt=10, completion=7, cached=4, reasoning=5, counted_by="server")


def test_tool_calls_are_joined_from_their_pieces():
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}}
    events = [
        delta(tool_calls=[first]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}]),
        delta(tool_calls=[{"index": 1, "id": "c2", "function": {"name": "stop", "arguments": "{}"}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "1}", "name": None}}]),
    ]
    found = CHAT.decode(stream(ROLE, *events, STOP))
    assert found.tool_calls == [
        {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}},
        {"id": "c2", "function": {"name": "stop", "arguments": "{}"}},
    ]
    assert (found.first_token_at, found.first_answer_at, found.last_token_at) == (2000, 2000, 5000)


def test_tool_calls_without_an_index_are_calls_of_their_own():
    call = {"id": "c", "function": {"name": "f", "arguments": {"already": "parsed"}}}
    assert CHAT.decode(stream(delta(tool_calls=[call, call]), STOP)).tool_calls == [call, call]


def test_an_absurd_index_of_a_tool_call_costs_no_memory():
    call = {"index": 10**12, "function": "no mapping"}
    assert CHAT.decode(stream(delta(tool_calls=[call]), STOP)).tool_calls == [{"function": {}}]


def test_a_tool_call_after_a_thought_is_the_answer():
    call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    found = CHAT.decode(stream(delta(content="<think>a</think>"), delta(tool_calls=[call]), STOP))
    assert (found.text, found.first_answer_at) == ("", 2000)


def test_a_tool_call_before_the_text_is_where_the_answer_starts():
    call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    found = CHAT.decode(stream(delta(tool_calls=[call]), delta(content="done"), STOP))
    assert found.first_answer_at == 1000


def test_a_refusal_is_told_and_is_no_text():
    found = CHAT.decode(stream(delta(refusal="I can"), delta(refusal="not."), STOP))
    assert (found.refusal, found.text) == ("I cannot.", "")
    assert CHAT.decode(whole({"choices": [{"message": {"refusal": "No."}}]})).refusal == "No."


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("overloaded", "overloaded"),
        ({"type": "server_error", "code": 500, "message": "died"}, "server_error: 500: died"),
        ({"detail": "x"}, '{"detail":"x"}'),
    ],
)
def test_an_error_inside_a_stream_is_the_answers_error(error, text):
    assert CHAT.decode(stream(delta(content="a"), {"error": error})).error == text
    assert CHAT.decode(whole({"error": error})).error == text


def test_an_event_named_error_is_an_error_whatever_it_holds():
    pieces = [*stream(delta(content="a"), done=False).pieces, b'event: error\ndata: {"message": "x"}\n\n']
    assert CHAT.decode(of_pieces(pieces)).error == "the server sent an error event"


def test_a_malformed_event_in_the_middle_is_named_and_what_came_before_is_kept():
    found = CHAT.decode(stream(delta(content="a"), '{"choices": [', delta(content="b"), STOP))
    assert found.text == "a"
    assert found.error is not None
    assert "event 2 cannot be decoded" in found.error


def test_two_values_in_one_event_are_refused_not_shifted():
    found = CHAT.decode(stream(delta(content="a"), "{},{}", STOP))
    assert (found.text, found.error) == ("a", "event 2 holds 2 JSON values")


@pytest.mark.parametrize(("last", "complete"), [((STOP,), True), ((), False)])
def test_without_done_only_a_finish_reason_makes_an_answer_complete(last, complete):
    found = CHAT.decode(stream(delta(content="a"), *last, done=False))
    assert (found.complete, found.error, found.text) == (complete, None, "a")


def test_what_follows_done_is_not_read():
    found = CHAT.decode(stream(delta(content="a"), "[DONE]", "late nonsense"))
    assert (found.text, found.complete, found.error) == ("a", True, None)


def test_an_empty_event_keeps_the_line_open_and_moves_no_time():
    found = CHAT.decode(stream(delta(content="a"), "", delta(content="b"), STOP))
    assert (found.error, found.chunk_times) == (None, [1000, 3000])


@pytest.mark.parametrize("pieces", [[], [b"\n\n"], [b": only a comment\n\n"], [b"data: [DONE]\n\n"]])
def test_a_stream_without_an_event_is_an_error(pieces):
    assert CHAT.decode(of_pieces(pieces)).error == "the stream held no event"


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "Text/Event-Stream; charset=utf-8"])
@pytest.mark.parametrize("start", [b"", b"\n", b": ping\n\n", b"event: message\n"])
def test_a_stream_is_one_under_any_label_and_however_it_is_cut(kind, start):
    body = start + stream(delta(content="a"), STOP).body
    assert CHAT.decode(of_pieces([body[:1], body[1:]], kind=kind)).text == "a"


def test_the_answer_asked_for_first_is_read_where_there_are_several():
    other = {"choices": [{"index": 1, "delta": {"content": "NO"}}]}
    assert CHAT.decode(stream(delta(content="a"), other, delta(content="b"), STOP)).text == "ab"


@pytest.mark.parametrize(
    "body",
    [
        {"object": "list", "data": []},
        {"choices": []},
        {"choices": None},
        [],
        b"<html>",
        b"",
        b"\xff",
        b"[" * 90_000,
    ],
)
def test_a_200_that_is_no_chat_answer_is_an_error(body):
    found = CHAT.decode(whole(body))
    assert found.error is not None
    assert "no chat completion" in found.error
    assert not found.complete


def test_null_choices_and_null_content_are_nothing():
    found = CHAT.decode(
        stream({"choices": None, "usage": None}, delta(content=None), delta(content="a"), STOP)
    )
    assert (found.text, found.chunk_times) == ("a", [3000])
    assert CHAT.decode(whole({"choices": [{"message": {"content": None}}]})).text == ""


def test_content_in_parts_is_joined():
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": None}, {"text": "b"}]
    assert CHAT.decode(whole({"choices": [{"message": {"content": parts}}]})).text == "ab"
    assert CHAT.decode(stream(delta(content=parts), STOP)).text == "ab"


def test_unknown_fields_are_kept_and_nulls_are_not():
    events = [delta(content="a") | {"system_fingerprint": "f", "x_null": None}, STOP | {"timings": {"n": 1}}]
    assert CHAT.decode(stream(*events)).extra == {"system_fingerprint": "f", "timings": {"n": 1}}


def test_unknown_fields_come_from_both_ends_of_a_long_stream():
    events: list[Any] = [delta(content=str(n)) | {f"f{n}": n} for n in range(20)]
    found = CHAT.decode(stream(*events, STOP)).extra
    assert found == {"f0": 0, "f1": 1, "f2": 2, "f18": 18, "f19": 19}


def test_unknown_fields_of_a_malformed_event_are_passed_over():
    assert CHAT.decode(stream(delta(content="a") | {"x": 1}, "nonsense")).extra == {"x": 1}


def test_logprobs_are_kept():
    choice = {"index": 0, "message": {"content": "a"}, "logprobs": {"content": [{"logprob": -0.1}]}}
    assert CHAT.decode(whole({"choices": [choice]})).extra["logprobs"] == {"content": [{"logprob": -0.1}]}
    events = [{"choices": [{"delta": {"content": "a"}, "logprobs": {"content": [1]}}]}, STOP]
    assert CHAT.decode(stream(*events)).extra["logprobs"] == [{"content": [1]}]


def test_a_think_block_of_an_answer_that_was_not_streamed():
    found = CHAT.decode(
        whole({"choices": [{"message": {"content": "<think>a</think> b", "reasoning": "r"}}]})
    )
    assert (found.thinking, found.text, found.open_thought) == ("ra", "b", False)


def test_every_parameter_is_sent():
    sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=7, seed=3, stop=("a", "b"), extra={"top_k": 5})
    question = (Message(role="user", content="q"),)
    assert body_of(Request(messages=question, sampling=sampling)) == {
        "model": "served-name",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "seed": 3,
        "stop": ["a", "b"],
        "top_k": 5,
        "messages": [{"role": "user", "content": "q"}],
    }


def test_what_is_none_is_left_to_the_server():
    request = Request(sampling=Sampling(temperature=None, max_tokens=None), stream=False)
    assert body_of(request) == {"model": "served-name", "stream": False, "messages": []}


def test_the_name_of_the_limit_can_be_chosen_and_an_exact_length_goes_before_it():
    provider = OpenAIChat(max_tokens_field="max_completion_tokens")
    body = body_of(Request(sampling=Sampling(max_tokens=512), output_tokens=30), provider)
    assert body["max_completion_tokens"] == 30
    assert "max_tokens" not in body


@given(body=st.binary(max_size=200), kind=st.sampled_from(["text/event-stream", "application/json", ""]))
def test_no_body_makes_it_raise_or_pass_for_an_answer(body, kind):
    found = CHAT.decode(of_pieces([body] if body else [], kind=kind))
    assert isinstance(found, Response)
    assert found.error is not None or not found.complete


@given(
    lines=st.lists(
        st.sampled_from(
            [
                b"data: {}",
                b"data: null",
                b"data: 1",
                b'data: {"choices":[{"delta":{"tool_calls":[{"index":[1]}]}}]}',
                b'data: {"choices":[{"delta":{"content":"x"}}]}',
                b"data: [DONE]",
                b"event: error",
                b"",
            ]
        ),
        max_size=12,
    )
)
def test_no_mix_of_lines_makes_it_raise_or_shift_times(lines):
    found = CHAT.decode(of_pieces([line + b"\n" for line in lines]))
    assert len(found.chunk_times) >= found.text.count("x") or found.error
    assert found.chunk_times == sorted(found.chunk_times)


def test_an_event_that_is_an_error_object_itself_is_the_answers_error():
    bare = {"object": "error", "message": "out of memory", "code": 500}
    answer = CHAT.decode(stream(delta(content="a"), bare))
    assert answer.error == "500: out of memory"


def test_content_that_speaks_of_errors_is_no_error():
    assert CHAT.decode(stream(delta(content='"object": "error"'))).error is None
