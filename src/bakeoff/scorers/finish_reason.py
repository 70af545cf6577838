"""Why the model stopped."""

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected


class FinishReason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that ended for the reason asked for, in upper or lower case.

    Where the server gave no reason, the answer has no grade (in promptfoo it fails). Mind that only whole
    answers are graded: one that ended for `length` or `content_filter` is `truncated` or `filtered`, and
    counted as that. promptfoo: `finish-reason`.

    Attributes:
        value: the reason, such as `stop` or `tool_calls`; may hold `{{field}}` placeholders.
        metric: the metric that it feeds.
    """

    value: str
    metric: str = "finish_reason"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the sample is enough
        """Return pass or fail."""
        expected = _expected.expected(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        given = sample.finish_reason
        if not given:
            return _expected.unknown("the server gave no finish reason")
        passed = given.lower() in {text.lower() for text in expected.texts}
        verb = "is" if passed else "is not"
        reason = f"the finish reason {_expected.shown(given)} {verb} {_expected.listed(expected.texts)}"
        return _expected.judged(passed=passed, parsed=given[:200], reason=reason)
