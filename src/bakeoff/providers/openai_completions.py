"""The OpenAI text completions protocol, streamed or not."""

from typing import Any

import msgspec

from bakeoff.providers import _openai as shared
from bakeoff.providers._server import take_told
from bakeoff.records import Call, Exchange, Request, Response, Target, Usage


class _Choice(msgspec.Struct, frozen=True, gc=False):
    index: int = 0
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Any = None


_NO_CHOICE = _Choice()


class _Chunk(msgspec.Struct, frozen=True, gc=False):
    choices: list[_Choice] | None = None
    usage: shared.RawUsage | None = None
    model: str | None = None
    error: shared.ServerError = None


_KNOWN = frozenset({*_Chunk.__struct_fields__, "id", "object", "created"})
_CHUNKS = msgspec.json.Decoder(list[_Chunk])
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class OpenAICompletions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speak `/completions`."""

    @property
    def form(self) -> str:
        """Return "completion"."""
        return "completion"

    def encode(self, request: Request, target: Target) -> Call:
        """Return the call for a prompt."""
        body = shared.parameters(request, target, "max_tokens")
        body["prompt"] = request.prompt or ""
        return Call(path="/completions", body=_ENCODER.encode(body))

    def decode(self, exchange: Exchange) -> Response:
        """Return the answer of a 200 exchange."""
        if shared.is_stream(exchange):
            return _decode_stream(exchange)
        return _decode_whole(exchange)


def _decode_stream(exchange: Exchange) -> Response:
    stream = shared.stream_events(exchange)
    chunks, problem = shared.decode_all(_CHUNKS, stream.payloads)
    if stream.named_error:
        problem = problem or "the server sent an error event"
    problem = shared.bare_error(stream.payloads) or problem
    response = _collect(chunks, problem, done=stream.done, payloads=stream.payloads)
    nothing = [""] * len(chunks)
    timed = shared.Timed(
        times=stream.times[: len(chunks)],
        answers=[_first(chunk).text or "" for chunk in chunks],
        thoughts=nothing,
        tools=[False] * len(chunks),
    )
    return shared.timed_response(timed, response)


def _decode_whole(exchange: Exchange) -> Response:
    payloads = [exchange.body]
    chunks, problem = shared.decode_all(_CHUNKS, payloads)
    response = _collect(chunks, problem, done=True, payloads=payloads)
    text = "".join(_first(chunk).text or "" for chunk in chunks)
    thought, answer, open_thought, _ = shared.split_thinking(text)
    return msgspec.structs.replace(response, text=answer, thinking=thought, open_thought=open_thought)


def _first(chunk: _Chunk) -> _Choice:
    """Return what an event says of the first answer; several can be asked for by `n`."""
    for choice in chunk.choices or ():
        if choice.index == 0:
            return choice
    return _NO_CHOICE


def _collect(chunks: list[_Chunk], problem: str, *, done: bool, payloads: list[bytes]) -> Response:
    """Gather what is said once per answer."""
    usage: shared.RawUsage | None = None
    model = finish = None
    logprobs: list[Any] = []
    error = ""
    for chunk in chunks:
        choice = _first(chunk)
        usage = chunk.usage or usage
        model = chunk.model or model
        finish = choice.finish_reason or finish
        if choice.logprobs is not None:
            logprobs.append(choice.logprobs)
        if chunk.error is not None:
            error = shared.error_text(chunk.error)
    if not any(chunk.choices for chunk in chunks):
        problem = problem or "the answer is no text completion: it has no `choices`"
    extra = shared.unknown_fields(payloads, _KNOWN)
    told = take_told(extra, usage.record() if usage else Usage())
    if logprobs:
        extra["logprobs"] = logprobs
    return Response(
        finish_reason=finish,
        model=model,
        usage=told.usage,
        error=error or problem or None,
        complete=done or finish is not None,
        extra=extra,
        server=told.figures,
        top_logprobs=shared.top_logprobs(logprobs),
    )
