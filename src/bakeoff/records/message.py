"""What goes over the wire and what comes back, before and after decoding."""

from typing import Any

import msgspec

from bakeoff.records.case import Message
from bakeoff.records.target import Sampling


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a target: a conversation (`messages`) or, for the completion form, a `prompt`.

    `output_tokens` asks for exactly that many tokens where the server can be told so.
    """

    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    sampling: Sampling = Sampling()
    stream: bool = True
    output_tokens: int | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An encoded HTTP request; `path` is relative to the target's base URL."""

    path: str
    body: bytes = b""
    method: str = "POST"
    headers: dict[str, str] = {}


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A finished HTTP exchange. Times are monotonic nanoseconds.

    Attributes:
        pieces: body bytes in order of arrival, transfer coding removed.
        stamps: arrival time of each piece, same length as `pieces`.
        sent_at: when the last byte of the request had been handed to the system.
        first_byte_at: arrival of the first byte of the answer, headers included.
        done_at: arrival of the last byte.
        connect_ns: time spent opening the connection, 0 on a reused one.
        reconnects: 1 where a kept connection turned out closed and the request went out again on a fresh one.
        stamped_by: "kernel" for the system's own receive times, else "read".
        broken: why the answer is not whole ("cut", "stream_timeout", …), empty for a whole one.
    """

    status: int
    headers: dict[str, str]
    pieces: list[bytes]
    stamps: list[int]
    sent_at: int
    first_byte_at: int
    done_at: int
    connect_ns: int = 0
    reused: bool = False
    reconnects: int = 0
    stamped_by: str = "read"
    broken: str = ""

    @property
    def body(self) -> bytes:
        """Return the whole body."""
        return b"".join(self.pieces)


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Token counts and who counted them; None is unknown, never zero.

    `cached` is a part of `prompt`, `reasoning` a part of `completion`.
    """

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    counted_by: str | None = None


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded answer. Times are monotonic nanoseconds; None where there was no such moment.

    Attributes:
        text: the answer without reasoning.
        thinking: reasoning, from its own field or from a leading `<think>` block.
        open_thought: the reasoning never ended, so `text` is no answer.
        first_token_at: first event with non-empty answer, reasoning or tool-call content.
        first_answer_at: first event with non-empty answer or tool-call content.
        last_token_at: last event with any content.
        chunk_times: arrival of every event with content; a chunk is not a token.
        error: what the server said went wrong inside a 200 answer, or why it cannot be decoded.
        complete: the answer ended as its protocol demands ([DONE], or a finish reason).
        extra: fields of the answer that bakeoff does not know, kept as they came.
    """

    text: str = ""
    thinking: str = ""
    open_thought: bool = False
    finish_reason: str | None = None
    model: str | None = None
    usage: Usage = Usage()
    tool_calls: list[Any] = []
    refusal: str | None = None
    first_token_at: int | None = None
    first_answer_at: int | None = None
    last_token_at: int | None = None
    chunk_times: list[int] = []
    error: str | None = None
    complete: bool = True
    extra: dict[str, Any] = {}
