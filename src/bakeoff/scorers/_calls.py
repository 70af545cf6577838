"""The tool calls of an answer: those the server reported, else those that its text spells as JSON."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from bakeoff.records import Case, Sample
from bakeoff.scorers import _json, _schema

_MOST = 256
_ARGUMENTS = ("arguments", "args", "input", "parameters")


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call; `problem` says why its arguments cannot be read.

    Attributes:
        name: of the tool.
        arguments: by name.
        problem: empty where the arguments are a JSON object.
        worded: the arguments came as JSON text, as OpenAI sends them.
    """

    name: str
    arguments: dict[str, Any]
    problem: str = ""
    worded: bool = False


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """The tools of a case: the schema of each one's parameters; `missing` where there are none."""

    schemas: dict[str, str]
    missing: str = ""


def called(answer: str, sample: Sample) -> list[ToolCall]:
    """Return the calls of an answer in order, at most 256.

    Read are OpenAI's `tool_calls` and `function_call`, Anthropic's `tool_use`, Google's `functionCall`, and
    objects with a name and arguments, as the whole answer or inside it.
    """
    if sample.tool_calls:
        return [call for item in sample.tool_calls[:_MOST] for call in _read(item, listed=True)]
    if "{" not in answer:
        return []
    try:
        return list(_read(_json.parse(answer), listed=False))[:_MOST]
    except _json.NoJson:
        found: list[ToolCall] = []
        for value in _json.objects(answer, lists=True):
            found += _read(value, listed=False)
            if len(found) >= _MOST:
                break
        return found[:_MOST]


def names(calls: list[ToolCall]) -> str:
    """Return the names for a reason."""
    listed = ", ".join(_json.shown(call.name) for call in calls[:8])
    return (listed or "none") + (", …" if len(calls) > 8 else "")


def tools_of(tools: list[dict[str, Any]] | None, case: Case) -> Tools:
    """Return the tools that are offered: those of the option, else those in the case's field `tools`."""
    given: object = case.fields.get("tools") if tools is None else tools
    if isinstance(given, str):
        try:
            given = _json.parse(given)
        except _json.NoJson:
            given = None
    if not isinstance(given, list):
        return Tools(schemas={}, missing="neither the option `tools` nor the case's field `tools` lists any")
    schemas: dict[str, str] = {}
    for item in cast("list[object]", given):
        tool = _mapping(item)
        tool = _mapping(tool.get("function")) or tool
        name = tool.get("name")
        if not isinstance(name, str):
            return Tools(schemas={}, missing=f"a tool has no name: {_json.shown(item)}")
        parameters: Any = tool.get("parameters", {"type": "object", "maxProperties": 0})
        try:
            schemas[name] = _schema.text_of(parameters)
            fault = _schema.fault(schemas[name])
        except ValueError as error:
            fault = str(error)
        if fault:
            return Tools(schemas={}, missing=f"the parameters of the tool `{name[:80]}`: {fault}")
    return Tools(schemas=schemas, missing="" if schemas else "the list of tools is empty")


def _read(value: Any, *, listed: bool) -> Iterator[ToolCall]:  # noqa: ANN401  any JSON value
    """Yield the calls in a JSON value; in a list an object with a name alone is one."""
    if isinstance(value, list) and not listed:
        for item in cast("list[object]", value)[:_MOST]:
            yield from _read(item, listed=True)
        return
    fields = _mapping(cast("object", value))
    reported: object = fields.get("tool_calls")
    if isinstance(reported, list):
        for item in cast("list[object]", reported)[:_MOST]:
            yield from _read(item, listed=True)
    elif isinstance(_mapping(fields.get("toolCall")).get("functionCalls"), list):
        yield from _read(fields["toolCall"]["functionCalls"], listed=False)
    else:
        for key in ("function", "function_call", "functionCall"):
            if isinstance(_mapping(fields.get(key)).get("name"), str):
                yield _call(fields[key])
                return
        plain = (
            listed or fields.get("type") in {"tool_use", "function_call"} or _arguments(fields) is not None
        )
        if isinstance(fields.get("name"), str) and plain:
            yield _call(fields)


def _call(fields: dict[str, Any]) -> ToolCall:
    given = _arguments(fields)
    worded = isinstance(given, str)
    if isinstance(given, str):
        try:
            given = _json.parse(given)
        except _json.NoJson as error:
            return ToolCall(name=fields["name"], arguments={}, problem=f"the arguments are no JSON: {error}")
    if given is None:
        given = {}
    if not isinstance(given, dict):
        return ToolCall(name=fields["name"], arguments={}, problem="the arguments are no JSON object")
    return ToolCall(name=fields["name"], arguments=cast("dict[str, Any]", given), worded=worded)


def _arguments(fields: dict[str, Any]) -> Any:  # noqa: ANN401  as the model wrote them
    return next((fields[key] for key in _ARGUMENTS if key in fields), None)


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
