"""JSON files as rows with their lines: JSON Lines, one list, or one object."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._yaml import Item
from bakeoff.errors import DataError

_SPACE = " \t\r\n"


def read_lines(path: Path, encoding: str = textfiles.UTF8) -> Iterator[Item]:
    """Yield the JSON value of every line that is not blank.

    Raises:
        DataError: a line is no JSON.
    """
    with textfiles.open_text(path, encoding) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                where = f"{path}:{number}"
                try:
                    value: Any = msgspec.json.decode(textfiles.decodable(line, encoding, where))
                except (msgspec.DecodeError, RecursionError) as error:
                    raise DataError(f"is no JSON: {error}", where=where, hint=_fix(line.strip())) from error
                yield Item(value=value, path=path, line=number)


def read_items(path: Path, encoding: str = textfiles.UTF8) -> Iterator[Item]:
    """Yield the entries of a JSON list, or the values that stand one after another in the file.

    JSON Lines is such a file, and so is a single object; white space and line breaks do not matter.

    Raises:
        DataError: the text is no JSON.
    """
    with textfiles.open_text(path, encoding) as file:
        text = textfiles.decodable(file.read(), encoding, str(path))
    place, line = 0, 1
    decoder = json.JSONDecoder(parse_constant=_refused)
    opened = text.lstrip(_SPACE).startswith("[")
    place = text.index("[") + 1 if opened else 0
    line += text.count("\n", 0, place)
    while True:
        start = _next(text, place)
        line += text.count("\n", place, start)
        if start == len(text) or (opened and text[start] == "]"):
            break
        try:
            value, place = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, ValueError, RecursionError) as error:
            at = error.pos if isinstance(error, json.JSONDecodeError) else start
            where = f"{path}:{line + text.count(chr(10), start, at)}"
            raise DataError(f"is no JSON: {getattr(error, 'msg', error)}", where=where) from None
        yield Item(value=value, path=path, line=line)
        line += text.count("\n", start, place)
    if opened and (start == len(text) or text[start + 1 :].strip()):
        problem = "the list is not closed" if start == len(text) else "something stands after the list"
        raise DataError(f"is no JSON: {problem}", where=f"{path}:{line}")


def row_of(item: Item) -> dict[str, Any]:
    """Return an item that is an object.

    Raises:
        DataError: it is something else.
    """
    value: object = item.value
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)  # a JSON object's keys are text
    kind = type(value).__name__
    raise item.wrong(
        f"is a JSON {kind}; a row must be an object such as " + '{"input": "...", "reference": "..."}',
        "turn a file that is one big list into lines with `jq -c '.[]' FILE`" if kind == "list" else "",
    )


def mapping(value: object) -> dict[str, Any]:
    """Return an object, an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _next(text: str, place: int) -> int:
    while place < len(text) and text[place] in _SPACE + ",":
        place += 1
    return place


def _refused(name: str) -> None:
    raise ValueError(f"JSON has no {name}; write null")


def _fix(line: str) -> str:
    if line in {"[", "{"}:
        return (
            "one object per line, without line breaks inside: `jq -c . FILE` (`jq -c '.[]' FILE` for a list)"
        )
    if "NaN" in line or "Infinity" in line:
        return "JSON has no NaN and no Infinity; write null"
    if line.endswith(","):
        return "lines are not joined by commas; remove the last one"
    if line.startswith(("{'", "{ '")):
        return 'JSON takes double quotes: {"input": "..."}'
    return "each line must be one whole JSON object"
