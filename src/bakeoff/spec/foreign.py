"""What the readers of other tools' configurations share: where a file lies, and what became of it."""

import os
import re
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff.errors import SpecError
from bakeoff.spec.tree import Leaf, Map, Node, Seq, leaf, text_leaf


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration file, and the folder where the paths of the spec start."""

    path: Path
    base: Path

    @property
    def name(self) -> str:
        """Return the file as a path of the spec."""
        return Path(os.path.relpath(self.path, self.base)).as_posix()


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration in our form.

    Attributes:
        root: the document.
        errors: what in it is wrong, or means something that cannot be kept.
        refused: what is right and not available in this version.
    """

    root: Map
    errors: tuple[SpecError, ...] = ()
    refused: tuple[SpecError, ...] = ()


def slug(text: str, otherwise: str) -> str:
    """Return a text as a name that may be part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:60].strip("-._") or otherwise


def seq(items: list[Node], place: str) -> Seq:
    """Return a list."""
    return Seq(items=tuple(items), place=place)


def literal(value: object, place: str) -> Node:
    """Return the tree of plain values, in which a text is a text whatever it looks like."""
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        return Map(entries={str(key): literal(each, place) for key, each in entries.items()}, place=place)
    if isinstance(value, list):
        return seq([literal(each, place) for each in cast("list[object]", value)], place)
    if value is None or isinstance(value, bool | int | float):
        return leaf(value, place)
    return text_leaf(str(value), place)


def text_of(node: Node | None) -> str:
    """Return the text of a leaf, an empty one for anything else."""
    return node.text if isinstance(node, Leaf) and node.value is not None else ""


def plain(node: Node) -> Any:  # noqa: ANN401  the values of YAML
    """Return a tree as plain values; references to variables stay."""
    if isinstance(node, Map):
        return {key: plain(each) for key, each in node.entries.items()}
    return node.value if isinstance(node, Leaf) else [plain(each) for each in node.items]
