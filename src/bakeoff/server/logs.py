"""Structured logs: one JSON object a line on stderr."""

import logging
import sys
import traceback

import msgspec

from bakeoff.server.times import iso, now_us

_MOST_TRACE = 5_000


def log(event: str, **facts: object) -> None:
    """Write one line; facts must not hold secrets."""
    line = msgspec.json.encode({"at": iso(now_us()), "event": event, **facts})
    sys.stderr.buffer.write(line + b"\n")
    sys.stderr.buffer.flush()


class _Lines(logging.Handler):
    """Writes what a library says as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        facts: dict[str, object] = {"level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info is not None and record.exc_info[0] is not None:
            facts["traceback"] = "".join(traceback.format_exception(*record.exc_info))[-_MOST_TRACE:]
        log("server", **facts)


def take_over(library: str) -> logging.Logger:
    """Have the warnings of a library written as lines of ours, and return its logger."""
    logger = logging.getLogger(library)
    logger.handlers = [_Lines(logging.WARNING)]
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    return logger
