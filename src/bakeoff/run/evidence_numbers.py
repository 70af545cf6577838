"""Compare two documents of results, number by number, and find the line where one of them differs."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

from bakeoff.evidence import RESULTS, Finding

Path = tuple[str | int, ...]
CLOSE = 1e-12
"""Relative difference of two floats that count as equal: the last digits may depend on the processor."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[\s,:]*")
_NAMES = ("name", "target", "metric", "benchmark", "a", "b", "stage")
_ABSENT = object()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One value that is not the same in both; `stored` or `computed` is None where it is not there at all."""

    path: Path
    field: str
    stored: str | None
    computed: str | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """How many values were compared, and those that differ."""

    values: int
    differences: list[Difference]


def compare(stored: Any, computed: Any) -> Compared:  # noqa: ANN401  any JSON
    """Compare all values of two documents."""
    walk = _Walk()
    walk.at((), "", stored, computed)
    return Compared(values=walk.values, differences=walk.found)


def as_findings(text: str, differences: Sequence[Difference]) -> Iterator[Finding]:
    """Yield the differences with the lines of the stored document where they are."""
    for each in differences:
        path = each.path if each.stored is not None else each.path[:-1]
        yield Finding(
            check="results",
            text="the rows give another value"
            if each.stored is not None
            else "the rows give a value that is not there",
            file=RESULTS,
            line=line_of(text, path),
            field=each.field,
            stored=each.stored,
            computed=each.computed,
        )


class _Walk:
    """A walk through two documents at once."""

    def __init__(self) -> None:
        self.values = 0
        self.found: list[Difference] = []

    def at(self, path: Path, label: str, stored: object, computed: object) -> None:
        """Compare what stands at one path."""
        kinds = {type(stored), type(computed)}
        if kinds == {dict}:
            self._objects(path, label, cast("dict[str, Any]", stored), cast("dict[str, Any]", computed))
        elif kinds == {list}:
            self._lists(path, label, cast("list[Any]", stored), cast("list[Any]", computed))
        else:
            self.values += 1
            if not same(stored, computed):
                self.found.append(
                    Difference(path=path, field=label, stored=_shown(stored), computed=_shown(computed))
                )

    def _objects(self, path: Path, label: str, stored: dict[str, Any], computed: dict[str, Any]) -> None:
        for key in dict.fromkeys([*stored, *computed]):
            name = key if key.isidentifier() else f'["{key}"]'
            told = label + (name if name.startswith("[") or not label else f".{name}")
            self.at((*path, key), told, stored.get(key, _ABSENT), computed.get(key, _ABSENT))

    def _lists(self, path: Path, label: str, stored: list[Any], computed: list[Any]) -> None:
        for at in range(max(len(stored), len(computed))):
            old = stored[at] if at < len(stored) else _ABSENT
            new = computed[at] if at < len(computed) else _ABSENT
            self.at((*path, at), f"{label}[{at}{_label(old if old is not _ABSENT else new)}]", old, new)


def same(stored: object, computed: object) -> bool:
    """Tell whether two values are equal, floats within the last digits."""
    if isinstance(stored, bool) or isinstance(computed, bool):
        return stored is computed
    if isinstance(stored, int | float) and isinstance(computed, int | float):
        if isinstance(stored, int) and isinstance(computed, int):
            return stored == computed
        return math.isclose(stored, computed, rel_tol=CLOSE, abs_tol=0.0)
    return stored == computed


def _shown(value: object) -> str | None:
    return None if value is _ABSENT else msgspec.json.encode(value).decode()


def _label(value: object) -> str:
    """Name an entry of a list by what tells it from the others."""
    if not isinstance(value, dict):
        return ""
    row = cast("dict[str, object]", value)
    return "".join(f" {row[name]}" for name in _NAMES if isinstance(row.get(name), str))


def line_of(text: str, path: Path) -> int | None:
    """Return the line of a JSON document where the value at a path begins; None where there is none."""
    try:
        at = _skip(text, 0)
        for step in path:
            at = _member(text, at, step) if isinstance(step, str) else _entry(text, at, step)
    except (ValueError, IndexError):
        return None
    return text.count("\n", 0, at) + 1


def _member(text: str, at: int, name: str) -> int:
    """Return where the value of a key begins."""
    at = _skip(text, at + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if key == name:
            return at
        at = _skip(text, _end(text, at))
    raise ValueError(name)


def _entry(text: str, at: int, number: int) -> int:
    """Return where an entry of a list begins."""
    at = _skip(text, at + 1)
    for _ in range(number):
        at = _skip(text, _end(text, at))
    if text[at] == "]":
        raise ValueError(number)
    return at


def _end(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
