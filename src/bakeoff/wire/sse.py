"""Split a server-sent event stream into payloads, each with the arrival of its last byte."""

import re
from itertools import accumulate

import msgspec

_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")
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
    ends = list(accumulate(map(len, pieces)))
    if b"\r" in body:
        blocks, stops = _split_any(body)
    else:
        blocks = body.split(b"\n\n")
        stops = list(accumulate(len(block) + 2 for block in blocks))
    payloads: list[bytes] = []
    times: list[int] = []
    names: dict[int, str] = {}
    comments = 0
    at = 0
    last = len(ends) - 1
    for block, stop in zip(blocks, stops, strict=True):
        if not block:
            continue
        if block.startswith(b"data: ") and b"\n" not in block and b"\r" not in block:
            payload: bytes | None = block[6:]
        else:
            payload, name = _fields(block)
            if payload is not None and name:
                names[len(payloads)] = name
        if payload is None:
            comments += 1
            continue
        while at < last and ends[at] < stop:
            at += 1
        payloads.append(payload)
        times.append(stamps[at])
    return Events(payloads=payloads, times=times, names=names, comments=comments)


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
