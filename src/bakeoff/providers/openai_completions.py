"""The OpenAI text completions protocol, streamed or not."""

from typing import Any

import msgspec

from bakeoff.providers import _openai as shared
from bakeoff.records import Call, Exchange, Request, Response, Target, Usage


class _Choice(msgspec.Struct, frozen=True):
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class _Chunk(msgspec.Struct, frozen=True):
    choices: list[_Choice] = []
    usage: shared.RawUsage | None = None
    model: str | None = None
    error: shared.ServerError = None


_KNOWN = frozenset({*_Chunk.__struct_fields__, "id", "object", "created"})
_CHUNKS = msgspec.json.Decoder(list[_Chunk])
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class OpenAICompletions(msgspec.Struct, frozen=True, kw_only=True):
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
        stream = shared.is_stream(exchange)
        if stream:
            events, done = shared.stream_payloads(exchange)
            payloads, times = events.payloads, events.times
        else:
            payloads, times, done = [exchange.body], [exchange.done_at], True
        chunks, problem = shared.decode_all(_CHUNKS, payloads)
        if not problem and not any(chunk.choices or chunk.error for chunk in chunks):
            problem = "the answer is no text completion: it has no `choices`"
        response = _collect(chunks, problem, done=done, extra=shared.unknown_fields(payloads, _KNOWN))
        texts = [(chunk.choices[0].text or "") if chunk.choices else "" for chunk in chunks]
        if not stream:
            thought, answer, open_thought, _ = shared.split_thinking("".join(texts))
            return msgspec.structs.replace(response, text=answer, thinking=thought, open_thought=open_thought)
        empty = [""] * len(chunks)
        timed = shared.Timed(
            times=times[: len(chunks)], answers=texts, thoughts=empty, tools=[False] * len(chunks)
        )
        return shared.timed_response(timed, response)


def _collect(chunks: list[_Chunk], problem: str, *, done: bool, extra: dict[str, Any]) -> Response:
    """Gather what is said once per answer."""
    usage: shared.RawUsage | None = None
    model = finish = None
    logprobs: list[Any] = []
    for chunk in chunks:
        usage = chunk.usage or usage
        model = chunk.model or model
        if chunk.choices:
            finish = chunk.choices[0].finish_reason or finish
            if chunk.choices[0].logprobs is not None:
                logprobs.append(chunk.choices[0].logprobs)
        if chunk.error is not None:
            problem = shared.error_text(chunk.error)
    if logprobs:
        extra = extra | {"logprobs": logprobs}
    return Response(
        finish_reason=finish,
        model=model,
        usage=usage.record() if usage else Usage(),
        error=problem or None,
        complete=done or finish is not None,
        extra=extra,
    )
