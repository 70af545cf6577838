"""The answer is the reference but for a few letters."""

from typing import Annotated

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _extra


class Levenshtein(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that becomes the reference by at most `threshold` edits of one character each.

    An edit inserts, deletes or replaces a character, as Unicode counts them. promptfoo: `levenshtein`,
    where a character outside of the basic plane, such as an emoji, counts as two.

    Attributes:
        value: one text or several, of which the nearest counts; None for the reference and its accepted
            forms.
        threshold: the most edits that pass.
        metric: the metric that it feeds.
    """

    value: str | list[str] | None = None
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 5
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)
        _extra.require("rapidfuzz", "levenshtein")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        from rapidfuzz.distance import Levenshtein as Distance  # noqa: PLC0415  an extra

        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        # Beyond the limit the exact number is not worth its price: it grows with the product of the lengths.
        limit = int(self.threshold)
        edits = min(Distance.distance(answer, text, score_cutoff=limit) for text in expected.texts)
        passed = edits <= limit
        count = f"{edits}" if passed else f"more than {limit}"
        reason = (
            f"the answer {_expected.shown(answer)} is {count} edits from {_expected.listed(expected.texts)}"
        )
        return _expected.judged(passed=passed, parsed=answer[:200], reason=reason)
