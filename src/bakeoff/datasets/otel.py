"""Traces and logs in OpenTelemetry's conventions for generative AI, as cases."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._json import mapping, read_items, row_of
from bakeoff.datasets._logged import Logged, Unusable, as_cases, said, unpacked
from bakeoff.datasets._yaml import Item
from bakeoff.errors import DataError
from bakeoff.records import Case

_INDEXED = re.compile(r"gen_ai\.(prompt|completion)\.(\d+)\.(role|content)")
_OPERATIONS = {"chat", "text_completion", "generate_content", "completion"}
_TURNS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


class OtelLogs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Model calls out of OpenTelemetry traces or logs with `gen_ai.*` attributes.

    The file is OTLP JSON as the collector's file exporter writes it, or spans and log records one after
    another. Content is found in `gen_ai.input.messages` and `gen_ai.output.messages`, in the older events
    `gen_ai.user.message` and `gen_ai.choice`, and in `gen_ai.prompt.0.content`. An application logs content
    only when told to; without it there is nothing to ask again. The conversation is asked as it was;
    `logged_answer` is what was answered, `logged_model` by whom.

    Attributes:
        path: the file; `.gz` is read as it stands.
        reference: take the logged answer as the reference.
        unusable: whether a call without content, or with tools, is an `error` or is left out (`skip`).
    """

    path: str
    reference: bool = False
    unusable: Unusable = "error"

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  calls are in file order
        """Yield one case per logged call."""
        path = textfiles.resolve(base, self.path)
        calls: dict[str, _Call] = {}
        for item in read_items(path):
            for record in _records(row_of(item)):
                _collect(record, item, calls)
        logged = (call.logged(name) for name, call in calls.items())
        yield from as_cases(logged, path, reference=self.reference, unusable=self.unusable)


class _Call:
    """What several records say of one call."""

    def __init__(self, place: Item) -> None:
        self.place = place
        self.system: list[Any] = []
        self.turns: list[Any] = []
        self.answer: str | None = None
        self.model: str | None = None

    def logged(self, name: str) -> Logged | DataError:
        if not self.turns:
            hint = "let the application record message content, or leave such calls out with `unusable: skip`"
            return self.place.wrong("the call has no content", hint)
        identity = name if not name.startswith("line ") else ""
        messages = [*self.system, *self.turns]
        return Logged(messages=messages, answer=self.answer, model=self.model, id=identity, place=self.place)


def _records(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the spans and log records in an object, with their attributes as a mapping."""
    for outer, middle, inner in (
        ("resourceSpans", "scopeSpans", "spans"),
        ("resourceLogs", "scopeLogs", "logRecords"),
    ):
        if outer in row:
            for resource in _objects(row[outer]):
                for scope in _objects(resource.get(middle)):
                    yield from (_flat(record) for record in _objects(scope.get(inner)))
            return
    yield _flat(row)


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    events = [_flat(event) for event in _objects(record.get("events"))]
    body = record.get("body")
    body = _value(body) if _is_wrapped(body) else unpacked(body)
    return record | {"attributes": _attributes(record.get("attributes")), "events": events, "body": body}


def _collect(record: dict[str, Any], item: Item, calls: dict[str, _Call]) -> None:
    attributes: dict[str, Any] = record["attributes"]
    events: list[dict[str, Any]] = record["events"]
    name = _event_name(record)
    operation = attributes.get("gen_ai.operation.name")
    known = any(key.startswith("gen_ai.") for key in attributes) or name.startswith("gen_ai.")
    if not known or (operation is not None and operation not in _OPERATIONS):
        return
    context = record.get("context")
    context = cast("dict[str, Any]", context) if isinstance(context, dict) else record
    span = context.get("spanId") or context.get("span_id") or f"line {item.line}"
    call = calls.setdefault(str(span), _Call(item))
    _read(call, attributes)
    for event in [record, *events]:
        _read_event(call, _event_name(event), event)


def _event_name(record: dict[str, Any]) -> str:
    named = record.get("eventName") or record.get("event_name") or record["attributes"].get("event.name")
    return str(named or record.get("name") or "")


def _read(call: _Call, attributes: dict[str, Any]) -> None:
    """Take over what attributes say."""
    call.model = (
        attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model") or call.model
    )
    system = unpacked(attributes.get("gen_ai.system_instructions"))
    if system:
        call.system = [{"role": "system", "content": system}]
    turns = unpacked(attributes.get("gen_ai.input.messages") or attributes.get("gen_ai.prompt"))
    if isinstance(turns, list):
        call.turns = cast("list[object]", turns)
    elif isinstance(turns, str):
        call.turns = [{"role": "user", "content": turns}]
    outputs = unpacked(attributes.get("gen_ai.output.messages") or attributes.get("gen_ai.completion"))
    call.answer = _last(outputs) or call.answer
    indexed: dict[str, dict[int, dict[str, Any]]] = {"prompt": {}, "completion": {}}
    for key, value in attributes.items():
        if found := _INDEXED.fullmatch(key):
            indexed[found[1]].setdefault(int(found[2]), {})[found[3]] = value
    if indexed["prompt"]:
        call.turns = [indexed["prompt"][number] for number in sorted(indexed["prompt"])]
    if indexed["completion"]:
        call.answer = said(indexed["completion"][min(indexed["completion"])].get("content"))


def _read_event(call: _Call, name: str, event: dict[str, Any]) -> None:
    """Take over what an event says."""
    attributes: dict[str, Any] = event["attributes"]
    body = mapping(event["body"])
    said_here = body or attributes
    if name in _TURNS:
        turn = {"role": _TURNS[name]} | {
            k: v for k, v in said_here.items() if k in {"role", "content", "tool_calls"}
        }
        call.turns.append(turn)
    elif name == "gen_ai.choice":
        message = unpacked(said_here.get("message"))
        content = cast("dict[str, Any]", message).get("content") if isinstance(message, dict) else message
        call.answer = said(content if content is not None else said_here.get("content")) or call.answer
    elif name.startswith("gen_ai."):
        _read(call, attributes)
        if body:
            _read(
                call,
                {key if key.startswith("gen_ai.") else f"gen_ai.{key}": value for key, value in body.items()},
            )


def _last(outputs: Any) -> str | None:  # noqa: ANN401  a log holds any JSON
    turns = _objects(outputs)
    if turns:
        return said(turns[0].get("parts", turns[0].get("content")))
    return None if isinstance(outputs, list) else said(outputs)


def _objects(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401  as above
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", each) for each in items if isinstance(each, dict)]


def _attributes(value: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    return {str(each.get("key")): _value(each.get("value")) for each in _objects(value)}


def _is_wrapped(value: Any) -> bool:  # noqa: ANN401  as above
    keys = list(mapping(value))
    return len(keys) == 1 and keys[0].endswith("Value")


def _value(value: Any) -> Any:  # noqa: ANN401  as above
    """Return an OTLP value, which names its type, as the value alone."""
    if not _is_wrapped(value):
        return value
    ((kind, inner),) = mapping(value).items()
    if kind == "arrayValue":
        return [_value(each) for each in _objects(mapping(inner).get("values"))]
    if kind == "kvlistValue":
        return _attributes(mapping(inner).get("values"))
    return inner
