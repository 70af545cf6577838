"""Regular expressions of users on answers of models, with a limit on the time that they take.

Python's `re` looks for signals while it searches, so a timer of processor time can end a search in the main
thread. In other threads, which get no signals, a search that could be slow runs in a process.
"""

import re
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType

import msgspec

from bakeoff.sandbox.worker import Limits, once

_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")
_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_GROUP_REPEATED = re.compile(r"\)(?:[*+]|\{\d*,\})")
_BACKWARDS = re.compile(r"\\[1-9]|\(\?P=")


class TooSlowError(Exception):
    """A search was ended because it took too long; always caught by who asked for the search."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A match: its text, and that of its groups by number and by name."""

    text: str
    groups: list[str | None] = []
    names: dict[str, str | None] = {}

    def group(self, key: int | str) -> str | None:
        """Return the text of a group; 0 is the match."""
        if isinstance(key, str):
            return self.names[key]
        return self.groups[key - 1] if key else self.text


def find(
    pattern: re.Pattern[str], text: str, *, how: str = "first", group: int | str = 0, seconds: float = 1.0
) -> Found | None:
    """Search in a text.

    Args:
        pattern: to search for.
        text: to search in.
        how: "first", "last" (in which `group` took part) or "full".
        group: see `how`.
        seconds: of processor time.

    Raises:
        TooSlowError: it took longer.
    """
    if not slow_at_worst(pattern.pattern):
        return _found(_search(pattern, text, how, group))
    if threading.current_thread() is threading.main_thread():
        with _timer(seconds):
            return _found(_search(pattern, text, how, group))
    return _find_outside(pattern, text, how, group, seconds)


@lru_cache(maxsize=1024)
def slow_at_worst(pattern: str) -> bool:
    """Tell whether a pattern can be slow: it has two unbounded repeats, one of a group, or a look back."""
    if _BACKWARDS.search(pattern):
        return True
    bare = _LITERAL.sub("x", pattern)
    return _GROUP_REPEATED.search(bare) is not None or len(_UNBOUNDED.findall(bare)) > 1


def _search(pattern: re.Pattern[str], text: str, how: str, group: int | str) -> re.Match[str] | None:
    if how == "full":
        return pattern.fullmatch(text)
    if how == "first":
        return pattern.search(text)
    last = None
    for match in pattern.finditer(text):
        last = match if match[group] is not None else last
    return last


def _found(match: re.Match[str] | None) -> Found | None:
    if match is None:
        return None
    return Found(text=match[0], groups=list(match.groups()), names=match.groupdict())


@contextmanager
def _timer(seconds: float) -> Generator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _find_outside(
    pattern: re.Pattern[str], text: str, how: str, group: int | str, seconds: float
) -> Found | None:
    job = {
        "kind": "search",
        "pattern": pattern.pattern,
        "flags": pattern.flags,
        "text": text,
        "how": how,
        "group": group,
    }
    # Time on the wall here: others may need the processor too.
    reply = once(job, Limits(seconds=seconds * 10, output_bytes=max(1 << 20, 8 * len(text))))
    if reply.outcome != "ok":
        raise TooSlowError
    if reply.value is None:
        return None
    whole, groups, names = reply.value
    return Found(text=whole, groups=groups, names=names)
