"""Values of bodies that no database and no JSON reader takes: refused before anything is made of them."""

import math
from collections.abc import Mapping
from typing import cast

from bakeoff.server.faults import RefusedError

_DEEPEST = 60
_GREATEST = 2**53
_SHOWN = 60


def check_values(value: object, where: str = "body") -> None:
    """Refuse NUL and half characters, NaN and infinities, whole numbers over 2**53, and endless nesting.

    Raises:
        RefusedError: with the place.
    """
    waiting: list[tuple[str, object, int]] = [(where, value, 0)]
    while waiting:
        path, each, depth = waiting.pop()
        if depth > _DEEPEST:
            raise RefusedError(f"{path[:_SHOWN]}…: nested more than {_DEEPEST} deep")
        if isinstance(each, Mapping):
            for key, item in cast("Mapping[object, object]", each).items():
                _check(f"a key of {path}", key)
                waiting.append((f"{path}.{key}", item, depth + 1))
        elif isinstance(each, list | tuple):
            items = cast("list[object]", each)
            waiting += [(f"{path}[{at}]", item, depth + 1) for at, item in enumerate(items)]
        else:
            _check(path, each)


def _check(where: str, value: object) -> None:
    problem = ""
    if isinstance(value, str):
        problem = _wrong_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        problem = "is no finite number"
    elif isinstance(value, int) and abs(value) > _GREATEST:
        problem = "is over 2**53"
    if problem:
        raise RefusedError(f"{_printable(where)}: {problem}")


def _wrong_text(text: str) -> str:
    if "\0" in text:
        return "holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a character (a lone surrogate)"
    return ""


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
