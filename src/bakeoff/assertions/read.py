"""Read assertions: mappings of a file become checks, or are refused by name and place."""

import inspect
import math
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff import plugins
from bakeoff.assertions import kinds
from bakeoff.assertions.nodes import Check, CheckSet
from bakeoff.assertions.transform import Transform, read_transform
from bakeoff.errors import PluginError
from bakeoff.sandbox import FILE

_UNREAD = object()
_DEPTH = 8
_MOST_BYTES = 10_000_000
_SCRIPTED = frozenset({"python", "javascript"})
_OWN_KEYS = frozenset({"type", "weight", "metric", "transform", "allow_code", "base"})
_SET_KEYS = frozenset({"type", "assert", "weight", "metric", "threshold"})


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How assertions are read.

    Attributes:
        allow_code: they may run code.
        base: where their relative paths start; empty while that is not known: then no file is opened.
    """

    allow_code: bool = False
    base: str = ""


def read_set(items: object, way: Way, threshold: object = None) -> CheckSet:
    """Return the assertions of a list as one set.

    Raises:
        PluginError: the first mistake, with its place in the list.
    """
    bound = _number(threshold, "threshold") if threshold is not None else None
    return CheckSet(members=_members(items, way, "assert", 0), threshold=bound)


def with_content(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return a scorer's options with the content of the file that its `value` names; a script keeps the name.

    Raises:
        PluginError: the file cannot be read.
    """
    value = options.get("value")
    if kind in _SCRIPTED or not isinstance(value, str) or not value.startswith(FILE):
        return options
    return options | {"value": _content(value, "")}


def is_slow(scorer: object) -> bool:
    """Tell whether a scorer's grade has to be waited for."""
    return inspect.iscoroutinefunction(getattr(scorer, "grade", None))


def _members(items: object, way: Way, place: str, depth: int) -> tuple[Check | CheckSet, ...]:
    if not isinstance(items, list):
        raise PluginError(
            f"`{place}` must be a list of assertions", hint="such as `[{type: contains, value: x}]`"
        )
    found: list[Check | CheckSet] = []
    for at, item in enumerate(cast("list[object]", items)):
        where = f"{place}[{at}]"
        try:
            found.append(_node(item, way, where, depth))
        except PluginError as error:
            inner = error.message.startswith(f"{place}[")
            raise PluginError(
                error.message if inner else f"{where}: {error.message}", hint=error.hint
            ) from error
    return tuple(found)


def _node(item: object, way: Way, where: str, depth: int) -> Check | CheckSet:
    if not isinstance(item, dict) or not isinstance(cast("dict[str, Any]", item).get("type"), str):
        raise PluginError("an assertion needs a `type`", hint="such as `{type: contains, value: text}`")
    given = {key: value for key, value in cast("dict[str, Any]", item).items() if value is not None}
    for key in ("allow_code", "base"):
        if key in given:
            raise PluginError(f"an assertion has no `{key}`", hint="say it of the scorer that holds the list")
    if given["type"] not in kinds.SETS:
        return _check(given, way)
    if depth >= _DEPTH:
        raise PluginError("sets stand in sets too often")
    for key in given:
        if key not in _SET_KEYS:
            hint = f"`assert-set` takes: {', '.join(sorted(_SET_KEYS))}"
            raise PluginError(f"`assert-set` has no `{key}`.{plugins.suggest(key, _SET_KEYS)}", hint=hint)
    return CheckSet(
        members=_members(given.get("assert"), way, f"{where}.assert", depth + 1),
        weight=_weight(given),
        metric=_metric(given),
        threshold=_number(given["threshold"], "threshold") if "threshold" in given else None,
    )


def _check(given: dict[str, Any], way: Way) -> Check:
    kinds.check_kind(given["type"])
    kind, negated = kinds.bare(given["type"])
    if kind in kinds.SETS:
        raise PluginError("there is no `not-assert-set`", hint="negate the assertions in it")
    options = {key: value for key, value in given.items() if key not in _OWN_KEYS}
    value = options.get("value")
    if kind not in _SCRIPTED and isinstance(value, str) and value.startswith(FILE):
        options["value"] = _content(value, way.base) if way.base else _UNREAD
    name, options = kinds.as_scorer(kind, options)
    unread = options.get("value") is _UNREAD
    made = None if unread else plugins.create("scorers", name, options | _permitted(name, way))
    return Check(
        kind=kind,
        scorer=made,
        slow=is_slow(made),
        negated=negated,
        weight=_weight(given),
        metric=_metric(given),
        transform=read_transform_of(given, way),
    )


def _permitted(name: str, way: Way) -> dict[str, Any]:
    """Return what the scorer that holds the list says for its members, where they take it."""
    fields = {field.encode_name for field in msgspec.structs.fields(plugins.load("scorers", name))}
    whole: dict[str, Any] = {"allow_code": way.allow_code, "base": way.base}
    return {key: value for key, value in whole.items() if key in fields}


def _content(value: str, base: str) -> Any:  # noqa: ANN401  whatever the file holds
    """Return what a file with the value of an assertion holds."""
    path = Path(base) / Path(value.removeprefix(FILE)).expanduser()
    suffix = path.suffix.lower()
    if suffix in {".py", ".js", ".cjs", ".mjs", ".ts", ".rb"}:
        raise PluginError(
            f"`{value}` computes a value, which is not available in this version",
            hint="write the value down, or use a `python` or `javascript` assertion",
        )
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise PluginError(f"`{value}` is too large for the value of an assertion")
        text = path.read_text(encoding="utf-8-sig")
        if suffix == ".json":
            return msgspec.json.decode(text)
        return msgspec.yaml.decode(text) if suffix in {".yaml", ".yml"} else text.rstrip("\n")
    except (OSError, UnicodeError, msgspec.DecodeError) as error:
        raise PluginError(f"the file `{path}` cannot be read: {error}") from error


def read_transform_of(given: dict[str, Any], way: Way) -> Transform | None:
    """Return the transform among the keys of an assertion, or None where there is none.

    Raises:
        PluginError: it is no text, or code that nobody allowed.
    """
    text = given.get("transform")
    if text is None:
        return None
    if not isinstance(text, str) or not text.strip():
        raise PluginError("`transform` must be a text", hint="such as `output.trim()` or `file://clean.py`")
    try:
        return read_transform(text, way.base, allow_code=way.allow_code)
    except ValueError as error:
        raise PluginError(str(error)) from error


def _metric(given: dict[str, Any]) -> str:
    metric = given.get("metric", "")
    if not isinstance(metric, str):
        raise PluginError("`metric` must be a text")
    return metric.strip()


def _weight(given: dict[str, Any]) -> float:
    weight = _number(given.get("weight", 1.0), "weight")
    if weight < 0:
        raise PluginError("`weight` must not be below 0")
    return weight


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PluginError(f"`{name}` must be a number")
    return float(value)
