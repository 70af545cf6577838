"""Structured logs: one JSON object a line on stderr."""

import sys

import msgspec

from bakeoff.server.times import iso, now_us


def log(event: str, **facts: object) -> None:
    """Write one line; facts must not hold secrets."""
    line = msgspec.json.encode({"at": iso(now_us()), "event": event, **facts})
    sys.stderr.buffer.write(line + b"\n")
    sys.stderr.buffer.flush()
