"""Read a judge's verdict: the last well-formed one counts, and where there is none there is no verdict."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bakeoff.sandbox import find

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_WHOLE = re.compile(rf"[\s*_`\"'(\[]*({_NUMBER})(?:\s*/\s*({_NUMBER}))?[\s*_`\"')\].]*")
_SCORE = re.compile(
    rf"\b(?:score|rating|grade)\b[\"'*_`]*\s*(?:is\b|[:=])[\s\"'*_`\[(]*({_NUMBER})(?![\d.,]*\d)"
    rf"(?:\s*(?:/|out\s+of)\s*({_NUMBER}))?",
    re.IGNORECASE,
)
_PLAIN = re.compile(_NUMBER)
_DENIED = re.compile(r"(?:\bnot|n't|\bneither|\bnever)[ \t]+(?:\w+[ \t]+)?[\"'*_`(\[]*$", re.IGNORECASE)
_OPEN, _SHUT = r"[ \t>#*_`\"'(\[{-]*", r"[ \t*_`\"')\]}.!]*"
_NAMES = "label|verdict|answer|grade|judgement|judgment|result|category|choice"
_LEAD = rf"(?:[\w ]{{0,20}}(?:{_NAMES})[\w ]{{0,20}}[\"'*_`]*[ \t]*[:=]{_OPEN})?"
_MOST_CHARS = 20_000
_MOST_MATCHES = 50
_MOST_WORD = 200


class Bounds(msgspec.Struct, frozen=True):
    """What a score may be; None is no bound."""

    low: float | None
    high: float | None

    def hold(self, value: float) -> bool:
        """Tell whether a score is within."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def read_score(text: str, patterns: Sequence[re.Pattern[str]], bounds: Bounds) -> float | None:
    """Return the last well-formed score: a number within the bounds.

    Args:
        text: of the judge.
        patterns: the first that finds one counts; its first group that matched, else the whole match, is the
            number. Without any: `Score: 7`, `{"score": 7}`, `7/10` with the upper bound, or a bare number.
        bounds: of the scale.

    Raises:
        TooSlowError: a pattern takes too long on this text.
    """
    for pattern in patterns:
        for captured in _captures(pattern, text):
            value = _number(captured)
            if value is not None and bounds.hold(value):
                return value
    if patterns:
        return None
    bare = _WHOLE.fullmatch(text)
    matches: Iterable[re.Match[str]] = [bare] if bare else _SCORE.finditer(text)
    scores = [value for match in matches if (value := _on_scale(match, bounds)) is not None]
    return scores[-1] if scores else None


def read_label(text: str, patterns: Sequence[re.Pattern[str]], labels: Sequence[str]) -> str | None:
    """Return the last well-formed label.

    It stands as a whole word, spelled as it is, or alone on a line, however it is spelled. A label of one or
    two letters counts only alone on a line or marked, since `A` is also a word. Where the last one is denied,
    such as "not CORRECT", or shares its line with another one, there is no verdict.

    Args:
        text: of the judge.
        patterns: what they capture must be a label; the first that finds one counts.
        labels: that there are.

    Raises:
        TooSlowError: a pattern takes too long on this text.
    """
    known = {_plain(label): label for label in labels}
    for pattern in patterns:
        for captured in _captures(pattern, text):
            if _plain(captured) in known:
                return known[_plain(captured)]
    if patterns:
        return None
    places = [place for label in labels for place in _places(text, label)]
    # Of two labels that end at one place, the longer one is meant.
    last = max(places, key=lambda place: (place.end, place.end - place.start), default=None)
    if last is None:
        return None
    line = text.rfind("\n", 0, last.start) + 1
    beside = [place for place in places if place.label != last.label and line <= place.start < last.start]
    return None if beside or _DENIED.search(text[line : last.start]) else last.label


def read_word(text: str, patterns: Sequence[re.Pattern[str]]) -> str:
    """Return what the first of some patterns that is found captures last, when it is no number.

    Empty where none is found, or where what is captured is a number, such as one out of bounds.

    Raises:
        TooSlowError: a pattern takes too long on this text.
    """
    for pattern in patterns:
        for captured in _captures(pattern, text):
            if word := captured.strip()[:_MOST_WORD]:
                return "" if _number(word) is not None else word
    return ""


def _captures(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """Yield what a pattern captures, the last match first: its first group that matched, else all of it."""
    rest = text[-_MOST_CHARS:]
    for _ in range(_MOST_MATCHES):
        found = find(pattern, rest, how="last")
        if found is None or not found.text:
            return
        yield next((group for group in found.groups if group is not None), found.text)
        rest = rest[: rest.rindex(found.text)]


class _Place(msgspec.Struct, frozen=True):
    start: int
    end: int
    label: str


def _places(text: str, label: str) -> list[_Place]:
    word = r"[\s_-]+".join(map(re.escape, re.split(r"[\s_-]+", label.strip())))
    alone = re.compile(rf"^{_OPEN}{_LEAD}({word}){_SHUT}$", re.IGNORECASE | re.MULTILINE)
    short = len(label.strip()) < 3
    marked = rf"(?:[\"'`\[(]|\*\*)({word})(?:[\"'`\])]|\*\*)|^\s*({word})\s*[:)]" if short else rf"({word})"
    inside = re.compile(marked if short else rf"(?<![\w-]){marked}(?![\w-])", re.MULTILINE)
    found: list[_Place] = []
    for pattern in (alone, inside):
        for match in pattern.finditer(text):
            group = next(number for number, value in enumerate(match.groups(), 1) if value is not None)
            found.append(_Place(match.start(group), match.end(group), label))
    return found


def _on_scale(match: re.Match[str], bounds: Bounds) -> float | None:
    """Return a score that was found, unless it is off the scale, or names another one."""
    value = float(match[1])
    other = None not in {match[2], bounds.high} and float(match[2]) != bounds.high
    return None if other or not bounds.hold(value) else value


def _number(text: str) -> float | None:
    plain = text.strip()
    return float(plain) if _PLAIN.fullmatch(plain) else None


def _plain(label: str) -> str:
    return re.sub(r"[\s_-]+", " ", label.strip()).casefold()
