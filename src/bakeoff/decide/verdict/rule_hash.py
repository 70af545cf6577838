"""The hash that names a decision rule, so that a rule changed after the numbers were seen is noticed."""

import hashlib
from decimal import Decimal
from typing import Any, cast

import msgspec

from bakeoff.records.rule import DecideSpec, RaceRule

_ENCODER = msgspec.json.Encoder(order="deterministic")


def rule_hash(rule: DecideSpec) -> str:
    """Return the sha256 of the rule's canonical JSON.

    What a rule does not ask for is left out, so it keeps its hash when rules learn to ask for more; two ways
    to write one amount, or one race, are the same.
    """
    if rule.race is True:
        rule = msgspec.structs.replace(rule, race=RaceRule())
    plain = msgspec.to_builtins(rule, builtin_types=(Decimal,))
    return hashlib.sha256(_ENCODER.encode(_said(plain))).hexdigest()


def _said(value: Any) -> Any:  # noqa: ANN401  any plain value
    """Return a value without the fields that ask for nothing, amounts in one form."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, dict):
        kept = {key: _said(each) for key, each in cast("dict[str, Any]", value).items()}
        return {
            key: each for key, each in kept.items() if each is not None and each is not False and each != {}
        }
    if isinstance(value, list | tuple):
        return [_said(each) for each in cast("list[Any]", value)] or None
    return value
