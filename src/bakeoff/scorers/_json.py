"""JSON in answers: parse it, find it in other text, compare values. Knows no schema."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, cast

_SHOWN = 200
_DEEPEST = 1000
"""Levels that the decoder goes down before it gives up; what a failed try that deep is counted as."""
_MOST = 1000
_TRY = 20
_WINDOW = 4096
_NOTHING: Any = object()
_OBJECT = re.compile(r'\{(?=\s*+["}])')
_OBJECT_OR_LIST = re.compile(r'\{(?=\s*+["}])|\[(?=\s*+[\[{])')
"""How a value can begin, so that braces in prose cost next to nothing."""


class NoJson(ValueError):  # noqa: N818  what a text is not
    """A text is no JSON; the message says why."""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not in JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def parse(text: str) -> Any:  # noqa: ANN401  any JSON value
    """Return the value of a JSON text.

    Raises:
        NoJson: it is none, or too deep.
    """
    try:
        # A decoder made for each text would take longer than most texts do.
        return json.loads(text) if text.startswith("\ufeff") else _DECODER.decode(text)
    except RecursionError as error:
        raise NoJson("it is nested too deeply") from error
    except ValueError as error:
        raise NoJson(_first_line(str(error))) from error


def objects(text: str, *, lists: bool = False) -> Iterator[Any]:
    """Yield the JSON objects inside a text, outermost only.

    The work is bounded: at most 1000 are found, and in a text made to be slow not those that come late.

    Args:
        text: to search.
        lists: find lists of objects or lists too.
    """
    budget = 8 * len(text) + 100_000
    beginning = _OBJECT_OR_LIST if lists else _OBJECT
    found = 0
    start = beginning.search(text)
    while start is not None and budget > 0 and found < _MOST:
        at = start.start()
        value, read = _decoded(text, at)
        budget -= read + _TRY
        if value is _NOTHING:
            read = 1
        else:
            found += 1
            yield value
        start = beginning.search(text, at + read)


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """Return the value that begins at a place, or `_NOTHING`, and how many characters were read for it."""
    window = _WINDOW
    while True:
        # A piece, because the decoder's errors count the lines of all that they are given.
        piece = text[at : at + window]
        try:
            return _DECODER.raw_decode(piece)
        except RecursionError:
            return _NOTHING, 4 * _DEEPEST
        except json.JSONDecodeError as error:
            cut = error.msg.startswith("Unterminated") or error.pos > len(piece) - 16
            if not cut or at + window >= len(text):
                return _NOTHING, len(piece) if cut else error.pos
            window *= 16
        except ValueError:
            return _NOTHING, _DEEPEST


def same(left: object, right: object) -> bool:
    """Tell whether two JSON values are equal; 1 equals 1.0, but not true."""
    try:
        return _same(left, right)
    except RecursionError:
        return False


def canonical(value: object) -> str:
    """Return one text for all values that are `same`."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=True)


def written(value: object) -> str:
    """Return a value as promptfoo's engine writes it: text as it stands, 2.0 as 2, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)


def shown(value: object) -> str:
    """Return a value for a reason: as JSON on one line, cut, and safe to write into a file."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "a deeply nested value"
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _same(left: object, right: object) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        first, second = cast("dict[str, object]", left), cast("dict[str, object]", right)
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if isinstance(left, list) and isinstance(right, list):
        one, other = cast("list[object]", left), cast("list[object]", right)
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def _plain(value: object) -> object:
    """Return a value with whole numbers as integers."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[object]", value)]
    return value


def _first_line(message: str) -> str:
    return message.split("\n", 1)[0][:_SHOWN]
