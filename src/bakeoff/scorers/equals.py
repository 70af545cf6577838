"""The answer equals a text, or as JSON a value."""

from typing import Any

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _json


class Equals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that is the value, character for character.

    A mapping or a list is compared as JSON: the answer must be a JSON text of the same value, in any
    order of keys and with any white space. Numbers and truth values are compared as they are written.
    promptfoo: `equals`. Use `exact` to forgive white space, case or punctuation.

    Attributes:
        value: text, number, mapping or list; None for the reference, or one of its accepted forms.
            A text may hold `{{field}}` placeholders.
        metric: the metric that it feeds.
    """

    value: Any = None
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        if isinstance(self.value, str):
            _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail; the whole answer is what was judged."""
        value: Any = case.reference if self.value is None else self.value
        if isinstance(value, dict | list):
            return self._as_json(answer, value)
        if self.value is None or isinstance(self.value, str):
            expected = _expected.expected(self.value, case)
        else:
            expected = _expected.Expected((_json.written(self.value),))
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        passed = answer in expected.texts or (
            self.value is None and answer == _json.written(case.reference)
        )  # fmt: skip
        verb = "equals" if passed else "does not equal"
        return _expected.judged(
            passed=passed,
            parsed=answer[:200],
            reason=f"the answer {_expected.shown(answer)} {verb} {_expected.listed(expected.texts)}",
        )

    @staticmethod
    def _as_json(answer: str, value: Any) -> Grade:  # noqa: ANN401  any JSON value
        try:
            passed = _json.same(_json.parse(answer), value)
        except _json.NoJson as error:
            reason = f"the answer {_expected.shown(answer)} is no JSON: {error}"
            return _expected.judged(passed=False, parsed=answer[:200], reason=reason)
        verb = "equals" if passed else "does not equal"
        reason = f"as JSON the answer {_expected.shown(answer)} {verb} {_json.shown(value)}"
        return _expected.judged(passed=passed, parsed=answer[:200], reason=reason)
