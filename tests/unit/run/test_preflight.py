"""One question before anything is spent: what cannot work is refused with the reason."""

import asyncio

import msgspec
import pytest
from tests.unit.engine.parts import Reply, ScriptClient, answer, lane, refusal

from bakeoff.errors import EndpointError, WireError
from bakeoff.run.preflight import preflight


def ask(*replies: Reply) -> tuple[str | None, ScriptClient]:
    client = ScriptClient(*replies)
    return asyncio.run(preflight(lane(client))), client


def refused(*replies: Reply) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        ask(*replies)
    assert "model `t` (http://127.0.0.1:1/v1)" in caught.value.where
    return caught.value


def test_an_endpoint_that_answers_is_asked_one_short_question():
    warning, client = ask(answer("hello"))
    assert warning is None
    (call,) = client.calls
    assert msgspec.json.decode(call.body)["max_tokens"] == 16


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_an_endpoint_that_is_busy_now_is_a_warning(status):
    warning, _ = ask(refusal(status))
    assert warning is not None
    assert f"answered HTTP {status} to a first question; going on" in warning


def test_nothing_listening_is_told_with_what_to_do():
    error = refused(WireError("refused", "connection refused"))
    assert (error.message, error.hint) == (
        "connection refused",
        "is the server running, and is the endpoint right?",
    )
    assert refused(WireError("tls", "unknown authority", hint="trust it")).hint == "trust it"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told(status):
    error = refused(refusal(status, b"bad key"))
    assert f"it refuses the key (HTTP {status}): bad key" in error.message
    assert "api_key" in error.hint


def test_an_unknown_model_is_told_with_those_that_are_served():
    models = refusal(200, b'{"data": [{"id": "m2"}, {"id": "other"}, {}]}')
    error = refused(refusal(404, b"not found"), models)
    assert error.message == "it has no model `m` (HTTP 404). Did you mean `m2`?"
    assert error.hint == "it serves: m2, other"


@pytest.mark.parametrize(
    "models", [refusal(200, b'{"data": [{"id": "m"}]}'), refusal(404, b"\xff"), WireError("reset", "gone")]
)
def test_a_refused_question_is_told_in_the_servers_words(models):
    error = refused(refusal(400, b"temperature must be positive"), models)
    assert error.message == "it refuses the question (HTTP 400): temperature must be positive"
    assert "`params`" in error.hint


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"object": "list"}', "no chat completion"),
        (b"<html>", "no chat completion"),
        (b"[" * 100_000, "no chat completion"),
        (b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n', "the answer is not whole"),
    ],
)
def test_an_answer_of_another_protocol_is_refused(body, message):
    error = refused(refusal(200, body))
    assert "it answers, but not as `openai_chat`" in error.message
    assert message in error.message


def test_an_answer_that_breaks_off_is_a_warning_since_faults_are_to_be_measured():
    warning, client = ask(refusal(200, b'data: {"choices":[{"delta":{"content":"hel"}}]}\n\n'))
    assert warning is not None
    assert "answered a first question in part only: the answer is not whole; going on" in warning
    assert len(client.calls) == 1


@pytest.mark.parametrize("first", [WireError("reset", "gone"), refusal(200, b"<html>")])
def test_what_may_pass_is_asked_again(first):
    warning, client = ask(first, answer("hello"))
    assert warning is None
    assert len(client.calls) == 2


def test_what_does_not_pass_is_refused_after_three_tries():
    assert refused(WireError("reset", "gone")).message == "gone"
    client = ScriptClient(WireError("reset", "gone"))
    with pytest.raises(EndpointError):
        asyncio.run(preflight(lane(client)))
    assert len(client.calls) == 3
