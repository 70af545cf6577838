"""Read a trace: when requests came in production, and how long they and their answers were.

One JSON object per line, in one of two forms that are told apart by their fields. Shared by the load that
replays the times and the data set that replays the lengths; it makes neither schedules nor prompts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from bakeoff import textfiles
from bakeoff.errors import DataError

_NS = {"s": 1_000_000_000, "ms": 1_000_000}

Moment = int | float | None
Tokens = Annotated[int, Meta(ge=0)] | None


class TraceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a trace.

    Attributes:
        at_ns: when it came, in ns from the first request of the file.
        prompt_tokens: length of its input, None where the trace does not say.
        output_tokens: length of its answer, likewise.
        blocks: names of its input's blocks in order; equal beginnings mean equal text.
        line: 1-based line of the file.
    """

    at_ns: int
    prompt_tokens: int | None
    output_tokens: int | None
    blocks: tuple[int | str, ...]
    line: int


class _Line(msgspec.Struct, frozen=True):
    """The fields of both forms."""

    timestamp: Moment = None
    at: Moment = None
    input_length: Tokens = None
    output_length: Tokens = None
    prompt_tokens: Tokens = None
    output_tokens: Tokens = None
    hash_ids: tuple[int | str, ...] = ()

    @property
    def in_ms(self) -> bool:
        """Tell whether this is the Mooncake form, whose `timestamp` is in milliseconds."""
        return self.input_length is not None or self.output_length is not None or bool(self.hash_ids)


_decode = msgspec.json.Decoder(_Line).decode


def read_trace(path: Path) -> Iterator[TraceRow]:
    """Yield the requests of a trace in order.

    The Mooncake form is `{"timestamp": MS, "input_length": N, "output_length": N, "hash_ids": [...]}`, the
    plain one `{"timestamp": S, "prompt_tokens": N, "output_tokens": N}` with `at` as another name of its
    `timestamp`. Other fields are left alone. Times may start anywhere; the first is 0.

    Raises:
        DataError: a line is neither, or its time lies before that of the line above.
    """
    first: _Line | None = None
    last_ns = 0
    with textfiles.open_text(path, textfiles.UTF8) as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            where = f"{path}:{number}"
            line = _parsed(textfiles.decodable(text, textfiles.UTF8, where), where)
            first = first or line
            if line.in_ms != first.in_ms:
                raise DataError(
                    "the lines above are of the other form of a trace",
                    where=where,
                    hint="keep one form a file",
                )
            at_ns = _since(first, line)
            if at_ns < last_ns:
                raise DataError(
                    "the request came before the one above",
                    where=where,
                    hint="sort the file by time: `jq -s -c 'sort_by(.timestamp)[]' FILE`",
                )
            last_ns = at_ns
            yield TraceRow(
                at_ns=at_ns,
                prompt_tokens=line.prompt_tokens if line.input_length is None else line.input_length,
                output_tokens=line.output_tokens if line.output_length is None else line.output_length,
                blocks=line.hash_ids,
                line=number,
            )
    if first is None:
        raise textfiles.empty(path, "requests")


def _parsed(text: str, where: str) -> _Line:
    try:
        line = _decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(
            f"is no line of a trace: {error}",
            where=where,
            hint='write {"timestamp": SECONDS, "prompt_tokens": N, "output_tokens": N}',
        ) from error
    if (line.timestamp is None) == (line.at is None):
        what = "neither `timestamp` nor `at`" if line.at is None else "both `timestamp` and `at`"
        raise DataError(
            f"the request has {what}", where=where, hint="`timestamp` (or `at`) says when it came"
        )
    return line


def _since(first: _Line, line: _Line) -> int:
    """Return ns from the first request; whole numbers are exact, however large."""
    scale = _NS["ms" if first.in_ms else "s"]
    return round((_moment(line) - _moment(first)) * scale)


def _moment(line: _Line) -> int | float:
    moment = line.at if line.timestamp is None else line.timestamp
    assert moment is not None
    return moment
