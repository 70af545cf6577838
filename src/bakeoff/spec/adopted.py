"""Another tool's configuration as a spec and data files of ours, ready to be written."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from bakeoff.errors import SpecError

_TAG = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_PATH = re.compile(r"(?:item\.)?([A-Za-z_]\w*(?:\.\w+)*)")
OUTPUT = re.compile(r"\{\{-?\s*sample\.output_text\s*-?\}\}")
MODEL = {"name": "model", "endpoint": "${MODEL_URL}", "model": "${MODEL_NAME}", "api_key": "${MODEL_KEY:-}"}
"""Stands for the model in a spec whose source names none."""


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration became.

    Attributes:
        tool: whose it was.
        document: of `bakeoff.yaml`, as plain values.
        rows: of each data file, by its path below the spec.
        notes: what a reader of the spec should know.
    """

    tool: str
    document: dict[str, Any]
    rows: dict[str, list[dict[str, Any]]] = {}
    notes: tuple[str, ...] = ()


class Templates:
    """Translate templates over `item`, and remember the columns that they need.

    Attributes:
        columns: for each column that rows lack, the path at which its value lies in a row.
    """

    def __init__(self) -> None:
        self.columns: dict[str, list[str]] = {}

    def prompt(self, text: str, where: str) -> str:
        """Return a prompt template of ours.

        Raises:
            SpecError: it holds more than names.
        """
        return self._filled(text, where, ".".join)

    def value(self, text: str, where: str) -> str:
        """Return a scorer's value, whose placeholders are single names."""
        return self._filled(text, where, self._column)

    def widened(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with the columns that values need."""
        return row | {name: _at(row, path) for name, path in self.columns.items()}

    def _column(self, path: list[str]) -> str:
        if len(path) == 1:
            return path[0]
        name = "__".join(path)
        self.columns[name] = path
        return name

    def _filled(self, text: str, where: str, name: Any) -> str:  # noqa: ANN401  a function of the path
        def one(found: re.Match[str]) -> str:
            path = _PATH.fullmatch(found[1])
            if path is None or path[1].partition(".")[0] == "sample":
                hint = "write the template as `{{item.name}}`"
                raise SpecError(f"the template `{{{{{found[1]}}}}}` cannot be kept", where=where, hint=hint)
            return "{{" + str(name(path[1].split("."))) + "}}"

        if "{%" in text:
            raise SpecError("a template with `{%` cannot be kept", where=where)
        return _TAG.sub(one, text)


def metric_name(text: str, taken: set[str]) -> str:
    """Return a metric's name that no other has, and remember it."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "score"
    number = 1
    while (name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    name = name if number == 1 else f"{name}_{number}"
    taken.add(name)
    return name


def objects(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  JSON
    """Yield the objects of a list."""
    for each in cast("list[object]", value) if isinstance(value, list) else ():
        if isinstance(each, dict):
            yield cast("dict[str, Any]", each)


def mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """Return an object, an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _at(row: Mapping[str, Any], path: list[str]) -> Any:  # noqa: ANN401  a row holds any JSON
    value: Any = row
    for key in path:
        value = mapping(value).get(key)
    return value
