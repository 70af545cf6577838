"""The answer is JSON, or holds JSON; on request of a given schema."""

from typing import Any

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _json, _schema


class IsJson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that is one JSON text and, with `value`, fits that JSON schema.

    JSON is read strictly: no comments, no comma at the end, no NaN, no code fence around it.
    promptfoo: `is-json`; it also refuses a schema with words that JSON schema does not know.
    Schemas without `$schema` are read as draft 7; `format` is checked where a checker is installed.
    A `$ref` outside the schema is never fetched, and leaves the case without a grade.

    Attributes:
        value: a JSON schema, as a mapping or as YAML or JSON text; None for any JSON.
        metric: the metric that it feeds.
    """

    value: Any = None
    metric: str = "is_json"

    def __post_init__(self) -> None:
        if self.value:
            _schema.check(self.value, "is-json")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        try:
            found = _json.parse(answer)
        except _json.NoJson as error:
            return _failed(answer, f"the answer {_expected.shown(answer)} is no JSON: {error}")
        if not self.value:
            return _passed(answer, "the answer is JSON")
        refused = _schema.refusal(found, _schema.text_of(self.value))
        if refused is None:
            return _passed(answer, "the answer is JSON of the schema")
        if refused.broken:
            return _expected.ungradable(refused.reason)
        return _failed(answer, f"the answer is JSON, but not of the schema: {refused.reason}")


class ContainsJson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that holds a JSON object and, with `value`, one that fits that JSON schema.

    The object may stand in a sentence or a code fence. It is read strictly, so `{name}` in a sentence is
    none; promptfoo's `contains-json` reads what stands in braces as YAML, which takes that for an object,
    and closes braces that are still open at the end.

    Attributes:
        value: a JSON schema, as for `is-json`; None for any object.
        metric: the metric that it feeds.
    """

    value: Any = None
    metric: str = "contains_json"

    def __post_init__(self) -> None:
        if self.value:
            _schema.check(self.value, "contains-json")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        schema = _schema.text_of(self.value) if self.value else None
        reason = f"there is no JSON object in {_expected.shown(answer)}"
        for found in _json.objects(answer):
            if schema is None:
                return _passed(answer, f"the answer contains the JSON object {_json.shown(found)}")
            refused = _schema.refusal(found, schema)
            if refused is None:
                return _passed(answer, f"the answer contains JSON of the schema: {_json.shown(found)}")
            if refused.broken:
                return _expected.ungradable(refused.reason)
            reason = f"the JSON in the answer is not of the schema: {refused.reason}"
        return _failed(answer, reason)


def _passed(answer: str, reason: str) -> Grade:
    return _expected.judged(passed=True, parsed=answer[:200], reason=reason)


def _failed(answer: str, reason: str) -> Grade:
    return _expected.judged(passed=False, parsed=answer[:200], reason=reason)
