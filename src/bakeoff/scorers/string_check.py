"""Answer and text compared as NeMo Evaluator's `string-check` does: as they stand, either on either side."""

from collections.abc import Callable
from typing import Literal

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected

Operation = Literal["equals", "not equals", "contains", "not contains", "startswith", "endswith"]
_HOLDS: dict[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "contains": str.__contains__,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_CHANGES: dict[str, Callable[[str], str]] = {"trim": str.strip, "lower": str.lower, "upper": str.upper}


class StringCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that stands in a relation to a text, character for character.

    Attributes:
        operation: `answer OPERATION value`.
        value: the text; None for the reference or one of its accepted forms, may hold `{{field}}`
            placeholders. Of several forms one is enough, and with `not` all must hold.
        swapped: ask for `value OPERATION answer`.
        changes: what is done to the answer first, in this order.
        metric: the metric that it feeds.
    """

    operation: Operation
    value: str | None = None
    swapped: bool = False
    changes: tuple[Literal["trim", "lower", "upper"], ...] = ()
    metric: str = "string_check"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        expected = _expected.expected(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        for change in self.changes:
            answer = _CHANGES[change](answer)
        holds = _HOLDS[self.operation.removeprefix("not ")]
        found = any(holds(*((text, answer) if self.swapped else (answer, text))) for text in expected.texts)
        passed = found is not self.operation.startswith("not ")
        sides = (_expected.listed(expected.texts), _expected.shown(answer))
        left, right = sides if self.swapped else sides[::-1]
        reason = f"{'true' if passed else 'false'}: {left} {self.operation} {right}"
        return _expected.judged(passed=passed, parsed=answer[:200], reason=reason)
