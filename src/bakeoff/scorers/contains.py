"""The reference stands somewhere in the answer."""

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _words


class Contains(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that contains the reference or one of its accepted forms.

    An answer that names every option passes too; use `choice` or `exact` where that matters. A run of white
    space is one blank on both sides. promptfoo: `contains`, with `ignore_case: false` and
    `whole_words: false`.

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
            if _words.holds(text, self._folded(wanted), whole=self.whole_words):
                reason = f"the answer contains {_expected.shown(wanted)}"
                return _expected.judged(passed=True, parsed=wanted, reason=reason)
        reason = f"the answer {_expected.shown(answer)} does not contain {_expected.listed(expected.texts)}"
        return _expected.judged(passed=False, parsed=answer[:200], reason=reason)

    def _folded(self, text: str) -> str:
        text = " ".join(text.split())
        return text.casefold() if self.ignore_case else text
