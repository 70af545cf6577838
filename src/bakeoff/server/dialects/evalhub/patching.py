"""JSON Patch (RFC 6902) on plain values; a patch is applied as a whole or not at all."""

import copy
from collections.abc import Sequence
from typing import Any, cast

from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.shapes import Change

_END = "-"
_MOST_INDEX = 9
_MOST_VALUES = 100_000


def patched(document: dict[str, Any], changes: Sequence[Change]) -> Any:  # noqa: ANN401  any JSON
    """Return a copy of a document with changes made in their order.

    Raises:
        HubError: a change does not fit, or a test does not hold; with its number.
    """
    whole: object = copy.deepcopy(document)
    for number, change in enumerate(changes):
        try:
            whole = _changed(whole, change)
        except (LookupError, ValueError, TypeError) as error:
            raise HubError(
                "invalid_patch", f"operation {number} (`{change.op}` at `{change.path}`) fails: {error}"
            ) from error
    return whole


def _changed(whole: object, change: Change) -> object:
    path = _steps(change.path)
    if change.op == "remove":
        return _without(whole, path)
    if change.op == "test":
        if not _same(_at(whole, path), change.value):
            raise ValueError("the value is another one")
        return whole
    if change.op == "replace":
        _at(whole, path)
        return _with(_without(whole, path), path, change.value) if path else change.value
    value = change.value
    if change.op in {"move", "copy"}:
        if change.source is None:
            raise ValueError("there is no `from`")
        source = _steps(change.source)
        value = copy.deepcopy(_at(whole, source))
        _check_size(whole, value)
        if change.op == "move":
            if path[: len(source)] == source and path != source:
                raise ValueError("a value cannot be moved into itself")
            whole = _without(whole, source)
    return _with(whole, path, value)


def _check_size(*values: object) -> None:
    """Refuse copies of copies of copies, which double with every operation."""
    waiting, count = list(values), 0
    while waiting:
        each = waiting.pop()
        count += 1
        if count > _MOST_VALUES:
            raise ValueError(f"more than {_MOST_VALUES:,} values come of it")
        if isinstance(each, dict):
            waiting += cast("dict[str, object]", each).values()
        elif isinstance(each, list):
            waiting += cast("list[object]", each)


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError("a path starts with `/`")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _at(whole: object, path: list[str]) -> object:
    for step in path:
        if isinstance(whole, dict):
            members = cast("dict[str, object]", whole)
            whole = members[_name(members, step)]
        else:
            items = _items(whole, step)
            whole = items[_place(items, step)]
    return whole


def _with(whole: object, path: list[str], value: object) -> object:
    if not path:
        return value
    parent, last = _at(whole, path[:-1]), path[-1]
    if isinstance(parent, list):
        items = cast("list[object]", parent)
        at = len(items) if last == _END else _index(last)
        if at > len(items):
            raise IndexError(f"there is no place {at}")
        items.insert(at, value)
    elif isinstance(parent, dict):
        cast("dict[str, object]", parent)[last] = value
    else:
        raise TypeError("there is nothing to add to")
    return whole


def _without(whole: object, path: list[str]) -> object:
    if not path:
        return {}
    parent, last = _at(whole, path[:-1]), path[-1]
    if isinstance(parent, dict):
        members = cast("dict[str, object]", parent)
        del members[_name(members, last)]
    else:
        items = _items(parent, last)
        del items[_place(items, last)]
    return whole


def _name(members: dict[str, object], step: str) -> str:
    if step not in members:
        raise LookupError(f"there is no `{step}`")
    return step


def _items(parent: object, step: str) -> list[object]:
    if not isinstance(parent, list):
        raise TypeError(f"`{step}` leads into a plain value")
    return cast("list[object]", parent)


def _place(items: list[object], step: str) -> int:
    at = _index(step)
    if at >= len(items):
        raise LookupError(f"there is no place {at}")
    return at


def _index(step: str) -> int:
    plain = step.isascii() and step.isdecimal() and len(step) <= _MOST_INDEX
    if not plain or (step != "0" and step.startswith("0")):
        raise ValueError(f"`{step}` is no place in a list")
    return int(step)


def _same(left: object, right: object) -> bool:
    """Tell whether two values are the same JSON: `true` is not 1, but 1.0 is."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        mine, theirs = cast("dict[str, object]", left), cast("dict[str, object]", right)
        return mine.keys() == theirs.keys() and all(_same(mine[key], theirs[key]) for key in mine)
    if isinstance(left, list) and isinstance(right, list):
        ours, others = cast("list[object]", left), cast("list[object]", right)
        return len(ours) == len(others) and all(map(_same, ours, others))
    return left == right
