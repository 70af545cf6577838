"""The OpenAI chat completions protocol, streamed or not."""

from typing import Any

import msgspec

from bakeoff.providers import _openai as shared
from bakeoff.providers._server import take_told
from bakeoff.records import Call, Exchange, Request, Response, Target, Usage

_Content = str | list[dict[str, Any]] | None


class _Delta(msgspec.Struct, frozen=True, gc=False):
    content: _Content = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    refusal: str | None = None


_NO_DELTA = _Delta()


class _Choice(msgspec.Struct, frozen=True, gc=False):
    index: int = 0
    delta: _Delta | None = None
    message: _Delta | None = None
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


class OpenAIChat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


def _text(content: _Content) -> str:
    """Join content that comes in parts."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part["text"] for part in content if isinstance(part.get("text"), str))


class _Gathered:
    """What the events of a stream say once per answer."""

    def __init__(self) -> None:
        self.calls: dict[int, dict[str, Any]] = {}
        self.logprobs: list[Any] = []
        self.refusal = ""
        self.error = ""
        self.usage: shared.RawUsage | None = None
        self.model: str | None = None
        self.finish: str | None = None

    def conclude(self, chunks: list[_Chunk]) -> None:
        """Keep what holds for the whole answer: whoever said it last."""
        last = chunks[::-1]
        self.usage = next((chunk.usage for chunk in last if chunk.usage), None)
        self.model = next((chunk.model for chunk in last if chunk.model), None)
        self.finish = next((reason for chunk in last if (reason := _first(chunk).finish_reason)), None)

    def take(self, chunk: _Chunk, choice: _Choice, delta: _Delta) -> None:
        """Keep what one event says beside its content."""
        if choice.logprobs is not None:
            self.logprobs.append(choice.logprobs)
        self.refusal += delta.refusal or ""
        for call in delta.tool_calls or ():
            _merge_call(self.calls, call)
        if chunk.error is not None:
            self.error = shared.error_text(chunk.error)


def _decode_stream(exchange: Exchange) -> Response:
    stream = shared.stream_events(exchange)
    chunks, problem = shared.decode_all(_CHUNKS, stream.payloads)
    timed = shared.Timed(times=stream.times[: len(chunks)], answers=[], thoughts=[], tools=[])
    said = _Gathered()
    answer, thought, tool = timed.answers.append, timed.thoughts.append, timed.tools.append
    for chunk in chunks:
        choice = chunk.choices[0] if chunk.choices else _NO_CHOICE
        if choice.index:
            choice = _first(chunk)
        delta = choice.delta or _NO_DELTA
        content, calls = delta.content, delta.tool_calls
        answer(content if isinstance(content, str) else _text(content))
        thought(delta.reasoning_content or delta.reasoning or "")
        tool(bool(calls))
        # Nearly no event of a million has any of these.
        if calls or choice.logprobs is not None or delta.refusal or chunk.error is not None:
            said.take(chunk, choice, delta)
    said.conclude(chunks)
    problem = said.error or shared.bare_error(stream.payloads) or problem
    if not chunks:
        problem = problem or "the stream held no event"
    if stream.named_error:
        problem = problem or "the server sent an error event"
    extra = shared.unknown_fields(stream.payloads, _KNOWN)
    told = take_told(extra, said.usage.record() if said.usage else Usage())
    if said.logprobs:
        extra["logprobs"] = said.logprobs
    return shared.timed_response(
        timed,
        Response(
            finish_reason=said.finish,
            model=said.model,
            usage=told.usage,
            tool_calls=list(said.calls.values()),
            refusal=said.refusal or None,
            error=problem or None,
            complete=stream.done or said.finish is not None,
            extra=extra,
            server=told.figures,
            top_logprobs=shared.top_logprobs(said.logprobs),
        ),
    )


def _first(chunk: _Chunk) -> _Choice:
    """Return what an event says of the first answer; several can be asked for by `n`."""
    for choice in chunk.choices or ():
        if choice.index == 0:
            return choice
    return _NO_CHOICE


def _merge_call(calls: dict[int, dict[str, Any]], delta: dict[str, Any]) -> None:
    """Join a streamed tool call to its earlier pieces: name and id come once, arguments bit by bit."""
    index = delta.get("index")
    # A call without an index comes whole.
    call = calls.setdefault(index if isinstance(index, int) else -1 - len(calls), {"function": {}})
    given: dict[str, Any] = delta["function"] if isinstance(delta.get("function"), dict) else {}
    function: dict[str, Any] = call["function"]
    for name, value in given.items():
        known: Any = function.get(name)
        joined = isinstance(known, str) and isinstance(value, str)
        function[name] = f"{known}{value}" if joined else (known if value is None else value)
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
    told = take_told(extra, chunk.usage.record() if chunk.usage else Usage())
    if choice.logprobs is not None:
        extra["logprobs"] = choice.logprobs
    return Response(
        text=answer,
        thinking=thinking + thought,
        open_thought=open_thought,
        finish_reason=choice.finish_reason,
        model=chunk.model,
        usage=told.usage,
        tool_calls=message.tool_calls or [],
        refusal=message.refusal,
        extra=extra,
        server=told.figures,
        top_logprobs=shared.top_logprobs([choice.logprobs]),
    )
