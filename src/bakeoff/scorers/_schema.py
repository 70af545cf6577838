"""Check a value against a JSON schema, without ever fetching one and without slow corners."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

import msgspec
import yaml

from bakeoff.sandbox import TooSlowError, find
from bakeoff.scorers import _extra, _json, _patterns


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a value does not fit a schema; `broken` where it is the schema's own fault."""

    reason: str
    broken: bool = False


def check(schema: Any, scorer: str) -> None:  # noqa: ANN401  a mapping, a truth value or YAML text
    """Refuse what is no JSON schema.

    Raises:
        ValueError: it is no JSON schema, or holds a pattern that can take for ever.
        PluginError: `jsonschema` is not installed.
    """
    _extra.require("jsonschema", scorer)
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415  an extra

    text = text_of(schema)
    for pattern in _patterns_in(_json.parse(text)):
        _patterns.check(pattern)
    try:
        validator = _validator(text)
        validator.check_schema(validator.schema)
    except SchemaError as error:
        raise ValueError(f"the schema is no JSON schema: {error.message[:200]}") from error


@lru_cache(maxsize=256)
def fault(text: str) -> str:
    """Return why a schema in the form of `text_of` is none, or an empty text."""
    try:
        check(_json.parse(text), "")
    except ValueError as error:
        return str(error)
    return ""


def text_of(schema: Any) -> str:  # noqa: ANN401  as for `check`
    """Return a schema as JSON text, by which it is known.

    Raises:
        ValueError: it cannot be a schema.
    """
    if isinstance(schema, str):
        return _from_yaml(schema)
    if not isinstance(schema, dict | bool):
        raise ValueError("a JSON schema is a mapping")  # noqa: TRY004  msgspec and the reader tell ValueErrors
    try:
        return _json.canonical(cast("object", schema))
    except RecursionError as error:
        raise ValueError("the schema is nested too deeply") from error


@lru_cache(maxsize=64)
def _from_yaml(text: str) -> str:
    try:
        found: object = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("the schema is neither JSON nor YAML") from error
    if isinstance(found, str):
        raise ValueError("the schema is a text, not a mapping")  # noqa: TRY004  as above
    return text_of(found)


def refusal(value: Any, schema: str) -> Refusal | None:  # noqa: ANN401  any JSON value
    """Return why a value does not fit a schema in the form of `text_of`, or None where it fits."""
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  comes with an extra

    try:
        first = next(iter(_validator(schema).iter_errors(value)), None)
    except Unresolvable as error:
        return Refusal(reason=f"the schema refers to what is not in it: {error}"[:300], broken=True)
    except RecursionError:
        return Refusal(reason="it is nested too deeply for the schema")
    except TooSlowError:
        return Refusal(reason="a pattern of the schema took too long on it")
    if first is None:
        return None
    message = str(first.message).encode("utf-8", "replace").decode()
    return Refusal(reason=f"{str(first.json_path)[:100]}: {message[:200]}")


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:  # noqa: ANN401  of the draft that the schema names
    from jsonschema import Draft7Validator, FormatChecker, validators  # noqa: PLC0415  an extra
    from referencing.jsonschema import EMPTY_REGISTRY  # noqa: PLC0415  comes with it

    parsed: Any = _json.parse(schema)
    draft: Any = validators.validator_for(parsed, default=Draft7Validator)
    extend: Any = cast("Any", validators).extend
    quick: Any = extend(draft, {"uniqueItems": _unique, "pattern": _matches})
    # With a registry of its own a validator never asks the network for a schema.
    return quick(parsed, registry=EMPTY_REGISTRY, format_checker=FormatChecker())


def _unique(validator: Any, wanted: object, items: object, _schema: object) -> Iterator[Any]:  # noqa: ANN401
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415  an extra

    if wanted and validator.is_type(items, "array"):
        each = cast("list[object]", items)
        if len(set(map(_json.canonical, each))) != len(each):
            yield ValidationError("the items are not unique")


def _matches(validator: Any, pattern: str, text: object, _schema: object) -> Iterator[Any]:  # noqa: ANN401
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415  an extra

    if validator.is_type(text, "string") and find(re.compile(pattern), cast("str", text)) is None:
        yield ValidationError(f"a text does not match {pattern!r}")


def _patterns_in(schema: object) -> Iterator[str]:
    """Yield all regular expressions of a schema."""
    if isinstance(schema, dict):
        mapping = cast("dict[str, object]", schema)
        if isinstance(mapping.get("pattern"), str):
            yield cast("str", mapping["pattern"])
        if isinstance(mapping.get("patternProperties"), dict):
            yield from cast("dict[str, object]", mapping["patternProperties"])
        for inner in mapping.values():
            yield from _patterns_in(inner)
    elif isinstance(schema, list):
        for inner in cast("list[object]", schema):
            yield from _patterns_in(inner)
