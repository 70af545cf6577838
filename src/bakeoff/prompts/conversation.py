"""A whole conversation of templates: the `messages` of a prompt. It knows no form and sends nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bakeoff.errors import TemplateError
from bakeoff.records import Message
from bakeoff.templates import Render, compile_template

Fill = Callable[[Mapping[str, Any]], tuple[Message, ...]]
_ROLES = ("system", "developer", "user", "assistant", "tool")


def compile_messages(messages: Sequence[Mapping[str, Any]], where: str) -> Fill:
    """Return a function from a row's fields to the turns.

    Args:
        messages: each with a role and a content, which is text or a list of OpenAI content parts.
        where: the part of the prompt, for errors.

    Raises:
        TemplateError: a turn is not of this form, or its template cannot be read.
    """
    turns = [_turn(message, f"{where} {number}") for number, message in enumerate(messages, 1)]
    return lambda fields: tuple(Message(role=role, content=fill(fields)) for role, fill in turns)


def _turn(message: Mapping[str, Any], where: str) -> tuple[str, Callable[[Mapping[str, Any]], Any]]:
    role, content = message.get("role"), message.get("content")
    further = [key for key in message if key not in {"role", "content"}]
    if further:
        raise TemplateError(
            f"a turn has no `{further[0]}` here", where=where, hint="it has `role` and `content`"
        )
    if role not in _ROLES:
        raise TemplateError(f"a turn has the role `{role}`", where=where, hint=f"known: {', '.join(_ROLES)}")
    if not isinstance(content, str | list):
        raise TemplateError("the `content` of a turn is text or a list of parts", where=where)
    return str(role), _filler(content, where)


def _filler(value: Any, where: str) -> Callable[[Mapping[str, Any]], Any]:  # noqa: ANN401  plain values
    """Return what fills in every text of a value."""
    if isinstance(value, str):
        render: Render = compile_template(value, where)
        return render
    if isinstance(value, list):
        items = [_filler(item, where) for item in cast("list[object]", value)]
        return lambda fields: [item(fields) for item in items]
    if isinstance(value, dict):
        entries = {key: _filler(item, where) for key, item in cast("dict[str, Any]", value).items()}
        return lambda fields: {key: item(fields) for key, item in entries.items()}
    return lambda _fields: value
