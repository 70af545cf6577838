"""The JSON of an answer: stream events, whole bodies, errors. Knows the dialect, not time or sockets."""

import msgspec

from bakeoff.clock import wall_ns
from bakeoff.testing.truth.answers import Answer
from bakeoff.testing.truth.settings import TruthSettings

encode = msgspec.json.encode
_STARTED = wall_ns() // 1_000_000_000
_OPEN, _SHUT = "<think>", "</think>"


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """Which endpoint and model answers, and how: all that shapes the JSON besides the answer itself."""

    chat: bool
    model: str
    settings: TruthSettings


def usage_json(settings: TruthSettings, prompt: int, completion: int, reasoning: int) -> dict[str, object]:
    """Return the usage object; details stand in it only when there are any."""
    usage: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if settings.cached:
        usage["prompt_tokens_details"] = {"cached_tokens": min(settings.cached, prompt)}
    if settings.reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return usage


def chunk(
    dialect: Dialect, choices: list[dict[str, object]], usage: dict[str, object] | None = None
) -> bytes:
    """Return the JSON of one stream event."""
    event: dict[str, object] = {
        "id": "chatcmpl-truth" if dialect.chat else "cmpl-truth",
        "object": "chat.completion.chunk" if dialect.chat else "text_completion",
        "created": _STARTED,
        "model": dialect.model,
        "choices": choices,
    }
    if usage is not None:
        event["usage"] = usage
    return encode(event)


def choice(dialect: Dialect, delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
    """Return the one choice of a stream event."""
    if dialect.chat:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"index": 0, "text": delta.get("content", ""), "logprobs": None, "finish_reason": finish}


def thinking_delta(settings: TruthSettings, text: str, *, first: bool, last: bool) -> dict[str, object]:
    """Return the delta of reasoning tokens, under the field that was asked for or in tags."""
    if settings.reasoning_field != "think":
        return {settings.reasoning_field: text}
    return {"content": f"{_OPEN if first else ''}{text}{_SHUT if last else ''}"}


def answer_delta(answer: Answer, text: str, *, first: bool) -> dict[str, object]:
    """Return the delta of answer tokens."""
    if answer.shape == "refusal":
        return {"refusal": text}
    if answer.shape == "text":
        return {"content": text}
    call: dict[str, object] = {"index": 0, "function": {"arguments": text}}
    if first:
        function = {"name": answer.tool, "arguments": text}
        call = {"index": 0, "id": "call_truth", "type": "function", "function": function}
    return {"tool_calls": [call]}


def message(settings: TruthSettings, answer: Answer) -> dict[str, object]:
    """Return the message of a whole chat answer."""
    text, thinking = "".join(answer.tokens), "".join(answer.thinking)
    found: dict[str, object] = {"role": "assistant", "content": None}
    if answer.shape == "tool_call":
        function = {"name": answer.tool, "arguments": text}
        found["tool_calls"] = [{"id": "call_truth", "type": "function", "function": function}]
    else:
        found["refusal" if answer.shape == "refusal" else "content"] = text
    if thinking and settings.reasoning_field == "think":
        found["content"] = f"{_OPEN}{thinking}{_SHUT}{text}"
    elif thinking:
        found[settings.reasoning_field] = thinking
    return found


def whole(dialect: Dialect, answer: Answer, prompt_tokens: int, logprobs: object = None) -> bytes:
    """Return the body of an answer that is not streamed."""
    settings = dialect.settings
    body: dict[str, object] = {"index": 0, "logprobs": logprobs, "finish_reason": answer.finish}
    if dialect.chat:
        body["message"] = message(settings, answer)
    else:
        body["text"] = "".join(answer.tokens)
    event: dict[str, object] = {
        "id": "chatcmpl-truth" if dialect.chat else "cmpl-truth",
        "object": "chat.completion" if dialect.chat else "text_completion",
        "created": _STARTED,
        "model": dialect.model,
        "choices": [body],
    }
    if settings.usage != "none":
        event["usage"] = usage_json(settings, prompt_tokens, answer.count, len(answer.thinking))
    return encode(event)


def models_json(names: list[str], extra: dict[str, object]) -> bytes:
    """Return the body of `/v1/models`; `extra` stands in each row."""
    row: dict[str, object] = {"object": "model", "created": _STARTED, "owned_by": "truth"}
    listed = [{"id": name} | row | extra for name in names]
    return encode({"object": "list", "data": listed})


def error_json(text: str, kind: str, code: str | int | None = None) -> bytes:
    """Return an error in the shape that OpenAI uses."""
    return encode({"error": {"message": text, "type": kind, "param": None, "code": code}})
