"""Read other tools' files: look at their beginning, decode them whole, find the file that belongs to them.

Everything that can be wrong with such a file becomes a `DataError` that names it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from bakeoff.errors import DataError

T = TypeVar("T")

_HEAD = 1 << 16
_LINE = 1 << 24
_LIMIT = 4.0e9

Count = int | float
"""A count of tokens; tools that keep their numbers in data frames write 64.0."""


def head(path: Path) -> bytes:
    """Return the first bytes of a file, nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def first_line(path: Path) -> bytes:
    """Return the first line of a file, nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.readline(_LINE)
    except OSError:
        return b""


def has_keys(data: bytes, *keys: str) -> bool:
    """Tell whether every key stands in a piece of JSON or YAML."""
    return all(re.search(rb"\"?\b%b\"?\s*:" % re.escape(key.encode()), data) for key in keys)


def decode(path: Path, kind: type[T], tool: str) -> T:
    """Return a JSON file as records; the NaN and Infinity that Python writes are unknown values.

    Raises:
        DataError: it cannot be read, is cut off, or has another shape.
    """
    data = _bytes(path)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _strange(path, tool, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _convert(path, _lenient(path, data), kind, tool)


def decode_yaml(path: Path, kind: type[T], tool: str) -> T:
    """Return a YAML file as records.

    Raises:
        DataError: it cannot be read, is cut off, or has another shape.
    """
    try:
        content = yaml.safe_load(_bytes(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"is no whole YAML: {_brief(error)}", where=str(path), hint=_WHOLE) from error
    return _convert(path, content, kind, tool)


def decode_lines(path: Path, kind: type[T], tool: str) -> Iterator[T]:
    """Yield the lines of a JSON-lines file as records.

    Raises:
        DataError: a line cannot be read; the message names it.
    """
    decoder = msgspec.json.Decoder(kind)
    for number, line in enumerate(_bytes(path).splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            yield decoder.decode(line)
        except msgspec.ValidationError as error:
            raise _strange(where, tool, error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield _convert(where, _lenient(where, line), kind, tool)


def beside(path: Path, *names: str) -> Path | None:
    """Return the first of the named files that lies beside `path`."""
    return next((path.parent / name for name in names if (path.parent / name).is_file()), None)


def ns(seconds: float | None, path: Path) -> int | None:
    """Return seconds as whole nanoseconds.

    Raises:
        DataError: no run takes or is from such a time.
    """
    if seconds is None:
        return None
    if not abs(seconds) < _LIMIT:
        raise DataError(f"{seconds} is no time in seconds", where=str(path))
    return round(seconds * 1e9)


def whole(count: Count | None) -> int | None:
    """Return a count as an integer."""
    return None if count is None else round(count)


_WHOLE = "the file may have been cut off while it was written or copied"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _lenient(where: object, data: bytes) -> Any:  # noqa: ANN401  the values of JSON
    """Return what Python's own reader makes of it, NaN and Infinity as None, half characters as U+FFFD."""

    def unknown(_: str) -> None:
        return None

    try:
        content = json.loads(data, parse_constant=unknown)
        if b"\\ud" not in data.lower():
            return content
        # A text that was cut inside a pair of surrogates, as of an emoji, is no Unicode; its rest is kept.
        pairs = json.dumps(content, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
        return json.loads(pairs.decode("utf-16-le", "replace"), parse_constant=unknown)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is no whole JSON: {_brief(error)}", where=str(where), hint=_WHOLE) from error


def _convert(where: object, content: Any, kind: type[T], tool: str) -> T:  # noqa: ANN401  parsed values
    try:
        return msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _strange(where, tool, error) from error


def _strange(where: object, tool: str, error: Exception) -> DataError:
    return DataError(
        f"is not as {tool} writes it: {_brief(error)}",
        where=str(where),
        hint="it may be of a version that bakeoff does not know, or changed by hand",
    )


def _brief(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    lines = str(error).splitlines() or [type(error).__name__]
    return " ".join(line.strip() for line in lines[:3])
