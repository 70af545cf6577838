"""Split a server-sent event stream into payloads, each with the arrival of its last byte."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

import msgspec

_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")
_FRAME = len(b"data: \n\n")
_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """Events with data, in order.

    Attributes:
        payloads: the data of each event, lines joined by a newline.
        times: arrival of the byte that ended each event, same length.
        names: event names by index, for events that carry one.
        comments: how many events held nothing but comments or empty fields.
    """

    payloads: list[bytes]
    times: list[int]
    names: dict[int, str]
    comments: int = 0


def split_events(pieces: list[bytes], stamps: list[int]) -> Events:
    """Split body pieces into events; however the bytes were cut, the payloads are the same.

    A last event that lacks its blank line is kept: some servers end the stream that way.
    """
    body = b"".join(pieces)
    plain = _split_plain(body)
    sizes = list(map(len, pieces))
    if plain is not None:
        framed = [*map(_FRAME.__add__, map(len, plain))]
        # Nearly every server writes an event at a time, and then no moment has to be looked for.
        times = list(stamps) if framed == sizes else _times(accumulate(framed), sizes, stamps)
        return Events(payloads=plain, times=times, names={})
    blocks, stops = _split_any(body)
    payloads: list[bytes] = []
    kept: list[int] = []
    names: dict[int, str] = {}
    comments = 0
    for block, stop in zip(blocks, stops, strict=True):
        # A byte-order mark may stand before the stream, and is no part of its first field.
        payload, name = _fields(block if kept else block.removeprefix(_MARK))
        if payload is not None:
            if name:
                names[len(payloads)] = name
            payloads.append(payload)
            kept.append(stop)
        elif block:
            comments += 1
    return Events(payloads=payloads, times=_times(kept, sizes, stamps), names=names, comments=comments)


def _split_plain(body: bytes) -> list[bytes] | None:
    """Split a stream that is nothing but one-line `data: ` events; None for any other.

    Nearly every stream is of this form, and splitting it takes a tenth of the time.
    """
    if not body.startswith(b"data: ") or not body.endswith(b"\n\n") or b"\r" in body:
        return None
    payloads = body[6:-2].split(b"\n\ndata: ")
    return payloads if body.count(b"\n") == 2 * len(payloads) else None


def _times(stops: Iterable[int], sizes: list[int], stamps: list[int]) -> list[int]:
    """Return the stamp of the piece that holds the last byte before each stop."""
    ends = list(accumulate(sizes))
    last = len(ends) - 1
    return [stamps[min(bisect_left(ends, stop), last)] for stop in stops]


def _split_any(body: bytes) -> tuple[list[bytes], list[int]]:
    blocks: list[bytes] = []
    stops: list[int] = []
    start = 0
    for match in _BLANK_LINE.finditer(body):
        blocks.append(body[start : match.start()])
        stops.append(match.end())
        start = match.end()
    blocks.append(body[start:])
    stops.append(len(body))
    return blocks, stops


def _fields(block: bytes) -> tuple[bytes | None, str]:
    data: list[bytes] = []
    name = ""
    for line in _LINE_END.split(block):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return (b"\n".join(data) if data else None), name
