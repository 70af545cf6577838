"""What goes over the wire and what comes back, before and after decoding."""

from typing import Any

import msgspec

from bakeoff.records.case import Continuation, Message
from bakeoff.records.target import Sampling


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a target: a conversation (`messages`) or, for the completion form, a `prompt`.

    `output_tokens` asks for exactly that many tokens where the server can be told so; `continuations` ask
    for likelihoods in place of an answer.
    """

    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    sampling: Sampling = Sampling()
    stream: bool = True
    output_tokens: int | None = None
    continuations: tuple[Continuation, ...] = ()


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An encoded HTTP request; `path` is relative to the target's base URL.

    With `at_root` it is relative to the server's root, where engines keep what no protocol has: beside the
    base URL's `/v1`.
    """

    path: str
    body: bytes = b""
    method: str = "POST"
    headers: dict[str, str] = {}
    at_root: bool = False


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

    `cached` and `cache_write` are two parts of `prompt`, `reasoning` is a part of `completion`.
    """

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    cache_write: int | None = None
    counted_by: str | None = None


class ServerFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server said of its own work on one answer, in seconds and tokens; None is not said.

    Servers count from different moments: most from the arrival of the request, llama.cpp from the moment a
    slot took it up.

    Attributes:
        ttft: until its first token.
        e2e: for the whole answer.
        queue: waiting before any work.
        prefill: reading the prompt.
        decode: from its first to its last token.
        decoded: how many tokens `decode` stands for, the first included.
        output_rate: tokens per second after the first, as told.
        drafted: tokens that a draft model proposed.
        accepted: those of them that the model took over.
        acceptance_rate: as told; a share with some servers, tokens per step with others.
        batch_size: requests that were computed together, as told.
    """

    ttft: float | None = None
    e2e: float | None = None
    queue: float | None = None
    prefill: float | None = None
    decode: float | None = None
    decoded: int | None = None
    output_rate: float | None = None
    drafted: int | None = None
    accepted: int | None = None
    acceptance_rate: float | None = None
    batch_size: float | None = None


class Likelihood(msgspec.Struct, frozen=True, kw_only=True):
    """How likely a text was after its context.

    Attributes:
        logprob: natural logarithm of the probability of the whole text.
        tokens: of the text.
        greedy: each token was the most likely one; None where the server does not say.
    """

    logprob: float
    tokens: int
    greedy: bool | None = None


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
        server: what the server said of its own work, None where it said nothing.
        likelihoods: one for each continuation of the request, in order.
        top_logprobs: for each token of the answer its alternatives with their log-probabilities, where asked.
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
    server: ServerFigures | None = None
    likelihoods: list[Likelihood] = []
    top_logprobs: list[dict[str, float]] = []
