"""The reply to one request: head, writes, tail and what becomes of the connection, faults included.

A `Recipe` is one resolved set of settings for one model; it keeps the scripts that it made.
"""

from random import Random
from typing import Literal

import msgspec

from bakeoff.testing.truth import events, scripts
from bakeoff.testing.truth.answers import Answer, answer
from bakeoff.testing.truth.asks import Ask
from bakeoff.testing.truth.likelihoods import Vocabulary
from bakeoff.testing.truth.scripts import Script
from bakeoff.testing.truth.settings import Fault, TruthSettings

Ending = Literal["keep", "close", "hang", "reset"]
_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    404: b"Not Found",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}
_REFUSED = {
    "429": ("rate limit reached", "rate_limit_error"),
    "500": ("the server failed", "server_error"),
    "503": ("the server is overloaded", "overloaded_error"),
}
_FAILED = events.error_json("the server failed", "server_error", 500)
_BROKEN = b'{"id":"chatcmpl-truth","choices":[{"delta":{"cont'
_ALIKE = {"tokens", "tool_call", "refusal", "content_filter"}
_KEPT_SCRIPTS = 512


class Reply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What goes out for one request. `writes`, `offsets` and `tokens` are columns, as in `Script`.

    Attributes:
        thinking: how many of the first tokens are reasoning.
    """

    writes: tuple[bytes, ...]
    offsets: tuple[int, ...] = (0,)
    tokens: tuple[int, ...] = (0,)
    ending: Ending = "keep"
    kind: str = "ok"
    status: int = 200
    prompt_tokens: int = 0
    thinking: int = 0


class Turn(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a reply depends on besides its request.

    Attributes:
        number: place among the requests since start or reset, from 1.
        reused: whether the connection has served before.
        keep: whether the client wants the connection kept.
        since_start: seconds since start or reset.
    """

    number: int
    reused: bool = False
    keep: bool = True
    since_start: float = 0.0


def document(
    status: int,
    body: bytes,
    turn: Turn,
    *,
    kind: str = "ok",
    content: bytes = b"application/json",
    extra: bytes = b"",
) -> Reply:
    """Return an answer of one document, written at once."""
    fields = b"content-type: %b\r\ncontent-length: %d\r\n%b" % (content, len(body), extra)
    head = _head(status, turn, fields)
    return Reply(writes=(head + body,), kind=kind, status=status, ending="keep" if turn.keep else "close")


def refusal(status: int, text: str, turn: Turn, *, kind: str) -> Reply:
    """Return an error answer."""
    return document(status, events.error_json(text, kind, status), turn, kind=kind)


def unit(seed: int, number: int) -> float:
    """Return a number in [0, 1) that depends on both and on nothing else (splitmix64's finish)."""
    mixed = (seed * 0xD1342543DE82EF95 + number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 31)) / 2**64


def choose(settings: TruthSettings, turn: Turn) -> Fault | None:
    """Return the fault of a request: of shares by one draw, so that they add up; else by its number."""
    drawn = unit(settings.seed, turn.number) if settings.faults else 1.0
    upto = 0.0
    for fault in settings.faults:
        upto += 0.0 if fault.every else fault.share
        if (turn.number % fault.every == 0) if fault.every else drawn < upto:
            return None if fault.kind == "reset" and not turn.reused else fault
    return None


class Recipe:
    """Makes replies by one set of settings for one model."""

    def __init__(self, settings: TruthSettings, model: str, words: Vocabulary | None = None) -> None:
        self.settings = settings
        self._words = words or Vocabulary()
        self._dialects = {
            chat: events.Dialect(chat=chat, model=model, settings=settings) for chat in (True, False)
        }
        self._scripts: dict[tuple[object, ...], Script] = {}
        self._first = round(settings.ttft * 1e9)
        self._varied = bool(settings.jitter or settings.slow_start)

    def reply(self, ask: Ask, turn: Turn, *, chat: bool) -> Reply:
        """Return the reply to a well-formed request."""
        fault = choose(self.settings, turn)
        kind = "ok" if fault is None else fault.kind
        if kind in _REFUSED:
            return self._refuse(kind, turn)
        if kind == "reset":
            return Reply(writes=(), offsets=(), tokens=(), ending="reset", kind=kind, status=0)
        if kind == "other_json":
            return document(200, b'{"status":"ok"}', turn, kind=kind)
        if self.settings.engine != "plain":
            ask = self._words.spelled(ask)
        said = self._words.forced(ask) if self.settings.engine == "llama.cpp" else None
        said = Answer(tokens=()) if kind == "empty" else said or answer(self.settings, ask)
        if ask.stream:
            return self._streamed(ask, said, turn, fault, chat=chat)
        return self._whole(ask, said, turn, kind, chat=chat)

    def _refuse(self, kind: str, turn: Turn) -> Reply:
        text, name = _REFUSED[kind]
        wait = b"retry-after: %b\r\n" % f"{self.settings.retry_after:g}".encode() if kind == "429" else b""
        return document(int(kind), events.error_json(text, name, int(kind)), turn, kind=kind, extra=wait)

    def _whole(self, ask: Ask, said: Answer, turn: Turn, kind: str, *, chat: bool) -> Reply:
        settings, prompt = self.settings, ask.prompt_tokens()
        logprobs = self._words.logprobs(settings, ask, said, chat=chat)
        body = events.whole(self._dialects[chat], said, prompt, logprobs)
        if kind == "error_event":
            body = _FAILED
        elif kind == "malformed":
            body = body[: len(body) // 2]
        head = _head(200, turn, b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body))
        data = head + (body[: len(body) // 2] if kind == "cut" else body)
        itl = 0.0 if settings.flood else settings.itl
        lasts = self._first + round(itl * max(0, said.count - 1) * 1e9)
        full = kind in ("ok", "empty", "no_done")
        return Reply(
            writes=() if kind == "hang" else (data,),
            offsets=() if kind == "hang" else self._times((lasts,), turn),
            tokens=(said.count if full else 0,),
            ending=_ending(kind, turn),
            kind="ok" if kind == "no_done" else kind,
            prompt_tokens=prompt,
            thinking=len(said.thinking),
        )

    def _streamed(self, ask: Ask, said: Answer, turn: Turn, fault: Fault | None, *, chat: bool) -> Reply:
        settings, dialect, prompt = self.settings, self._dialects[chat], ask.prompt_tokens()
        kind = "ok" if fault is None else fault.kind
        script = self._script(said, prompt, chat=chat)
        usage = settings.usage in ("last", "every") or (settings.usage == "asked" and ask.wants_usage)
        done = settings.done and kind != "no_done"
        tail = scripts.tail(dialect, said, prompt, usage=usage, done=done)
        size = sum(map(len, script.writes)) + len(tail) if settings.framing == "length" else 0
        if fault is not None and kind in ("cut", "hang", "error_event", "malformed"):
            script = script.until(_after(fault, said))
            tail = _broken_tail(settings, kind, tail)
            if kind in ("error_event", "malformed"):
                size = sum(map(len, script.writes)) + len(tail)
        script = script.ended(tail, due=self._first, joined=settings.flood > 0)
        if kind != "hang" or script.writes:
            head = _stream_head(settings, turn, size)
            script = script.headed(head, due=self._first, alone=settings.head == "early")
        return Reply(
            writes=script.writes,
            offsets=self._times(script.offsets, turn),
            tokens=script.tokens,
            ending=_ending(kind, turn, closes=settings.framing == "close"),
            kind=kind,
            prompt_tokens=prompt,
            thinking=len(said.thinking),
        )

    def _script(self, said: Answer, prompt: int, *, chat: bool) -> Script:
        if self.settings.answer not in _ALIKE:
            return scripts.stream_script(self._dialects[chat], said, prompt)
        shown = prompt if self.settings.usage == "every" else 0
        key = (chat, len(said.thinking), len(said.tokens), said.tool, shown)
        script = self._scripts.get(key)
        if script is None:
            if len(self._scripts) >= _KEPT_SCRIPTS:
                self._scripts.clear()
            script = self._scripts[key] = scripts.stream_script(self._dialects[chat], said, prompt)
        return script

    def _times(self, offsets: tuple[int, ...], turn: Turn) -> tuple[int, ...]:
        if not self._varied:
            return offsets
        settings = self.settings
        left = 1 - turn.since_start / settings.slow_start if settings.slow_start else 0.0
        factor = 1 + (settings.slow_factor - 1) * max(0.0, left)
        rng = Random(settings.seed * 0x9E3779B1 + turn.number)
        return scripts.stretched(offsets, settings, rng, factor)


def _head(status: int, turn: Turn, fields: bytes) -> bytes:
    last = b"" if turn.keep else b"connection: close\r\n"
    return b"HTTP/1.1 %d %b\r\n%bx-request-id: %d\r\n%b\r\n" % (
        status,
        _REASONS[status],
        fields,
        turn.number,
        last,
    )


def _stream_head(settings: TruthSettings, turn: Turn, size: int) -> bytes:
    fields = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    if settings.framing == "chunked":
        fields += b"transfer-encoding: chunked\r\n"
    elif settings.framing == "length":
        fields += b"content-length: %d\r\n" % size
    elif turn.keep:
        fields += b"connection: close\r\n"
    return _head(200, turn, fields)


def _ending(kind: str, turn: Turn, *, closes: bool = False) -> Ending:
    if kind == "hang":
        return "hang"
    return "keep" if turn.keep and kind != "cut" and not closes else "close"


def _after(fault: Fault, said: Answer) -> int:
    if fault.after is not None:
        return fault.after
    return 0 if fault.kind == "hang" else said.count // 2


def _broken_tail(settings: TruthSettings, kind: str, tail: bytes) -> bytes:
    """Return the tail of a broken stream; a malformed event stands before an otherwise whole end."""
    if kind == "error_event":
        return scripts.event(settings, _FAILED) + scripts.ending(settings, done=settings.done)
    return scripts.event(settings, _BROKEN) + tail if kind == "malformed" else b""
