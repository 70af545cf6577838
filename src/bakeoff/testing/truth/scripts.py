"""Turn an answer into timed writes: which bytes go out when, and how many tokens each completes.

A script is made once for answers that look alike; what differs per request (head, tail) is added by
`replies`. Knows framing, not sockets.
"""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from math import exp
from random import Random

import msgspec

from bakeoff.testing.truth.answers import Answer
from bakeoff.testing.truth.events import Dialect, answer_delta, choice, chunk, thinking_delta, usage_json
from bakeoff.testing.truth.settings import TruthSettings

CHUNKS_END = b"0\r\n\r\n"


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """Writes of a streamed answer. Three columns of equal length.

    Attributes:
        writes: the bytes of each write, framed.
        offsets: when each is due, in ns after the request was read.
        tokens: how many tokens each completes.
    """

    writes: tuple[bytes, ...] = ()
    offsets: tuple[int, ...] = ()
    tokens: tuple[int, ...] = ()

    def until(self, tokens: int) -> "Script":
        """Return the part that completes at most so many tokens."""
        keep = 0
        for total in accumulate(self.tokens):
            if total > tokens:
                break
            keep += 1
        return Script(writes=self.writes[:keep], offsets=self.offsets[:keep], tokens=self.tokens[:keep])

    def ended(self, tail: bytes, *, due: int, joined: bool) -> "Script":
        """Return the script with its tail, in the last write or right after it (at `due` where none is)."""
        if not tail:
            return self
        if joined and self.writes:
            writes = (*self.writes[:-1], self.writes[-1] + tail)
            return Script(writes=writes, offsets=self.offsets, tokens=self.tokens)
        at = self.offsets[-1] if self.offsets else due
        return Script(writes=(*self.writes, tail), offsets=(*self.offsets, at), tokens=(*self.tokens, 0))

    def headed(self, head: bytes, *, due: int, alone: bool) -> "Script":
        """Return the script with its head: alone at arrival, or in the first write."""
        if alone or not self.writes:
            at = 0 if alone else due
            return Script(writes=(head, *self.writes), offsets=(at, *self.offsets), tokens=(0, *self.tokens))
        writes = (head + self.writes[0], *self.writes[1:])
        return Script(writes=writes, offsets=self.offsets, tokens=self.tokens)


class _Event(msgspec.Struct, frozen=True):
    """One event before it is joined with others or split: bytes, tokens in it, due offset."""

    data: bytes
    tokens: int
    due: int


def framed(settings: TruthSettings, data: bytes) -> bytes:
    """Put body bytes into the body's framing."""
    return b"%x\r\n%b\r\n" % (len(data), data) if settings.framing == "chunked" else data


def event(settings: TruthSettings, payload: bytes) -> bytes:
    """Return one server-sent event, framed."""
    end = b"\r\n\r\n" if settings.crlf else b"\n\n"
    return framed(settings, b"data: " + payload + end)


def ping(settings: TruthSettings) -> bytes:
    """Return a comment, framed."""
    return framed(settings, b": ping" + (b"\r\n\r\n" if settings.crlf else b"\n\n"))


def stream_script(dialect: Dialect, answer: Answer, prompt_tokens: int) -> Script:
    """Return the writes of a streamed answer; `prompt_tokens` shows only with usage on each event."""
    settings = dialect.settings
    early = list(_early(dialect))
    content = list(_content(dialect, answer, prompt_tokens))
    per_write = settings.flood or settings.merge
    joined = [_join(content[start : start + per_write]) for start in range(0, len(content), per_write)]
    parts = early + joined
    if settings.split:
        parts = list(_split(parts, round(settings.split * 1e9)))
    return Script(
        writes=tuple(part.data for part in parts),
        offsets=tuple(part.due for part in parts),
        tokens=tuple(part.tokens for part in parts),
    )


def tail(dialect: Dialect, answer: Answer, prompt_tokens: int, *, usage: bool, done: bool) -> bytes:
    """Return what follows the last token: finish reason, usage, `[DONE]`, end of the body."""
    settings = dialect.settings
    told = usage_json(settings, prompt_tokens, answer.count, len(answer.thinking)) if usage else None
    running = told if settings.usage == "every" else None
    parts = [event(settings, chunk(dialect, [choice(dialect, {}, answer.finish)], running))]
    if told is not None:
        parts.append(event(settings, chunk(dialect, [], told)))
    return b"".join(parts) + ending(settings, done=done)


def ending(settings: TruthSettings, *, done: bool) -> bytes:
    """Return `[DONE]`, when it is wanted, and the end of the body."""
    mark = event(settings, b"[DONE]") if done else b""
    return mark + CHUNKS_END if settings.framing == "chunked" else mark


def stretched(
    offsets: tuple[int, ...], settings: TruthSettings, rng: Random, factor: float
) -> tuple[int, ...]:
    """Return the offsets with each gap times `factor` and times a random number of mean 1."""
    spread = settings.jitter
    uniform = settings.jitter_kind == "uniform"
    found: list[int] = []
    at = 0
    for before, after in pairwise((0, *offsets)):
        gap = (after - before) * factor
        if gap and spread:
            gap *= (
                rng.uniform(1 - spread, 1 + spread)
                if uniform
                else exp(rng.gauss(-spread * spread / 2, spread))
            )
        at += max(0, round(gap))
        found.append(at)
    return tuple(found)


def _early(dialect: Dialect) -> Iterator[_Event]:
    settings = dialect.settings
    if settings.comments:
        yield _Event(ping(settings), 0, 0)
    if settings.role == "early" and dialect.chat:
        delta: dict[str, object] = {"role": "assistant", "content": ""}
        yield _Event(event(settings, chunk(dialect, [choice(dialect, delta)])), 0, 0)


def _content(dialect: Dialect, answer: Answer, prompt_tokens: int) -> Iterator[_Event]:
    settings = dialect.settings
    itl = 0.0 if settings.flood else settings.itl
    sent = 0
    for index, (delta, tokens) in enumerate(_deltas(settings, answer)):
        if index == 0 and settings.role == "with_first":
            delta = {"role": "assistant", **delta}  # noqa: PLW2901  the first event's delta carries the role
        due = round((settings.ttft + itl * sent) * 1e9)
        sent += tokens
        usage = None
        if settings.usage == "every":
            usage = usage_json(settings, prompt_tokens, sent, min(sent, len(answer.thinking)))
        data = event(settings, chunk(dialect, [choice(dialect, delta)], usage))
        if settings.comments and index % settings.comments == 0:
            data = ping(settings) + data
        yield _Event(data, tokens, due)


def _deltas(settings: TruthSettings, answer: Answer) -> Iterator[tuple[dict[str, object], int]]:
    step = settings.tokens_per_chunk
    for start in range(0, len(answer.thinking), step):
        part = answer.thinking[start : start + step]
        last = start + step >= len(answer.thinking)
        yield thinking_delta(settings, "".join(part), first=start == 0, last=last), len(part)
    for start in range(0, len(answer.tokens), step):
        part = answer.tokens[start : start + step]
        yield answer_delta(answer, "".join(part), first=start == 0), len(part)


def _join(events: list[_Event]) -> _Event:
    return _Event(b"".join(one.data for one in events), sum(one.tokens for one in events), events[0].due)


def _split(events: list[_Event], gap: int) -> Iterator[_Event]:
    """Cut each write in its middle; the second half keeps the due time, since it completes the event."""
    at = 0
    for one in events:
        half = len(one.data) // 2
        at = max(at, one.due - gap)
        yield _Event(one.data[:half], 0, at)
        at = max(at, one.due)
        yield _Event(one.data[half:], one.tokens, at)
