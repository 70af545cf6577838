"""Where English sentences end, by rules of thumb: no model, no list to download."""

import re

_END = re.compile(r"[.!?\u2026]++[\"'\u2019\u201d)\]*_]*+(?=\s)")
_SHORT = frozenset({
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "gen", "col", "sgt", "capt", "lt", "rev", "hon",
    "vs", "etc", "e.g", "i.e", "eg", "ie", "al", "fig", "no", "vol", "pp", "inc", "ltd", "co", "corp",
    "dept", "est", "approx", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov",
    "dec",
})  # fmt: skip


def split(text: str) -> list[str]:
    """Return the sentences of a text.

    A sentence ends at `.`, `!` or `?` with the quotes and brackets behind, before white space; not after an
    abbreviation, a single letter or a list number, nor before a small letter.
    """
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        following = text[end.end() : end.end() + 64].lstrip()
        word = text[max(start, end.start() - 24) : end.start()].rsplit(None, 1)[-1:]
        if following[:1].islower() or (end[0] == "." and word and _continues(word[0])):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def _continues(word: str) -> bool:
    bare = word.strip("\"'([*_").lower()
    return bare in _SHORT or (len(bare) == 1 and bare.isalnum()) or (bare.isdecimal() and len(bare) < 3)
