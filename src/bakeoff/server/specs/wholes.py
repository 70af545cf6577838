"""Patterns of callers, made to take whole words and numbers only: no `C` out of CORRECT, no 1 out of 10."""

import re
from itertools import pairwise

import msgspec

# Letters of scripts that put spaces between words, the usual ones; others, such as Chinese, have no longer
# word to be part of. Short ranges: a pattern of all letters takes long to compile.
_WORD = (
    r"[0-9A-Za-z_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u052f\u05d0-\u05ea\u0620-\u064a\u066e-\u06d3"
    r"\u0904-\u0963\u0966-\u0dff]"
)
_LETTER = r"[^\W\d_]"
_NEAR = 100
_CHARACTER = r"[^\W_]"
_EDGE = (
    rf"(?!(?<={_WORD}){_WORD})"
    r"(?!(?<=\d)[.,]\d)(?!(?<=\d[.,])\d)"
    rf"(?!(?<={_LETTER})['\u2019-]{_LETTER})(?!(?<={_LETTER}['\u2019-]){_LETTER})"
)
"""Holds where no word and no number goes on: `don't`, `A-level` and `3.5` are one each."""
_SIGN = r"(?!(?<=(?<!\w)[-\u2212])\d)"
"""Holds where no number's minus stands before."""
_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)"
    r"|(?P<open>\((?:\?(?:P<\w+>|<?[=!]|P=|>|\(\w+\)|[aiLmsux]*(?:-[imsx]+)?:))?)|(?P<shut>\))",
    re.DOTALL,
)
_FLAGS = re.compile(r"\(\?[aiLmsux]+\)")
_AGAIN = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_BLANKS = r"(?:(?:\\s|[ ])(?:[*+?]|\{\d*,?\d*\})?[?+]?)?"
_BESIDE = re.compile(rf"({_BLANKS})(?:(\w|\\\.|,|-)|\((?:\?:)?(?=\w|(\\\.)))")


class _Group(msgspec.Struct, frozen=True):
    """Where a group stands in a pattern; `end` is after what repeats it."""

    start: int
    shut: int
    end: int


def whole(pattern: str) -> str:
    r"""Return a pattern whose captured text, or the match where it has no groups, is no part of a token.

    A token is a word or a number. What the pattern itself says of the neighbours of its group holds:
    `(\d+)pts` takes 5 out of `5pts`. A pattern that does not compile, or is verbose, stays as it is.
    """
    try:
        known = re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return pattern
    if known.flags & re.VERBOSE:
        return pattern
    made = _captured(pattern) if known.groups else _matched(pattern)
    try:
        return made if re.compile(made).groups == known.groups else pattern
    except re.error:
        return pattern


def _matched(pattern: str) -> str:
    flags = found[0] if (found := _FLAGS.match(pattern)) else ""
    return f"{flags}{_EDGE}{_SIGN}(?:{pattern.removeprefix(flags)}){_EDGE}"


def _captured(pattern: str) -> str:
    groups = _groups(pattern)
    places = [_Group(0, 0, 0), *groups, _Group(len(pattern), len(pattern), len(pattern))]
    parts: list[str] = []
    for before, group in pairwise(places):
        parts.append(pattern[before.end : group.start])
        if group.start < len(pattern):
            parts.append(_anchored(pattern, group))
    return "".join(parts)


def _anchored(pattern: str, group: _Group) -> str:
    text, again = pattern[group.start : group.shut], pattern[group.shut : group.end]
    # A word's own letter before the group says what stands there.
    said = re.fullmatch(r"[^\\]?\w", pattern[max(0, group.start - 2) : group.start]) is not None
    left = "" if said else _EDGE + _SIGN
    right = _right(pattern[group.end : group.end + _NEAR])
    # What repeats the group without end stays at it, so that its cost is seen as it is.
    if not again or again[0] in "*+" or ",}" in again:
        return f"{left}{text}{again}{right}"
    return f"(?:{left}{text}{right}){again}"


def _right(rest: str) -> str:
    """Return what must hold after a group: an edge, or what the pattern itself says to stand there."""
    found = _BESIDE.match(rest)
    if found is None or rest.startswith((r"\b", r"\B")):
        return _EDGE
    return f"(?:{_EDGE}|(?={found[1]}{found[2] or found[3] or _CHARACTER}))"


def _groups(pattern: str) -> list[_Group]:
    """Return the outermost capturing groups that are in no look to a side."""
    found: list[_Group] = []
    opened: list[tuple[int, bool]] = []
    for piece in _PIECE.finditer(pattern):
        opening = piece["open"]
        if opening is not None:
            inside = any(taken for _, taken in opened)
            opened.append((piece.start(), not inside and _stops(opening)))
        elif piece["shut"] is not None and opened:
            start, taken = opened.pop()
            if taken and _captures(pattern[start:]):
                again = _AGAIN.match(pattern, piece.end())
                found.append(_Group(start, piece.end(), piece.end() if again is None else again.end()))
    return found


def _stops(opening: str) -> bool:
    """Tell whether what is in a group is none of our groups: it captures, or looks to a side."""
    return opening == "(" or opening.startswith(("(?P<", "(?=", "(?!", "(?<"))


def _captures(text: str) -> bool:
    return not text.startswith("(?") or text.startswith("(?P<")
