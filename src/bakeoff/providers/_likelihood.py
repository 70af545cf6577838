"""What the ways to ask for likelihoods share: answers in JSON, and usage summed over calls."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from bakeoff.providers import _openai as shared
from bakeoff.records import Exchange, Request, Target, Usage

T = TypeVar("T")

encode = msgspec.json.Encoder(decimal_format="number").encode
_COUNTS = ("prompt", "completion", "cached", "reasoning", "cache_write")


class Undecodable(Exception):  # noqa: N818  a finding that becomes `Response.error`
    """What came back does not tell the likelihood; the text says why."""


class Answer(msgspec.Struct, frozen=True):
    """The part of an answer that every completion has."""

    model: str | None = None
    usage: shared.RawUsage | None = None
    error: shared.ServerError = None

    @property
    def counted(self) -> Usage:
        """Return the usage as bakeoff's own record."""
        return Usage() if self.usage is None else self.usage.record()


def decode(exchange: Exchange, kind: type[T]) -> T:
    """Return the body of an exchange.

    Raises:
        Undecodable: it is none of this kind.
    """
    try:
        return msgspec.json.decode(exchange.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"the answer cannot be decoded: {error}") from error


def body_of(request: Request, target: Target, **fields: Any) -> bytes:  # noqa: ANN401  fields of a JSON body
    """Return a completion's body: the target's own fields, with what the question needs on top."""
    common = {"model": target.model, "stream": False, "temperature": 0}
    return encode(request.sampling.extra | common | fields)


def total(usages: Iterable[Usage]) -> Usage:
    """Return the sum of token counts; a count that one of the calls does not tell is unknown."""
    found = list(usages)
    sums: dict[str, int | None] = {}
    for name in _COUNTS:
        counts = [getattr(usage, name) for usage in found]
        known = [count for count in counts if count is not None]
        sums[name] = sum(known) if known and len(known) == len(counts) else None
    said = any(count is not None for count in sums.values())
    return Usage(**sums, counted_by="server" if said else None)
