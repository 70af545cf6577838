"""The reference stands somewhere in the answer."""

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected

_FIRST_UNSPACED = 0x0E00
"""From Thai on, most scripts write no blanks between words, or join particles to them."""


class Contains(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that contains the reference or one of its accepted forms.

    An answer that names every option passes too; use `choice` or `exact` where that matters.

    Attributes:
        value: what to look for; None for the reference, may hold `{{field}}` placeholders.
        ignore_case: upper and lower case are the same.
        whole_words: `4` is not found in `14`, `4.5` or `-4`, nor `cat` in `category`.
        metric: the metric that it feeds.
    """

    value: str | None = None
    ignore_case: bool = True
    whole_words: bool = True
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail; what was judged is the text found, else the answer."""
        expected = _expected.expected(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        text = self._folded(answer)
        for wanted in expected.texts:
            if self._found(self._folded(wanted), text):
                reason = f"the answer contains {_expected.shown(wanted)}"
                return _expected.judged(passed=True, parsed=wanted, reason=reason)
        reason = f"the answer {_expected.shown(answer)} does not contain {_expected.listed(expected.texts)}"
        return _expected.judged(passed=False, parsed=answer[:200], reason=reason)

    def _folded(self, text: str) -> str:
        text = " ".join(text.split())
        return text.casefold() if self.ignore_case else text

    def _found(self, wanted: str, text: str) -> bool:
        at = text.find(wanted)
        while at >= 0:
            if not self.whole_words or _stands_alone(text, at, at + len(wanted)):
                return True
            at = text.find(wanted, at + 1)
        return False


def _stands_alone(text: str, start: int, end: int) -> bool:
    if start > 0 and (_joined(text[start - 1], text[start]) or _inside_number(text, start)):
        return False
    return end == len(text) or not (_joined(text[end - 1], text[end]) or _goes_on(text, end))


def _joined(left: str, right: str) -> bool:
    return all(c.isalnum() and ord(c) < _FIRST_UNSPACED for c in (left, right))


def _inside_number(text: str, start: int) -> bool:
    """Tell whether the digit at `start` has a sign or a decimal point before it."""
    if not text[start].isdigit():
        return False
    before = text[start - 2] if start > 1 else " "
    if text[start - 1] in ".,":
        return before.isdigit()
    return text[start - 1] in "-\u2212" and not before.isalnum()


def _goes_on(text: str, end: int) -> bool:
    """Tell whether the digit before `end` is followed by decimals."""
    return text[end - 1].isdigit() and text[end] in ".," and text[end + 1 : end + 2].isdigit()
