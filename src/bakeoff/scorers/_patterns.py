"""Regular expressions from users: compile them early, refuse those that can take for ever."""

import re
from functools import lru_cache

from bakeoff.sandbox import TooSlowError, find

_GROUP = re.compile(r"\((?:\?:|\?P<\w+>)?([^()]*)\)([*+]\+?|\{\d*,\}\+?)?")
_MOST_CHARS = 20_000
_TOKEN = re.compile(r"[^*+?{}]([*+?]|\{\d*,?\d*\})?([?+])?")


def check(pattern: str) -> re.Pattern[str]:
    """Compile a pattern.

    Raises:
        ValueError: it does not compile, or repeats a repeat.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        at = getattr(error, "pos", None)
        where = "" if at is None else f" at character {at + 1}"
        message = getattr(error, "msg", "") or str(error)
        raise ValueError(f"`{pattern}` is no regular expression: {message}{where}") from error
    if repeats_a_repeat(pattern):
        raise ValueError(f"`{pattern}` repeats a repeat, such as (a+)+, which can take for ever")
    return compiled


def first(pattern: str, text: str) -> str | None:
    """Return the first group of a pattern where it is found first, or the match where it has no groups."""
    return _taken(pattern, text, "first")


def last(pattern: str, text: str) -> str | None:
    """Return the first group of a pattern where it is found last, or the match where it has no groups."""
    return _taken(pattern, text, "last")


def _taken(pattern: str, text: str, how: str) -> str | None:
    """Look through the end of a text; a search that takes too long finds nothing."""
    compiled = _compiled(pattern)
    group = 1 if compiled.groups else 0
    try:
        found = find(compiled, text[-_MOST_CHARS:], how=how, group=group)
    except TooSlowError:
        return None
    return None if found is None else found.group(group)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def repeats_a_repeat(pattern: str) -> bool:
    """Tell whether an unbounded group can split the same text in many ways between its own repeats.

    That is so where a branch of it has an unbounded repeat and at most one part that must be there.
    Groups are looked at from the inside out, on a pattern with every escape and set cut to one letter.
    """
    text = re.sub(r"\[\^?\]?[^\]]*\]", "a", re.sub(r"\\.", "a", pattern))
    while group := _GROUP.search(text):
        body, repeat = group[1], group[2] or ""
        unbounded = bool(repeat) and not repeat.endswith(("++", "*+", "}+"))
        if unbounded and any(map(_ambiguous, body.split("|"))):
            return True
        inner = body if not repeat and "|" not in body else "a" + repeat
        text = text[: group.start()] + inner + text[group.end() :]
    return False


def _ambiguous(branch: str) -> bool:
    repeats = [(token[1] or "", token[2]) for token in _TOKEN.finditer(branch)]
    unbounded = [
        count for count, suffix in repeats if suffix != "+" and (count in {"*", "+"} or ",}" in count)
    ]
    needed = [count for count, _ in repeats if count not in {"*", "?"} and not count.startswith(("{0", "{,"))]
    return bool(unbounded) and len(needed) <= 1
