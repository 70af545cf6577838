"""Words and marks as the Penn Treebank splits them."""

import re

_TWO_WORDS = (
    "(can)(not)",
    "(d)('ye)",
    "(gim)(me)",
    "(gon)(na)",
    "(got)(ta)",
    "(lem)(me)",
    "(more)('n)",
    "(wan)(na)",
)
_CONTRACTED = re.compile("|".join(rf"\b{pair}\b" for pair in _TWO_WORDS), re.IGNORECASE)
_IT_IS = re.compile(r"(?<!\w)('t)(is|was)\b", re.IGNORECASE)
_QUOTE = re.compile(r"``|''|\"")
_OPENS = re.compile(r"[\s(\[{<]")
_LAST_STOP = re.compile(r"([^.\s])(\.)([\])}>'\s]*)$")
_ACRONYM = re.compile(r"\b[A-Za-z]\.[A-Za-z]$")
_MARKS = re.compile(r"\.\.\.|--|[;@#$%&?!\[\](){}<>]|[:,](?!\d)")
_CLITIC = re.compile(r"('(?:ll|re|ve|s|m|d)|n't)(?= )", re.IGNORECASE)
_CLOSING = re.compile(r"([^' ])' ")


def tokens(text: str) -> list[str]:
    """Split a text, taken as one sentence: words, marks, contractions (`do n't`), quotes (`` and '')."""
    text = " ".join(text.split())
    text = _quotes(text)
    stop = _LAST_STOP.search(text)
    if stop and not _ACRONYM.search(text[: stop.start() + 1]):
        text = f"{text[: stop.end(1)]} .{stop[3]} "
    text = f" {_MARKS.sub(lambda mark: f' {mark[0]} ', text)} "
    text = _CLOSING.sub(r"\1 ' ", text)
    text = _CLITIC.sub(r" \1", text)
    text = _CONTRACTED.sub(lambda pair: " ".join(filter(None, pair.groups())), text)
    return _IT_IS.sub(r"\1 \2", text).split()


def _quotes(text: str) -> str:
    """Write quotes as the Treebank does, by whether they open or close."""
    if '"' not in text and "''" not in text and "``" not in text:
        return text
    inside = False

    def side(quote: re.Match[str]) -> str:
        nonlocal inside
        before = text[quote.start() - 1] if quote.start() else " "
        inside = quote[0] == "``" or (not inside and bool(_OPENS.match(before)))
        return " `` " if inside else " '' "

    return _QUOTE.sub(side, text)
