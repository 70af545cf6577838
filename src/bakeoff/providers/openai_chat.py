"""The OpenAI chat completions protocol, streamed or not."""

from typing import Any

import msgspec

from bakeoff.providers import _openai as shared
from bakeoff.records import Call, Exchange, Request, Response, Target, Usage


class _Delta(msgspec.Struct, frozen=True):
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    refusal: str | None = None


_NO_DELTA = _Delta()


class _Choice(msgspec.Struct, frozen=True):
    index: int = 0
    delta: _Delta | None = None
    message: _Delta | None = None
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


class OpenAIChat(msgspec.Struct, frozen=True, kw_only=True):
    """Speak `/chat/completions`.

    Attributes:
        max_tokens_field: name of the answer limit; some newer models want `max_completion_tokens`.
    """

    max_tokens_field: str = "max_tokens"

    @property
    def form(self) -> str:
        """Return "chat"."""
        return "chat"

    def encode(self, request: Request, target: Target) -> Call:
        """Return the call for a conversation."""
        body = shared.parameters(request, target, self.max_tokens_field)
        body["messages"] = request.messages
        return Call(path="/chat/completions", body=_ENCODER.encode(body))

    def decode(self, exchange: Exchange) -> Response:
        """Return the answer of a 200 exchange."""
        if shared.is_stream(exchange):
            return _decode_stream(exchange)
        return _decode_whole(exchange)


def _text(content: str | list[dict[str, Any]] | None) -> str:
    """Join content that comes in parts."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(str(part.get("text", "")) for part in content)


def _decode_stream(exchange: Exchange) -> Response:
    events, done = shared.stream_payloads(exchange)
    chunks, problem = shared.decode_all(_CHUNKS, events.payloads)
    answers: list[str] = []
    thoughts: list[str] = []
    tools: list[bool] = []
    calls: list[dict[str, Any]] = []
    logprobs: list[Any] = []
    refusal = ""
    usage: shared.RawUsage | None = None
    model = finish = None
    for chunk in chunks:
        choice = chunk.choices[0] if chunk.choices else None
        delta = (choice.delta or _NO_DELTA) if choice else _NO_DELTA
        content = delta.content
        answers.append(content if isinstance(content, str) else _text(content))
        thoughts.append(delta.reasoning_content or delta.reasoning or "")
        tools.append(bool(delta.tool_calls))
        if delta.tool_calls:
            _merge_calls(calls, delta.tool_calls)
        refusal += delta.refusal or ""
        usage = chunk.usage or usage
        model = chunk.model or model
        if choice is not None:
            finish = choice.finish_reason or finish
            if choice.logprobs is not None:
                logprobs.append(choice.logprobs)
        if chunk.error is not None:
            problem = shared.error_text(chunk.error)
    extra = shared.unknown_fields(events.payloads, _KNOWN)
    if logprobs:
        extra["logprobs"] = logprobs
    if not chunks and not problem:
        problem = "the stream held no event"
    if not problem and "error" in events.names.values():
        problem = "the server sent an error event"
    return shared.timed_response(
        shared.Timed(times=events.times[: len(chunks)], answers=answers, thoughts=thoughts, tools=tools),
        Response(
            finish_reason=finish,
            model=model,
            usage=usage.record() if usage else Usage(),
            tool_calls=calls,
            refusal=refusal or None,
            error=problem or None,
            complete=done or finish is not None,
            extra=extra,
        ),
    )


def _merge_calls(calls: list[dict[str, Any]], deltas: list[dict[str, Any]]) -> None:
    """Join streamed tool calls: names and ids come once, arguments in pieces."""
    for delta in deltas:
        index = delta.get("index", len(calls))
        while len(calls) <= index:
            calls.append({"function": {"name": "", "arguments": ""}})
        call: dict[str, Any] = calls[index]
        function: dict[str, str | None] = delta.get("function") or {}
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""
        call.update((k, v) for k, v in delta.items() if k not in {"function", "index"} and v is not None)


def _decode_whole(exchange: Exchange) -> Response:
    body = exchange.body
    chunks, problem = shared.decode_all(_CHUNKS, [body])
    if problem or not chunks:
        return Response(error=f"the answer is no chat completion: {problem or 'empty body'}", complete=False)
    chunk = chunks[0]
    if chunk.error is not None:
        return Response(error=shared.error_text(chunk.error), complete=False, model=chunk.model)
    if not chunk.choices:
        return Response(
            error="the answer is JSON, but no chat completion: it has no `choices`", complete=False
        )
    choice = chunk.choices[0]
    message = choice.message or choice.delta or _NO_DELTA
    thinking = message.reasoning_content or message.reasoning or ""
    thought, answer, open_thought, _ = shared.split_thinking(_text(message.content))
    extra = shared.unknown_fields([body], _KNOWN)
    if choice.logprobs is not None:
        extra["logprobs"] = choice.logprobs
    return Response(
        text=answer,
        thinking=thinking + thought,
        open_thought=open_thought,
        finish_reason=choice.finish_reason,
        model=chunk.model,
        usage=chunk.usage.record() if chunk.usage else Usage(),
        tool_calls=message.tool_calls or [],
        refusal=message.refusal,
        extra=extra,
    )
