"""YAML files of other tools as values that know their lines; read as YAML 1.2, which those tools use.

So `yes` and `12:30` are texts here, and so are dates.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from bakeoff import textfiles
from bakeoff.errors import DataError

_TAG = "tag:yaml.org,2002:"
_MOST_NODES = 1_000_000
_DEEPEST = 60


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A value with the place where it stands.

    Attributes:
        value: plain values, as JSON has them.
        path: the file.
        line: 1-based, 0 where it is not known.
    """

    value: Any
    path: Path
    line: int = 0

    @property
    def where(self) -> str:
        """Return the place for an error."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)

    def wrong(self, message: str, hint: str = "") -> DataError:
        """Return an error at this place."""
        return DataError(message, where=self.where, hint=hint)


class _Loader(yaml.SafeLoader):
    """The safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own class attribute

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read `010` as ten, which YAML 1.1 does not."""
        text = str(node.value)
        digits = text.lstrip("+-").lower()
        base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 10)
        number = int(digits[2:] if base != 10 else digits, base)
        return -number if text.startswith("-") else number


def _resolvers() -> None:
    digits = "-+0123456789"
    for name, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?(?:0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+)", digits),
        ("float", r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", digits + "."),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("merge", r"<<", "<"),
    ):
        _Loader.add_implicit_resolver(_TAG + name, re.compile(rf"^(?:{pattern})$"), list(first))  # pyright: ignore[reportUnknownMemberType]  untyped stubs
    _Loader.add_constructor(_TAG + "int", _Loader.construct_yaml_int)  # pyright: ignore[reportUnknownMemberType]  untyped stubs


_resolvers()


class Document:
    """One YAML file.

    Args:
        path: the file.

    Raises:
        DataError: it cannot be read, or is no YAML.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with textfiles.open_text(path, textfiles.UTF8) as file:
            text = textfiles.decodable(file.read(), textfiles.UTF8, str(path))
        try:
            self._loader = _Loader(text)
            self.root = self._loader.get_single_node()
            _check_size(self.root, path)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{path}:{mark.line + 1}" if mark else str(path)
            raise DataError(f"is no YAML: {error.problem or error.context}", where=where) from None
        except (yaml.YAMLError, RecursionError) as error:
            raise DataError(f"is no YAML: {error}", where=str(path)) from None

    def item(self, node: yaml.Node | None = None) -> Item:
        """Return the value of a node, of the whole document by default."""
        node = node or self.root
        if node is None:
            return Item(value=None, path=self.path)
        line = node.start_mark.line + 1
        try:
            value: Any = self._loader.construct_object(node, deep=True)  # pyright: ignore[reportUnknownMemberType]  untyped stubs
            msgspec.json.encode(value)
        except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
            problem = getattr(error, "problem", None) or str(error)
            raise DataError(f"cannot be read: {problem}", where=f"{self.path}:{line}") from None
        return Item(value=value, path=self.path, line=line)

    def child(self, key: str, node: yaml.Node | None = None) -> yaml.Node | None:
        """Return what stands under `key` in a mapping, None where there is none."""
        node = node or self.root
        if not isinstance(node, yaml.MappingNode):
            return None
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
        found = [value for name, value in pairs if name.value == key]
        return found[-1] if found else None

    def children(self, node: yaml.Node) -> Iterator[yaml.Node]:
        """Yield the entries of a list; anything else is its own only entry."""
        yield from cast("list[yaml.Node]", node.value) if isinstance(node, yaml.SequenceNode) else [node]


def is_map(node: yaml.Node | None) -> bool:
    """Say whether a node is a mapping."""
    return isinstance(node, yaml.MappingNode)


def _check_size(node: yaml.Node | None, path: Path) -> None:
    """Refuse aliases that multiply or point at themselves."""
    count = 0
    todo = [(node, 0)] if node is not None else []
    while todo:
        current, depth = todo.pop()
        count += 1
        if count > _MOST_NODES or depth > _DEEPEST:
            where = f"{path}:{current.start_mark.line + 1}"
            raise DataError("is nested too deeply or repeats itself without end", where=where)
        if isinstance(current, yaml.SequenceNode):
            todo += [(child, depth + 1) for child in current.value]
        elif isinstance(current, yaml.MappingNode):
            todo += [(child, depth + 1) for pair in current.value for child in pair]
