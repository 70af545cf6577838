"""What a truth server can be told to do, and how settings are read from text.

The same names hold in Python, on the command line (`--ttft 50ms`), in `POST /config` (JSON) and in a
path prefix (`/~ttft=50ms,itl=10ms/v1/...`). Nothing here knows HTTP.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from bakeoff.errors import UsageError
from bakeoff.plugins import suggest

FaultKind = Literal[
    "429", "500", "503", "error_event", "cut", "hang", "malformed", "other_json", "empty", "reset", "no_done"
]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

_T = TypeVar("_T")

_DURATION = re.compile(r"\s*([0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*(us|ms|s|m|)\s*")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "": 1.0}
_DURATIONS = {"ttft", "itl", "split", "stall", "stall_at", "slow_start", "retry_after"}
_FAULT = re.compile(r"(?P<kind>\w+)(?::(?:every(?P<every>\d+)|(?P<share>[0-9.]+)))?(?:@(?P<after>\d+))?")


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to go wrong, for a share of the requests or for each n-th.

    As text: `KIND[:SHARE | :everyN][@AFTER]`, for example `429:0.1`, `500:every3`, `cut@5`; several are
    joined by `+`. Of several faults the first that applies is taken.

    Attributes:
        kind: `reset` closes with RST before the first byte, on reused connections only; `hang` writes
            nothing more; `cut` closes; `error_event` sends an error inside the 200 stream and then
            ends it as if it were whole; `other_json` answers 200 with a document of another kind.
        share: seeded choice by the request's number.
        every: when given, each n-th request instead of a share.
        after: tokens written before `cut`, `hang`, `error_event` or `malformed`; unset: half of the
            answer, and nothing at all for `hang`.
    """

    kind: FaultKind
    share: Share = 1.0
    every: Count = 0
    after: Count | None = None


class TruthSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the server answers. Times are seconds.

    Token k of an answer is due `ttft + k * itl` after the request was read; what is written together
    is due with its first token. A prompt has as many tokens as whitespace-separated words.

    Attributes:
        ttft: from the request to the first token.
        itl: from one token to the next.
        jitter: spread of each delay around its mean, as a share (sigma of the lognormal, or half width).
        jitter_kind: how delays are spread.
        seed: start of every random choice (jitter, faults).
        tokens: length of a made-up answer; the request's max_tokens caps any answer, and `ignore_eos`
            or `min_tokens` lengthen a made-up one.
        tokens_per_chunk: tokens in one event.
        merge: events in one write.
        split: when above 0, an event is written in two parts, the first so much earlier.
        flood: when above 0, events go out as fast as possible, so many in a write; itl is ignored.
        role: the role comes in the first token's event, in an early empty event at arrival, or never.
        head: the HTTP head is written with the first event, or at arrival.
        reasoning: tokens of thinking before the answer.
        reasoning_field: name of the delta's field; `think` puts tags into the content.
        usage: `asked` follows the request's stream_options.
        cached: prompt tokens told as cached.
        comments: when above 0, a `: ping` line at arrival and before each n-th event.
        framing: how the end of a streamed body is told.
        crlf: event lines end in CRLF.
        done: whether `[DONE]` ends the stream.
        faults: what goes wrong, as `KIND[:SHARE | :everyN][@AFTER]`, several joined by `+`.
        retry_after: what a 429 and a 503 tell in `Retry-After`.
        api_key: when given, another key gets 401.
        stall: seconds for which nothing is written, from `stall_at` seconds after start, reset or
            configuration; what was due then goes on from there. Of the whole server.
        stall_at: see `stall`.
        slow_start: seconds after start in which delays fall from `slow_factor` times to their own size.
        slow_factor: see `slow_start`.
        metrics: serve `/metrics` under vLLM's names.
        slots: answers under way at once, others wait in order; 0 is no limit. Of the whole server.
        models: names that exist, each with its own settings; empty: every name exists.
        answer: `table` looks the last user message up in `answers` (exact, else the longest key within it);
            `arithmetic` computes the last `a op b` in it; both fall back to `tokens`.
        answers: the table of prompts and answers.
        accuracy: share of prompts whose `table` or `arithmetic` answer is right, by hash of prompt and model.
        engine: whose log-probabilities, tokeniser and facts it has in answers that are not streamed; `vllm`
            echoes prompts, `llama.cpp` ignores `echo` and obeys grammars of token literals.
    """

    ttft: Seconds = 0.0
    itl: Seconds = 0.0
    jitter: Seconds = 0.0
    jitter_kind: Literal["lognormal", "uniform"] = "lognormal"
    seed: int = 0
    tokens: Count = 16
    tokens_per_chunk: Positive = 1
    merge: Positive = 1
    split: Seconds = 0.0
    flood: Count = 0
    role: Literal["with_first", "early", "none"] = "with_first"
    head: Literal["with_first", "early"] = "with_first"
    reasoning: Count = 0
    reasoning_field: Literal["reasoning", "reasoning_content", "think"] = "reasoning"
    usage: Literal["asked", "none", "last", "every"] = "asked"
    cached: Count = 0
    comments: Count = 0
    framing: Literal["chunked", "length", "close"] = "chunked"
    crlf: bool = False
    done: bool = True
    faults: tuple[Fault, ...] = ()
    retry_after: Seconds = 1.0
    api_key: str = ""
    stall: Seconds = 0.0
    stall_at: Seconds = 0.0
    slow_start: Seconds = 0.0
    slow_factor: Annotated[float, msgspec.Meta(ge=1)] = 4.0
    metrics: bool = True
    slots: Count = 0
    models: dict[str, "TruthSettings"] = {}
    answer: Literal["tokens", "echo", "table", "arithmetic", "tool_call", "refusal", "content_filter"] = (
        "tokens"
    )
    answers: dict[str, str] = {}
    accuracy: Share = 1.0
    engine: Literal["plain", "vllm", "llama.cpp"] = "plain"


def seconds(text: str) -> float:
    """Read a duration: `50ms`, `10us`, `1.5s`, `2m`; a bare number is seconds."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"`{text}` is no duration", hint="write it as 50ms, 1.5s or 10us")
    return float(match[1]) * _UNITS[match[2]]


def fault(text: str) -> Fault:
    """Read one fault, `KIND[:SHARE | :everyN][@AFTER]`."""
    match = _FAULT.fullmatch(text)
    kinds = get_args(FaultKind)
    if match is None or match["kind"] not in kinds:
        near = suggest(text, kinds)
        raise UsageError(
            f"`{text}` is no fault.{near}",
            hint=f"write KIND, KIND:0.1 or KIND:every3; kinds: {', '.join(kinds)}",
        )
    after = match["after"]
    found = {"kind": match["kind"], "share": match["share"] or 1.0, "every": match["every"] or 0}
    return _convert(found if after is None else found | {"after": after}, Fault)


def pairs(text: str) -> dict[str, str]:
    """Read `name=value,name=value`; a name alone is `true`."""
    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, mark, value = part.partition("=")
        found[name.strip()] = value.strip() if mark else "true"
    return found


def parse(text: str, base: TruthSettings | None = None) -> TruthSettings:
    """Return `base` changed by `name=value,...`."""
    return merge(base or TruthSettings(), pairs(text))


def merge(base: TruthSettings, changes: Mapping[str, object]) -> TruthSettings:
    """Return `base` with some settings changed; models start from the changed base.

    Raises:
        UsageError: a name is unknown or a value does not fit.
    """
    known = TruthSettings.__struct_fields__
    for name in changes:
        if name not in known:
            raise UsageError(
                f"there is no setting `{name}`.{suggest(name, known)}", hint=f"known: {', '.join(known)}"
            )
    plain = {name: _value(name, value) for name, value in changes.items() if name != "models"}
    found = _convert(plain, TruthSettings)
    merged = msgspec.structs.replace(base, **{name: getattr(found, name) for name in plain})
    if "models" in changes:
        models = _convert(changes["models"], dict[str, dict[str, Any]])
        own = msgspec.structs.replace(merged, models={})
        merged = msgspec.structs.replace(merged, models={name: merge(own, of) for name, of in models.items()})
    return merged


@cache
def words() -> dict[str, tuple[str, ...]]:
    """Return the words that a setting takes, where it takes no others."""
    kinds = get_type_hints(TruthSettings).items()
    return {name: get_args(kind) for name, kind in kinds if get_origin(kind) is Literal}


def _value(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    known = words().get(name)
    if known and value not in known:
        raise UsageError(
            f"a setting does not fit: there is no {name} `{value}`.{suggest(value, known)}",
            hint=f"known: {', '.join(known)}",
        )
    if name in _DURATIONS:
        return seconds(value)
    if name == "faults":
        return [msgspec.to_builtins(fault(part)) for part in value.split("+") if part]
    return value


def _convert(value: object, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"a setting does not fit: {error}") from error
