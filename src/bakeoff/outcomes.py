"""Name what became of a request: one outcome each, never a guess from the text."""

import re
from email.utils import parsedate_to_datetime

import msgspec

from bakeoff import clock
from bakeoff.errors import WireError
from bakeoff.records import Exchange, Request, Response
from bakeoff.wire.leaving import LIMIT

RETRY_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
LONGEST_ASKED_S = 900.0
"""A server that asks for a longer wait is not asked again in this run."""
THROTTLED = frozenset({429, 503, 529})
_TIMEOUTS = frozenset({"connect_timeout", "first_byte_timeout", "stream_timeout", "timeout"})
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]*)?")
_FATAL_KINDS = frozenset({"tls", "proxy", "dns", LIMIT})


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A request without a usable answer.

    Attributes:
        outcome: "error" or "timeout".
        kind: the class that reports count: `http_429`, `reset`, `cut`, `bad_answer`, …
        retry: whether trying again can help.
        throttled: the server asked for less.
        wait_s: seconds that the server asked to wait, None where it did not say.
        sent_at: monotonic ns of the request's last byte, where nothing came back.
    """

    outcome: str
    kind: str
    message: str
    status: int | None = None
    retry: bool = False
    throttled: bool = False
    wait_s: float | None = None
    sent_at: int | None = None


def wire_failure(error: WireError) -> Failure:
    """Classify an exchange of which nothing came back."""
    return Failure(
        outcome="timeout" if error.kind in _TIMEOUTS else "error",
        kind=error.kind,
        message=error.message,
        retry=error.kind not in _FATAL_KINDS,
        sent_at=error.sent_at,
    )


def status_failure(exchange: Exchange) -> Failure:
    """Classify an answer whose status is not 200."""
    status = exchange.status
    wait_s = retry_after(exchange.headers)
    return Failure(
        outcome="error",
        kind=f"http_{status}",
        message=f"HTTP {status}: {_body_text(exchange)}",
        status=status,
        retry=status in RETRY_STATUSES and (wait_s is None or wait_s <= LONGEST_ASKED_S),
        throttled=status in THROTTLED,
        wait_s=wait_s,
    )


def answer_failure(exchange: Exchange, response: Response) -> Failure | None:
    """Classify a 200 answer that broke off or cannot be used; None for a usable one."""
    if exchange.broken:
        timeout = exchange.broken in _TIMEOUTS
        return Failure(
            outcome="timeout" if timeout else "error",
            kind=exchange.broken,
            message="the answer stopped coming" if timeout else "the connection was cut in the answer",
            status=200,
            retry=True,
        )
    packed = exchange.headers.get("content-encoding", "identity").strip().lower()
    if packed not in {"identity", ""}:
        return Failure(
            outcome="error",
            kind="compressed",
            message=f"the answer is compressed ({packed}), unasked; switch that off at the server",
            status=200,
        )
    if response.error is not None:
        return Failure(outcome="error", kind="bad_answer", message=response.error, status=200, retry=True)
    if not response.complete:
        return Failure(
            outcome="error",
            kind="incomplete",
            message="the answer ended without [DONE] or a finish reason",
            status=200,
            retry=True,
        )
    return None


def answer_outcome(response: Response, request: Request) -> str:
    """Return the outcome of a whole answer.

    Likelihoods are whole, or the sample has failed.
    An answer that was asked to have an exact length ends at it on purpose and is not truncated.
    """
    if request.continuations:
        return "ok"
    if response.finish_reason == "content_filter":
        return "filtered"
    if response.refusal:
        return "refused"
    exact = request.output_tokens is not None
    if not exact and (response.open_thought or response.finish_reason == "length"):
        return "truncated"
    said = response.text.strip() or response.tool_calls or (exact and response.thinking)
    return "ok" if said else "empty"


def retry_after(headers: dict[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, given as a number or as a date; None for anything else."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - clock.wall_ns() / 1e9)
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    plain = text.strip()
    return float(plain) if _NUMBER.fullmatch(plain) else None


def _body_text(exchange: Exchange, most: int = 500) -> str:
    text = exchange.body[: 4 * most].decode("utf-8", "replace").strip()
    try:
        fields = msgspec.json.decode(exchange.body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text[:most] or "empty body"
    error = fields.get("error", fields)
    inner = msgspec.convert(error, dict[str, object]) if isinstance(error, dict) else {"message": error}
    return str(inner.get("message") or text)[:most]
