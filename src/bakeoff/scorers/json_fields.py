"""The fields of a JSON answer equal those expected."""

from collections.abc import Iterable
from typing import Annotated, Any, cast

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Share
from bakeoff.scorers import _expected, _json


class JsonFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure the share of expected fields that a JSON answer has with the right value.

    The answer is JSON as a whole, or the first JSON object in it counts, as in a code fence. What else it
    holds does not matter. An answer without a JSON object is unparsable.

    Attributes:
        value: expected values by the path of the field, such as `{"order.items.0.name": tea}`; None for the
            reference, a mapping, whose every innermost value is a field.
        threshold: passes from this share on.
        ignore_case: upper and lower case in texts are the same.
        tolerance: largest difference between numbers that counts as equal.
        metric: the metric that it feeds.
    """

    value: dict[str, Any] | None = None
    threshold: Share = 1.0
    ignore_case: bool = False
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=1e300)] = 0.0
    metric: str = "json_fields"

    def __post_init__(self) -> None:
        if self.value is not None and not self.value:
            raise ValueError("`value` names no field")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return the share of right fields, and whether it reaches the threshold."""
        wanted = self.value if self.value is not None else _leaves(_reference(case))
        if not wanted:
            return _expected.ungradable("the case has no reference with fields")
        found = _object(answer)
        if found is None:
            return _expected.unparsable(f"there is no JSON object in {_expected.shown(answer)}")
        wrong = [path for path, value in wanted.items() if not self._equal(_at(found, path), value)]
        share = 1 - len(wrong) / len(wanted)
        passed = share >= self.threshold
        reason = f"{len(wanted) - len(wrong)} of {len(wanted)} fields are right"
        if wrong:
            first = _at(found, wrong[0])
            said = "missing" if first is msgspec.UNSET else _json.shown(first)
            reason += f"; `{wrong[0][:80]}` is {said}, not {_json.shown(wanted[wrong[0]])}"
        return Grade(value=share, passed=passed, reason=reason, parsed=_json.shown(found))

    def _equal(self, given: object, wanted: object) -> bool:
        if given is msgspec.UNSET:
            return False
        if self.ignore_case and isinstance(given, str) and isinstance(wanted, str):
            return given.casefold() == wanted.casefold()
        numbers = (int, float)
        if (
            self.tolerance
            and isinstance(given, numbers)
            and isinstance(wanted, numbers)
            and not isinstance(given, bool)
            and not isinstance(wanted, bool)
        ):
            return abs(given - wanted) <= self.tolerance
        return _json.same(given, wanted)


def _reference(case: Case) -> object:
    reference: object = case.reference
    if isinstance(reference, str):
        try:
            return _json.parse(reference)
        except _json.NoJson:
            return None
    return reference


def _leaves(value: object, path: str = "") -> dict[str, Any]:
    """Return each innermost value of a mapping by its path; an empty mapping or list is a value itself."""
    items: Iterable[tuple[str, object]]
    if isinstance(value, dict) and value:
        items = cast("dict[str, object]", value).items()
    elif isinstance(value, list) and value and path:
        items = ((str(at), item) for at, item in enumerate(cast("list[object]", value)))
    else:
        return {path: value} if path else {}
    return {
        key: leaf
        for name, item in items
        for key, leaf in _leaves(item, f"{path}.{name}" if path else name).items()
    }


def _object(answer: str) -> object:
    try:
        found: object = _json.parse(answer)
    except _json.NoJson:
        found = None
    if isinstance(found, dict):
        return cast("dict[str, object]", found)
    return next(_json.objects(answer), None)


def _at(value: object, path: str) -> object:
    """Return what stands at a path, UNSET where there is nothing; a key with a point in it is found too."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if path in fields:
            return fields[path]
        head, _, rest = path.partition(".")
        return _at(fields[head], rest) if rest and head in fields else msgspec.UNSET
    if isinstance(value, list):
        items = cast("list[object]", value)
        head, _, rest = path.partition(".")
        if head.isdecimal() and len(head) < 10 and int(head) < len(items):
            return _at(items[int(head)], rest) if rest else items[int(head)]
    return msgspec.UNSET
