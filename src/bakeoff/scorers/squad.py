"""Exact match and token F1 as the SQuAD benchmark computes them."""

import re
import string
from collections import Counter

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Share
from bakeoff.scorers import _expected, _ngrams

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_MARKS = str.maketrans("", "", string.punctuation)


class Em(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that is the reference after SQuAD's normalisation.

    Both sides are put in lower case, and lose ASCII punctuation, the words a, an and the, and white space
    beyond one blank between words.

    Attributes:
        value: one text or several; None for the reference and its accepted forms.
        metric: the metric that it feeds.
    """

    value: str | list[str] | None = None
    metric: str = "em"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        given = _words(answer)
        passed = any(given == _words(text) for text in expected.texts)
        verb = "is" if passed else "is not"
        reason = f"normalised, the answer {_expected.shown(answer)} {verb} {_expected.listed(expected.texts)}"
        return _expected.judged(passed=passed, parsed=" ".join(given)[:200], reason=reason)


class F1(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure the F1 of the words that answer and reference share, after SQuAD's normalisation.

    The normalisation is that of `em`; of several references the best counts. Where one side has no words
    left, the value is 1 if the other has none either, else 0.

    Attributes:
        value: one text or several; None for the reference and its accepted forms.
        threshold: passes from here on.
        metric: the metric that it feeds.
    """

    value: str | list[str] | None = None
    threshold: Share = 0.5
    metric: str = "f1"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return the F1 of the answer, and whether it reaches the threshold."""
        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        given = _words(answer)
        score = _ngrams.best(_f1(given, _words(text)) for text in expected.texts)
        passed = score >= self.threshold
        verb = "reaches" if passed else "is below"
        reason = f"F1 {score:.4f} {verb} {self.threshold:g}"
        return Grade(value=score, passed=passed, reason=reason, parsed=" ".join(given)[:200])


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_MARKS)).split()


def _f1(given: list[str], reference: list[str]) -> float:
    if not given or not reference:
        return float(given == reference)
    shared = (Counter(given) & Counter(reference)).total()
    return _ngrams.f_score(shared / len(given), shared / len(reference)) if shared else 0.0
