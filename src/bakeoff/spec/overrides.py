"""Values from flags and from `BAKEOFF_…` variables, put over those of the file."""

import re
from collections.abc import Mapping

from msgspec import inspect as mi

from bakeoff.errors import SpecError
from bakeoff.records import Spec
from bakeoff.spec import scalars
from bakeoff.spec.reader import struct_type
from bakeoff.spec.tree import Leaf, Map, Node, Seq, from_builtins, is_null, leaf, shown
from bakeoff.spec.variables import Variables

_PART = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]{1,6}|\*)\]")
_PREFIX = "BAKEOFF_"
_SHORT = {"load": "kind", "deploy": "type", "provider": "type", "dataset": "path", "prompt": "template"}
"""Which key a plain text in place of these mappings stands for."""
_SHORT_ITEMS = {"scorers": "type"}
"""The same for the items of lists."""


def with_environment(root: Map, variables: Variables) -> Map:
    """Return the tree with `BAKEOFF_SEED` and its like for the scalar keys at the top."""
    for field in struct_type(Spec).fields:
        name = _PREFIX + field.encode_name.upper()
        found = variables.find(name)
        if found and field.encode_name != "version" and _is_scalar(field.type):
            text, origin = found
            root = root.put(field.encode_name, leaf(text, origin), origin)
    return root


def _is_scalar(kind: mi.Type) -> bool:
    return type(kind) in scalars.BY_TYPE


def with_flags(root: Map, overrides: Mapping[str, object]) -> tuple[Map, list[SpecError]]:
    """Return the tree with each override at its path; `[*]` stands for every item of a list."""
    errors: list[SpecError] = []
    for path, value in overrides.items():
        parts = _parts(path)
        place = flag_of(path)
        if not parts or not isinstance(parts[0], str) or parts[0] == "*":
            message = f"`{shown(path)}` is no path of the spec"
            errors.append(SpecError(message, where=place, hint="for example `decide.slo.ttft`"))
            continue
        try:
            tree = _put(root, parts, from_builtins(value, place), place)
        except scalars.Mistake as mistake:
            errors.append(SpecError(mistake.message, where=place, hint=mistake.hint))
            continue
        assert isinstance(tree, Map)
        root = tree
    return root, errors


def flag_of(path: str) -> str:
    """Return the flag that sets a path: the last name in it."""
    return "flag --" + re.split(r"[.\[]", re.sub(r"\[[^\]]*\]$", "", path))[-1].replace("_", "-")


def _parts(path: str) -> list[str | int]:
    parts: list[str | int] = []
    end = 0
    while match := _PART.match(path, end):
        index = match[2]
        parts.append(match[1] if index is None else index if index == "*" else int(index))
        end = match.end()
    return parts if end == len(path) else []


def _put(node: Node, parts: list[str | int], value: Node, place: str) -> Node:
    if not parts:
        return value
    part, rest = parts[0], parts[1:]
    if part == "*" or isinstance(part, int):
        return _put_item(node, part, rest, value, place)
    if isinstance(node, Leaf) and is_null(node):
        node = Map(entries={}, place=place)
    if not isinstance(node, Map):
        raise scalars.Mistake(f"`{part}` cannot be set: what holds it in the file is no mapping")
    if rest and rest[0] == "*" and part not in node.entries:
        return node
    child = node.entries.get(part, Map(entries={}, place=place))
    if rest and part in _SHORT and isinstance(child, Leaf) and not is_null(child):
        child = Map(entries={_SHORT[part]: child}, place=child.place)
    if rest and part in _SHORT_ITEMS and isinstance(child, Seq):
        child = Seq(items=tuple(_long(item, _SHORT_ITEMS[part]) for item in child.items), place=child.place)
    return node.put(part, _put(child, rest, value, place), place)


def _long(item: Node, key: str) -> Node:
    return Map(entries={key: item}, place=item.place) if isinstance(item, Leaf) else item


def _put_item(node: Node, index: str | int, rest: list[str | int], value: Node, place: str) -> Node:
    if not isinstance(node, Seq) or (isinstance(index, int) and index >= len(node.items)):
        raise scalars.Mistake(f"the file has no item `[{index}]` there")
    items = tuple(
        _put(item, rest, value, place) if index in ("*", number) else item
        for number, item in enumerate(node.items)
    )
    return Seq(items=items, place=node.place)
