"""Completions as servers really send them, and as they should not."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.providers.exchanges import of_pieces, recut, stream, transcript, whole

from bakeoff.providers.openai_completions import OpenAICompletions
from bakeoff.records import Request, Sampling, Target, Usage

PROVIDER = OpenAICompletions()
TARGET = Target(name="t", provider="openai_completions", model="m")


def chunk(text: str | None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": text, **fields}]}


def test_a_prompt_goes_out_as_it_stands():
    call = PROVIDER.encode(Request(prompt="1 + 1 =", sampling=Sampling(temperature=0, stop=("\n",))), TARGET)
    assert call.path == "/completions"
    assert msgspec.json.decode(call.body) == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "max_tokens": 512,
        "stop": ["\n"],
        "prompt": "1 + 1 =",
    }


def test_the_asked_length_may_be_the_least_one_too():
    sampling = Sampling(extra={"min_tokens": True, "ignore_eos": True})
    body = msgspec.json.decode(
        PROVIDER.encode(Request(prompt="x", output_tokens=9, sampling=sampling), TARGET).body
    )
    assert (body["min_tokens"], body["max_tokens"], body["ignore_eos"]) == (9, 9, True)
    own = Sampling(extra={"min_tokens": 3})
    body = msgspec.json.decode(PROVIDER.encode(Request(prompt="x", sampling=own), TARGET).body)
    assert (body["min_tokens"], body["max_tokens"]) == (3, 512)


def test_text_is_joined_and_timed():
    found = PROVIDER.decode(stream(chunk(""), chunk(" 2"), chunk("!"), chunk(None, finish_reason="stop")))
    assert (found.text, found.finish_reason, found.complete) == (" 2!", "stop", True)
    assert (found.first_token_at, found.last_token_at, found.chunk_times) == (2000, 3000, [2000, 3000])


def test_a_real_stream_of_llama_cpp():
    exchange = transcript("llama_completion_stream")
    found = PROVIDER.decode(exchange)
    assert (found.text, found.finish_reason) == (" Paris.\n\n", "length")
    assert found.usage == Usage(prompt=5, completion=4, cached=0, counted_by="server")
    assert found.chunk_times == exchange.stamps[:4]
    assert found.server is not None
    assert found.server.decoded == 4


def test_a_real_answer_of_llama_cpp_that_was_not_streamed():
    found = PROVIDER.decode(transcript("llama_completion_whole"))
    assert (found.text, found.complete, found.chunk_times) == (" Paris.\n\n", True, [])
    assert found.usage.cached == 4


@given(cuts=st.lists(st.integers(0, 3_000), max_size=40))
def test_a_real_stream_reads_the_same_however_the_network_cut_it(cuts):
    exchange = transcript("llama_completion_stream")
    found = PROVIDER.decode(recut(exchange, cuts))
    assert (found.text, found.usage.completion, found.error) == (" Paris.\n\n", 4, None)
    assert found.chunk_times == [5] * 4


def test_a_think_block_is_split_off_in_both_forms():
    parts = [chunk("<think>a</th"), chunk("ink>"), chunk("b")]
    streamed = PROVIDER.decode(stream(*parts))
    assert (streamed.thinking, streamed.text, streamed.first_answer_at) == ("a", "b", 3000)
    assert PROVIDER.decode(whole(chunk("<think>a</think>b"))).text == "b"
    assert PROVIDER.decode(whole(chunk("<think>a"))).open_thought


def test_a_closing_tag_alone_ends_a_thought_that_the_template_opened():
    found = PROVIDER.decode(whole(chunk("so it is\n</think>\n\n4")))
    assert (found.thinking, found.text) == ("so it is", "4")


def test_tags_in_the_middle_of_an_answer_are_text():
    text = "Write <think>x</think> around it."
    assert PROVIDER.decode(whole(chunk(text))).text == text


def test_the_answer_asked_for_first_is_read_where_there_are_several():
    other = {"choices": [{"index": 1, "text": "NO"}]}
    assert PROVIDER.decode(stream(chunk("a"), other, chunk("b"))).text == "ab"


@pytest.mark.parametrize(
    "exchange",
    [
        whole({"object": "list"}),
        whole({"choices": []}),
        whole(b"<html>"),
        stream({"usage": None}),
        of_pieces([]),
    ],
)
def test_a_200_that_is_no_completion_is_an_error(exchange):
    found = PROVIDER.decode(exchange)
    assert found.error is not None
    assert "no text completion" in found.error or "cannot be decoded" in found.error


def test_errors_inside_an_answer_are_its_error():
    assert PROVIDER.decode(stream(chunk("a"), {"error": {"message": "died"}})).error == "died"
    assert PROVIDER.decode(whole({"error": "died"})).error == "died"
    named = [*stream(chunk("a"), done=False).pieces, b"event: error\ndata: {}\n\n"]
    assert PROVIDER.decode(of_pieces(named)).error == "the server sent an error event"


def test_logprobs_model_and_unknown_fields_are_kept():
    event = chunk("a", logprobs={"tokens": ["a"]}) | {"model": "real-name", "timings": {"n": 1}}
    found = PROVIDER.decode(stream(event))
    assert found.extra == {"timings": {"n": 1}, "logprobs": [{"tokens": ["a"]}]}
    assert found.model == "real-name"


def test_a_stream_that_just_stops_is_not_complete():
    assert not PROVIDER.decode(stream(chunk("a"), done=False)).complete


def test_an_event_that_is_an_error_object_itself_is_the_answers_error():
    bare = {"object": "error", "message": "out of memory"}
    answer = OpenAICompletions().decode(stream({"choices": [{"index": 0, "text": "a"}]}, bare))
    assert answer.error == "out of memory"
