"""The answer is the reference, nothing more."""

import unicodedata

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected


class Exact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that equals the reference or one of its accepted forms.

    Both sides are brought to the same Unicode form first, so an accent may be written either way.

    Attributes:
        value: what to compare with; None for the reference, may hold `{{field}}` placeholders.
        ignore_case: upper and lower case are the same.
        ignore_punctuation: marks around words do not count; a sign or point of a number does.
        ignore_whitespace: white space around the text does not count, and a run of it is one blank.
        metric: the metric that it feeds.
    """

    value: str | None = None
    ignore_case: bool = False
    ignore_punctuation: bool = False
    ignore_whitespace: bool = True
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail; the whole answer is what was judged."""
        expected = _expected.expected(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        given = self._normal(answer)
        passed = any(given == self._normal(text) for text in expected.texts)
        verb = "is" if passed else "is not"
        return _expected.judged(
            passed=passed,
            parsed=given[:200],
            reason=f"the answer {_expected.shown(given)} {verb} {_expected.listed(expected.texts)}",
        )

    def _normal(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = " ".join(word for word in map(_bare, text.split(" ")) if word)
        return " ".join(text.split()) if self.ignore_whitespace else text


def _bare(word: str) -> str:
    """Return a word without the marks around it; `-3` and `.5` keep what makes them that number."""
    start, end = 0, len(word)
    while end > start and _is_mark(word[end - 1]):
        end -= 1
    while start < end and _is_mark(word[start]):
        if word[start] in "-\u2212." and start + 1 < end and word[start + 1].isdigit():
            break
        start += 1
    return word[start:end]


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("P") or character == "\u2212"
