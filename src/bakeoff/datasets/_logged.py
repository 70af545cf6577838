"""Logged conversations as cases: what was asked, and what was answered then."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from bakeoff.datasets._json import mapping
from bakeoff.datasets._yaml import Item
from bakeoff.errors import DataError
from bakeoff.records import Case, Message

Unusable = Literal["error", "skip"]
_ROLES = {"system", "developer", "user", "assistant"}
_ROLE_NAMES = {"human": "user", "model": "assistant", "ai": "assistant"}
_TEXT_KEYS = ("text", "content")


class UnusableError(Exception):
    """A logged call cannot be asked again; the text says why."""


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """One logged call.

    Attributes:
        messages: what was asked; turns as they stand in the log.
        answer: what was answered, None where the log does not hold it.
        model: which model answered.
        id: the log's own id of the call.
        place: where it stands.
    """

    messages: list[Any]
    place: Item
    answer: str | None = None
    model: str | None = None
    id: str = ""


def as_cases(
    calls: Iterable[Logged | DataError], path: Path, *, reference: bool, unusable: Unusable
) -> Iterator[Case]:
    """Yield a case for each call that can be asked again.

    Args:
        calls: in the order of the log; an error stands for one that cannot be read.
        path: the log.
        reference: take the logged answer as the right one.
        unusable: what to do about the others.

    Raises:
        DataError: a call cannot be asked again, or there is none.
    """
    found, last = 0, 0
    reason = ""
    seen: dict[str, int] = {}
    for call in calls:
        try:
            if isinstance(call, DataError):
                raise call
            case = _case(call, reference=reference)
        except DataError as error:
            if unusable == "error":
                raise
            reason = reason or str(error.message)
            continue
        found += 1
        line = call.place.line if call.place.line >= last else 0
        last = max(last, line)
        yield msgspec.structs.replace(case, id=_unique(case.id, seen), line=line)
    if not found:
        why = f"; the first was left out because it {reason}" if reason else ""
        raise DataError(f"holds no call that can be asked again{why}", where=str(path))


def _unique(name: str, seen: dict[str, int]) -> str:
    """Return an id that no call before has; a log may hold the same call twice."""
    if not name:
        return ""
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _case(call: Logged, *, reference: bool) -> Case:
    try:
        messages = _turns(call.messages)
    except UnusableError as error:
        hint = "`unusable: skip` leaves such calls out"
        raise call.place.wrong(f"the call {error}", hint) from error
    asked = next(message for message in reversed(messages) if message.role == "user")
    fields: dict[str, Any] = {
        "input": asked.content,
        "logged_answer": call.answer,
        "logged_model": call.model,
    }
    fields = {key: value for key, value in fields.items() if value is not None}
    right = call.answer if reference and call.answer else None
    return Case(id=call.id, fields=fields, messages=messages, reference=right)


def _turns(values: list[Any]) -> tuple[Message, ...]:
    messages = tuple(_turn(each) for each in values)
    if not any(message.role == "user" for message in messages):
        raise UnusableError("has no question")
    if messages[-1].role == "assistant":
        raise UnusableError("ends with an answer and no question")
    return messages


def _turn(value: Any) -> Message:  # noqa: ANN401  a log holds any JSON
    if not isinstance(value, dict):
        raise UnusableError("holds a turn that is no object")
    turn = cast("dict[str, Any]", value)
    role = str(turn.get("role", "user"))
    role = _ROLE_NAMES.get(role, role)
    if role not in _ROLES or turn.get("tool_calls") or turn.get("function_call"):
        raise UnusableError("uses tools, which cannot be replayed")
    content = turn["parts"] if "parts" in turn else turn.get("content")
    return Message(role=role, content=_content(content))


def _content(value: Any) -> str | list[dict[str, Any]]:  # noqa: ANN401  as above
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise UnusableError("holds a turn without text; its content was not logged")
    parts: list[dict[str, Any]] = []
    for part in cast("list[object]", value):
        one = mapping(part)
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
        elif one and one.get("type", "text") in {"text", "input_text", "output_text"}:
            parts.append({"type": "text", "text": text_of(one)})
        elif one.get("type") == "image_url":
            parts.append(one)
        else:
            raise UnusableError("holds a part that is neither text nor an image")
    if all(part["type"] == "text" for part in parts):
        return "".join(str(part["text"]) for part in parts)
    return parts


def text_of(part: dict[str, Any]) -> str:
    """Return the text of a content part."""
    return next((part[key] for key in _TEXT_KEYS if isinstance(part.get(key), str)), "")


def said(content: Any) -> str | None:  # noqa: ANN401  as above
    """Return the text of an answer, None where there is none."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [
            part if isinstance(part, str) else text_of(cast("dict[str, Any]", part))
            for part in cast("list[object]", content)
            if isinstance(part, str | dict)
        ]
        return "".join(texts) or None
    return None


def unpacked(value: Any) -> Any:  # noqa: ANN401  as above
    """Return what stands as JSON text in a value, anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value
