"""What the OpenAI-style protocols share: parameters, usage, errors, thinking, times of content."""

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any, TypeVar, cast

import msgspec

from bakeoff.records import Exchange, Request, Response, Target, Usage
from bakeoff.wire import split_events

DONE = b"[DONE]"
_OPEN, _CLOSE = "<think>", "</think>"
_EDGE = 3
_STREAM_STARTS = (b"data:", b"event:", b":")
_FIELDS = msgspec.json.Decoder(dict[str, Any])
_PLAIN = frozenset(
    {
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
    }
)
_DETAILS = {
    "prompt_tokens_details": frozenset({"cached_tokens", "cache_write_tokens"}),
    "completion_tokens_details": frozenset({"reasoning_tokens"}),
}
# Brackets that are nested too deeply end the decoder by a RecursionError.
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

T = TypeVar("T")

ServerError = str | dict[str, Any] | list[Any] | None


class TokenDetails(msgspec.Struct, frozen=True, gc=False):
    """Parts of a token count."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class RawUsage(msgspec.Struct, frozen=True, gc=False):
    """The `usage` object as servers send it; gateways to other protocols tell of their caches beside it."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None

    def record(self) -> Usage:
        """Return it as bakeoff's own record; what the server does not say stays None."""
        prompt = self.prompt_tokens_details or TokenDetails()
        completion = self.completion_tokens_details or TokenDetails()
        counted = Usage(
            prompt=_count(self.prompt_tokens),
            completion=_count(self.completion_tokens),
            cached=_count(_first(prompt.cached_tokens, self.cache_read_input_tokens)),
            reasoning=_count(completion.reasoning_tokens),
            cache_write=_count(_first(prompt.cache_write_tokens, self.cache_creation_input_tokens)),
        )
        return counted if counted == Usage() else msgspec.structs.replace(counted, counted_by="server")


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _count(tokens: int | None) -> int | None:
    """Return a count; a negative one is none."""
    return None if tokens is None or tokens < 0 else tokens


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one answer.

    Attributes:
        payloads: JSON texts, without `[DONE]`.
        times: arrival of each, same length.
        done: whether the stream ended with `[DONE]`.
        named_error: whether an event was named "error".
    """

    payloads: list[bytes]
    times: list[int]
    done: bool
    named_error: bool


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of the events of one answer, each list as long as `times`."""

    times: list[int]
    answers: list[str]
    thoughts: list[str]
    tools: list[bool]


def parameters(request: Request, target: Target, limit_field: str) -> dict[str, Any]:
    """Return the body's model, sampling and streaming fields; None is left to the server.

    `min_tokens: true` stands for the limit itself: the answer is to have exactly the asked length.
    """
    sampling = request.sampling
    limit = request.output_tokens if request.output_tokens is not None else sampling.max_tokens
    body: dict[str, Any] = {"model": target.model, "stream": request.stream}
    if request.stream:
        body["stream_options"] = {"include_usage": True}
    asked = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        limit_field: limit,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
    }
    body.update((name, value) for name, value in asked.items() if value is not None)
    body.update(sampling.extra)
    if body.get("min_tokens") is True:
        body["min_tokens"] = limit
    return body


def is_stream(exchange: Exchange) -> bool:
    """Tell whether the answer is a server-sent event stream."""
    kind = exchange.headers.get("content-type", "").lower()
    # Some servers label their streams as something else; no JSON value begins like this.
    return kind.startswith("text/event-stream") or exchange.body.lstrip().startswith(_STREAM_STARTS)


def stream_events(exchange: Exchange) -> Stream:
    """Return the events before `[DONE]`, without the empty ones that keep a line open."""
    events = split_events(exchange.pieces, exchange.stamps)
    bare = list(map(bytes.strip, events.payloads))
    done = bare.index(DONE) if DONE in bare else None
    if all(bare[:done]) and not events.names:
        return Stream(
            payloads=events.payloads[:done],
            times=events.times[:done],
            done=done is not None,
            named_error=False,
        )
    kept = [at for at, payload in enumerate(bare[:done]) if payload]
    return Stream(
        payloads=[events.payloads[at] for at in kept],
        times=[events.times[at] for at in kept],
        done=done is not None,
        named_error=any(events.names.get(at) == "error" for at in kept),
    )


def decode_all(decoder: "msgspec.json.Decoder[list[T]]", payloads: Sequence[bytes]) -> tuple[list[T], str]:
    """Decode the payloads in one go; on a bad one, return those before it and what is wrong with it."""
    chunks: list[T] = []
    with suppress(*_UNDECODABLE):
        chunks += decoder.decode(b"[" + b",".join(payloads) + b"]")
    if len(chunks) == len(payloads):
        return chunks, ""
    chunks = []
    for index, payload in enumerate(payloads):
        try:
            found: list[T] = decoder.decode(b"[" + payload + b"]")
        except _UNDECODABLE as error:
            return chunks, f"event {index + 1} cannot be decoded: {error}"
        if len(found) != 1:
            return chunks, f"event {index + 1} holds {len(found)} JSON values"
        chunks += found
    return chunks, ""


def unknown_fields(payloads: Sequence[bytes], known: frozenset[str]) -> dict[str, Any]:
    """Return top-level fields outside `known` from the first and last few payloads, later ones winning.

    Of a `usage` they hold what is no count of tokens that bakeoff knows.
    """
    edge = payloads if len(payloads) <= 2 * _EDGE else [*payloads[:_EDGE], *payloads[-_EDGE:]]
    extra: dict[str, Any] = {}
    for payload in edge:
        try:
            fields = _FIELDS.decode(payload)
        except _UNDECODABLE:
            continue
        extra.update((k, v) for k, v in fields.items() if k not in known and v is not None)
        usage = mapping(fields.get("usage"))
        if not usage.keys() <= _PLAIN:
            unknown = _unknown_usage(usage)
            if unknown:
                extra["usage"] = unknown
    return extra


def _unknown_usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Return what a usage says beside the counts that `RawUsage` has."""
    found = {k: v for k, v in usage.items() if k not in _PLAIN and k not in _DETAILS and v is not None}
    for name, known in _DETAILS.items():
        details = mapping(usage.get(name))
        rest = {k: v for k, v in details.items() if k not in known and v is not None}
        if rest:
            found[name] = rest
    return found


def mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401  a parsed value
    """Return a JSON object as it is, and an empty one for any other value."""
    # Keys of a JSON object are texts.
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def top_logprobs(parts: Sequence[Any]) -> list[dict[str, float]]:
    """Return each token's alternatives with their log-probabilities; empty where none were sent.

    Args:
        parts: the `logprobs` of an answer or of its events: `content` with `top_logprobs` as in the chat
            protocol, or the parallel lists of the completions protocol.
    """
    found: list[dict[str, float]] = []
    for part in map(mapping, parts):
        if part.get("content") is not None:
            found += [_alternatives(mapping(token)) for token in _items(part["content"])]
        else:
            found += [_numbers(mapping(top)) for top in _items(part.get("top_logprobs"))]
    return found if any(found) else []


def _items(value: Any) -> list[Any]:  # noqa: ANN401  a parsed value
    """Return a JSON list as it is, and an empty one for any other value."""
    if not isinstance(value, list):
        return []
    return [*cast("Sequence[Any]", value)]


def _alternatives(token: dict[str, Any]) -> dict[str, float]:
    listed = [mapping(top) for top in _items(token.get("top_logprobs"))]
    # Tokens that are parts of characters may be written alike; the likeliest comes first.
    return _numbers({str(top.get("token")): top.get("logprob") for top in reversed(listed)})


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


def bare_error(payloads: Sequence[bytes]) -> str:
    """Return the text of an event at the end that is itself an error object; "" where there is none."""
    for payload in payloads[-2:]:
        if b'"error"' not in payload:
            continue
        with suppress(*_UNDECODABLE):
            fields = _FIELDS.decode(payload)
            if fields.get("object") == "error":
                return error_text(fields)
    return ""


def error_text(error: ServerError) -> str:
    """Return a server's error object as one line."""
    if isinstance(error, dict):
        parts = [str(error[k]) for k in ("type", "code", "message") if error.get(k)]
        return ": ".join(parts) or msgspec.json.encode(error).decode()
    return str(error)


def split_thinking(text: str) -> tuple[str, str, bool, int]:
    """Split a leading thought off an answer.

    Some chat templates open the thought themselves, so an answer may hold only the closing tag.

    Returns:
        thought, answer, whether the thought never ended, and where the answer starts in `text`.
    """
    body = text.lstrip()
    opened = body.startswith(_OPEN)
    close = text.find(_CLOSE)
    if not opened and (close < 0 or _OPEN in text[:close]):
        return "", text, False, 0
    start = len(text) - len(body) + (len(_OPEN) if opened else 0)
    if close < 0:
        return text[start:].strip(), "", True, len(text)
    after = close + len(_CLOSE)
    answer = text[after:]
    lead = len(answer) - len(answer.lstrip())
    return text[start:close].strip(), answer.lstrip(), False, after + lead


def timed_response(timed: Timed, response: Response) -> Response:
    """Fill in text, thinking and the times of content events."""
    raw = "".join(timed.answers)
    thought, answer, open_thought, start = split_thinking(raw)
    content = [
        time
        for time, text, think, tool in zip(
            timed.times, timed.answers, timed.thoughts, timed.tools, strict=True
        )
        if text or think or tool
    ]
    thinking = "".join(timed.thoughts)
    return msgspec.structs.replace(
        response,
        text=answer,
        thinking=thinking + thought,
        open_thought=open_thought,
        first_token_at=content[0] if content else None,
        first_answer_at=_first_answer(timed, raw, start),
        last_token_at=content[-1] if content else None,
        chunk_times=content,
    )


def _first_answer(timed: Timed, raw: str, start: int) -> int | None:
    """Return when the first tool call or the first character of the answer proper arrived."""
    found = [time for time, tool in zip(timed.times, timed.tools, strict=True) if tool][:1]
    if start < len(raw):
        found.append(timed.times[bisect_right(list(accumulate(map(len, timed.answers))), start)])
    return min(found, default=None)
