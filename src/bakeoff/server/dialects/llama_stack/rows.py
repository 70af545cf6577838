"""Rows of clients as rows of a job: what is asked, and what scorers need; other columns are left out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from bakeoff.server.faults import RefusedError

CHAT, COMPLETION = "chat", "completion"
ANSWER, EXPECTED, ACCEPTED, ASKED = "generated_answer", "expected_answer", "accepted", "input_query"
_KEPT = ("context", "instruction_id_list", "kwargs")
_LISTS = frozenset({"instruction_id_list", "kwargs"})
_ROLES = frozenset({"system", "user", "assistant"})
_EMPTY: tuple[object, ...] = (None, "", [], {})
_UNSAID = frozenset({"role", "content", "stop_reason"})

Row = Mapping[str, Any]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a job, by the form in which they are asked; each line names its row by number."""

    files: dict[str, bytes]
    count: int


def to_ask(rows: Sequence[Row], system: str | None) -> Asked:
    """Return rows as the files of a job.

    Args:
        rows: each with `chat_completion_input`, `completion_input` or `input_query`.
        system: goes before every conversation.

    Raises:
        RefusedError: a row holds nothing that can be asked, or what cannot be sent; with its number.
    """
    lines: dict[str, list[bytes]] = {}
    for at, row in enumerate(rows):
        form, asked = _asked(row, system, at)
        made = {"id": str(at), **graded_fields(row), **asked}
        lines.setdefault(form, []).append(msgspec.json.encode(made) + b"\n")
    return Asked(files={form: b"".join(each) for form, each in lines.items()}, count=len(rows))


def graded_fields(row: Row) -> dict[str, Any]:
    """Return the columns that scorers look at; what stands as JSON text in a column of lists is unpacked."""
    found: dict[str, Any] = {}
    for name in _KEPT:
        if row.get(name) is not None:
            found[name] = unpacked(row[name]) if name in _LISTS else row[name]
    if row.get(ASKED) is not None:
        found[ASKED] = as_text(row[ASKED])
    expected = row.get(EXPECTED)
    if expected is not None:
        found[EXPECTED] = as_text(expected)
        several = unpacked(expected)
        if isinstance(several, list):
            found[ACCEPTED] = [as_text(each) for each in cast("list[object]", several) if each is not None]
    return found


def check_columns(rows: Iterable[Row], needs: Mapping[str, Sequence[str]]) -> None:
    """Refuse rows that lack what a scoring function needs.

    Args:
        rows: of a data set or call.
        needs: columns by function.

    Raises:
        RefusedError: with the number of the row, the column and the function.
    """
    for at, row in enumerate(rows):
        for function, columns in needs.items():
            for column in columns:
                if row.get(column) is None:
                    raise RefusedError(f"row {at}: no `{column}`, which `{function}` needs")


def as_text(value: object) -> str:
    """Return a value as text: text as it stands, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def unpacked(value: object) -> object:
    """Return what stands as JSON text in a value, anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "[", '"'}:
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    return value


def _asked(row: Row, system: str | None, at: int) -> tuple[str, dict[str, Any]]:
    chat, text = row.get("chat_completion_input"), row.get("completion_input")
    if chat not in _EMPTY:
        return CHAT, {"chat_completion_input": _with_system(_turns(unpacked(chat), at), system)}
    if text not in _EMPTY:
        if system is not None:
            raise RefusedError(f"row {at}: a `completion_input` has no place for a `system_message`")
        return COMPLETION, {"completion_input": {"content": _completion(unpacked(text), at)}}
    if row.get(ASKED) in _EMPTY:
        raise RefusedError(
            f"row {at}: nothing to ask",
            hint="it needs `chat_completion_input`, `completion_input` or `input_query`",
        )
    turn = {"role": "user", "content": as_text(row[ASKED])}
    return CHAT, {"chat_completion_input": _with_system([turn], system)}


def _with_system(turns: list[dict[str, Any]], system: str | None) -> list[dict[str, Any]]:
    return turns if system is None else [{"role": "system", "content": system}, *turns]


def _turns(value: object, at: int) -> list[dict[str, Any]]:
    """Return a conversation with all its turns, in their order."""
    if isinstance(value, dict):
        held = cast("dict[str, object]", value)
        value = held.get("messages", [held])
    turns = cast("list[object]", value) if isinstance(value, list) else []
    if not turns:
        raise RefusedError(
            f"row {at}: `chat_completion_input` is no conversation",
            hint='it is JSON text such as [{"role": "user", "content": "..."}]',
        )
    return [_turn(each, at) for each in turns]


def _turn(value: object, at: int) -> dict[str, Any]:
    turn = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    role = turn.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise RefusedError(
            f"row {at}: a turn of the role `{role}` cannot be sent", hint="system, user, assistant"
        )
    for name, given in turn.items():
        if name not in _UNSAID and given not in _EMPTY:
            raise RefusedError(f"row {at}: a turn's `{name}` cannot be sent")
    return {"role": role, "content": _content(turn.get("content"), at)}


def _content(value: object, at: int) -> str | list[dict[str, Any]]:
    if isinstance(value, str):
        return value
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return [_item(each, at) for each in items]


def _item(value: object, at: int) -> dict[str, Any]:
    """Return a part of a turn's content in OpenAI's form."""
    if isinstance(value, str):
        return {"type": "text", "text": value}
    item = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if isinstance(item.get("text"), str):
        return {"type": "text", "text": item["text"]}
    if isinstance(item.get("image_url"), dict):
        return {"type": "image_url", "image_url": item["image_url"]}
    image: object = item.get("image")
    if isinstance(image, dict) and (url := _image(cast("dict[str, Any]", image))):
        return {"type": "image_url", "image_url": {"url": url}}
    raise RefusedError(f"row {at}: a part of a turn is neither text nor an image")


def _image(image: dict[str, Any]) -> str | None:
    url: object = image.get("url")
    if isinstance(url, dict):
        url = cast("dict[str, object]", url).get("uri")
    if isinstance(url, str):
        return url
    data = image.get("data")
    return f"data:image/png;base64,{data}" if isinstance(data, str) else None


def _completion(value: object, at: int) -> str:
    if isinstance(value, dict):
        value = cast("dict[str, object]", value).get("content")
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    parts = [_item(each, at) for each in items]
    if any(part["type"] != "text" for part in parts):
        raise RefusedError(f"row {at}: `completion_input` can be text only")
    return "".join(part["text"] for part in parts)
