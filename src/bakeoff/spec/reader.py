"""Read a tree into frozen structs, collecting every mistake with its place.

Knows types and the marks in their metadata, nothing of what the spec's keys mean.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

import msgspec
from msgspec import UNSET
from msgspec import inspect as mi

from bakeoff.errors import BakeoffError, PluginError, SpecError
from bakeoff.plugins import suggest
from bakeoff.records import Sampling
from bakeoff.records.spec import ScorerCommon
from bakeoff.spec import scalars
from bakeoff.spec.scalars import Mistake
from bakeoff.spec.tree import Leaf, Map, Node, Seq, describe, is_null, shown

WORDS = {
    "deployers": "deploy",
    "providers": "provider",
    "datasets": "dataset type",
    "loads": "load",
    "scorers": "scorer",
    "metrics": "metric",
}
PREFIXES = {"scorers": "not-"}
COMMON: dict[str, type[msgspec.Struct]] = {"scorers": ScorerCommon}
"""What every implementation of a family takes beside its own options; its own come first."""


class Catalog(Protocol):
    """What the reader asks about implementations; the module `bakeoff.plugins` is one."""

    def load(self, family: str, name: str) -> Any:  # noqa: ANN401  as `plugins.load`
        """Return an implementation's class, or raise PluginError."""
        ...

    def names(self, family: str) -> list[str]:
        """Return the names of a family."""
        ...


def below(path: str, key: str | int) -> str:
    """Return the path of a key or an index below `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def selector_of(kind: mi.StructType) -> str:
    """Return the field that holds the implementation's name: `type`, or `kind` where `type` is none."""
    names = {field.encode_name for field in kind.fields}
    return "kind" if "kind" in names else "type"


class Reader:
    """One reading of one tree.

    Attributes:
        errors: the mistakes, in order.
        refused: deployers that are not in this version, by the path of their name.
        leaves: the leaf of every value that the tree gave, by path.
        places: the place of every node that was read, by path.
        made: every struct and implementation that was made, by path; one that lacks a required text or
            choice is here too, with an empty one, so that the rest of it can be checked.
        excused: paths of required keys whose absence was explained already.
    """

    def __init__(self, catalog: Catalog, excused: Iterable[str] = ()) -> None:
        self.catalog = catalog
        self.excused = frozenset(excused)
        self.errors: list[SpecError] = []
        self.refused: dict[str, SpecError] = {}
        self.leaves: dict[str, Leaf] = {}
        self.places: dict[str, str] = {}
        self.made: dict[str, Any] = {}
        self._by_type: dict[type[mi.Type], Callable[[Node, Any, str], Any]] = {
            mi.Metadata: self._marked,
            mi.ListType: self._list,
            mi.VarTupleType: self._list,
            mi.DictType: self._dict,
            mi.UnionType: self._union,
            mi.StructType: self._struct,
        }

    def add(self, path: str, place: str, message: str, hint: str = "") -> None:
        """Collect a mistake."""
        self.errors.append(SpecError(f"{path}: {message}" if path else message, where=place, hint=hint))

    def read(self, node: Node, kind: mi.Type, path: str) -> Any:  # noqa: ANN401  UNSET or of type `kind`
        """Return the value of a node, or UNSET after adding its mistakes."""
        self.places[path] = node.place
        cls: type[mi.Type] = type(kind)
        if cls in scalars.BY_TYPE:
            return self._leaf(node, kind, path, scalars.BY_TYPE[cls])
        read: Callable[[Node, Any, str], Any] = self._by_type.get(cls, self._any)
        return read(node, kind, path)

    def _leaf(self, node: Node, kind: mi.Type, path: str, read: scalars.LeafReader) -> Any:  # noqa: ANN401
        if not isinstance(node, Leaf):
            self.add(path, node.place, f"expected {scalars.name_of(kind)}, got {describe(node)}")
            return UNSET
        self.leaves[path] = node
        try:
            return read(node, kind)
        except Mistake as mistake:
            self.add(path, node.place, mistake.message, mistake.hint)
            return UNSET

    def _any(self, node: Node, _kind: mi.Type, path: str) -> Any:  # noqa: ANN401
        if isinstance(node, Leaf):
            self.leaves[path] = node
            if isinstance(node.value, int) and not -(2**63) <= node.value < 2**63:
                self.add(path, node.place, "the number does not fit into 64 bits")
            return node.value
        if isinstance(node, Seq):
            return [self.read(item, mi.AnyType(), below(path, i)) for i, item in enumerate(node.items)]
        return {key: self.read(item, mi.AnyType(), below(path, key)) for key, item in node.entries.items()}

    def _marked(self, node: Node, kind: mi.Metadata, path: str) -> Any:  # noqa: ANN401
        marks = marks_of(kind)
        mark, family = marks.get("x-bakeoff"), marks.get("x-bakeoff-family")
        if mark in scalars.BY_MARK:
            return self._leaf(node, kind.type, path, scalars.BY_MARK[mark])
        if mark == "sampling":
            return self._params(node, kind.type, path)
        if family and isinstance(kind.type, mi.StructType):
            return self._choice(node, kind.type, family, path)
        value = self.read(node, kind.type, path)
        if family and value is not UNSET:
            self._plugin(family, value, path, node.place)
        return value

    def _list(self, node: Node, kind: mi.ListType | mi.VarTupleType, path: str) -> Any:  # noqa: ANN401
        if not isinstance(node, Seq):
            hint = "one item is a list too: `[…]` or a line that starts with `- `"
            self.add(path, node.place, f"expected a list, got {describe(node)}", hint)
            return UNSET
        values = [self.read(item, kind.item_type, below(path, i)) for i, item in enumerate(node.items)]
        values = [value for value in values if value is not UNSET]
        return tuple(values) if isinstance(kind, mi.VarTupleType) else values

    def _dict(self, node: Node, kind: mi.DictType, path: str) -> Any:  # noqa: ANN401
        if not isinstance(node, Map):
            self.add(path, node.place, f"expected a mapping, got {describe(node)}", "write `key: value`")
            return UNSET
        values = {
            key: self.read(item, kind.value_type, below(path, key)) for key, item in node.entries.items()
        }
        return {key: value for key, value in values.items() if value is not UNSET}

    def _params(self, node: Node, kind: mi.Type, path: str) -> Any:  # noqa: ANN401
        """Read sampling parameters: known names by their type, other names as they stand."""
        known = {field.encode_name: field.type for field in struct_type(Sampling).fields}
        if not isinstance(node, Map):
            return self.read(node, kind, path)
        values: dict[str, Any] = {}
        for key, item in node.entries.items():
            value = self.read(item, known.get(key, mi.AnyType()), below(path, key))
            if value is not UNSET:
                values[key] = list(value) if isinstance(item, Seq) else value
        return values

    def _union(self, node: Node, kind: mi.UnionType, path: str) -> Any:  # noqa: ANN401
        """Read as the first member that fits; where none does, tell the mistakes of the nearest one."""
        members = [item for item in kind.types if isinstance(item, mi.NoneType) == is_null(node)]
        if not members:
            self.add(path, node.place, f"expected {scalars.name_of(kind)}, got {describe(node)}")
            return UNSET
        members.sort(key=lambda member: _distance(node, member))
        if len(members) == 1 or _distance(node, members[0]) == 0:
            members = members[:1]
        elif _distance(node, members[0]) > 1:
            self.add(path, node.place, f"expected {scalars.name_of(kind)}, got {describe(node)}")
            return UNSET
        before = len(self.errors)
        failed: list[SpecError] = []
        for member in members:
            value = self.read(node, member, path)
            if len(self.errors) == before:
                return value
            failed = failed or self.errors[before:]
            del self.errors[before:]
        self.errors += failed
        return UNSET

    def _struct(self, node: Node, kind: mi.StructType, path: str) -> Any:  # noqa: ANN401
        if not isinstance(node, Map):
            keys = ", ".join(field.encode_name for field in kind.fields[:3])
            hint = f"with keys such as {keys}"
            self.add(path, node.place, f"expected a mapping, got {describe(node)}", hint)
            return UNSET
        values, missing = self._fields(node, kind.fields, path)
        stand_ins = {field.name: _stand_in(field.type) for field in missing}
        if UNSET in stand_ins.values():
            return UNSET
        made = self._make(kind.cls, {**values, **stand_ins}, path, node.place)
        return UNSET if missing else made

    def _fields(
        self, node: Map, fields: Iterable[mi.Field], path: str
    ) -> tuple[dict[str, Any], list[mi.Field]]:
        """Return the values that are right, by field name, and the required fields without one."""
        known = {field.encode_name: field for field in fields}
        for key in node.entries:
            if key not in known:
                message = f"unknown key.{suggest(key, known)}"
                hint = f"known: {', '.join(known)}" if known else "it takes no options"
                self.add(below(path, shown(key)), node.key_place(key), message, hint)
        values: dict[str, Any] = {}
        missing: list[mi.Field] = []
        for key, field in known.items():
            value = self._field(node, field, below(path, key))
            if value is not UNSET:
                values[field.name] = value
            elif field.required:
                missing.append(field)
        return values, missing

    def _field(self, node: Map, field: mi.Field, path: str) -> Any:  # noqa: ANN401
        """Return one field's value; an empty value means that the default holds."""
        child = node.entries.get(field.encode_name)
        if child is not None and is_null(child) and not _takes_none(field.type):
            if not field.required:
                return UNSET
            self.add(path, node.key_place(field.encode_name), "the value is missing")
            return UNSET
        if child is not None:
            return self.read(child, field.type, path)
        if field.required and path not in self.excused:
            parent = path.removesuffix(field.encode_name).removesuffix(".")
            hint = f"it takes {scalars.name_of(field.type)}"
            self.add(parent, node.place, f"missing required key `{field.encode_name}`", hint)
        return UNSET

    def _make(self, cls: type[Any], values: dict[str, Any], path: str, place: str) -> Any:  # noqa: ANN401
        """Return the struct; its own checks (`__post_init__`) speak through their message."""
        try:
            made = cls(**values)
        except (ValueError, TypeError, BakeoffError) as error:
            message = error.message if isinstance(error, BakeoffError) else str(error)
            self.add(path, place, message, error.hint if isinstance(error, BakeoffError) else "")
            return UNSET
        self.made[path] = made
        return made

    def _choice(self, node: Node, kind: mi.StructType, family: str, path: str) -> Any:  # noqa: ANN401
        """Read a mapping that names an implementation and holds its options."""
        selector = selector_of(kind)
        name_path = below(path, selector)
        if isinstance(node, Leaf) and not is_null(node):
            node, name_path = Map(entries={selector: node}, place=node.place), path
        if not isinstance(node, Map):
            hint = f"write a name, or `{{{selector}: NAME, …}}`"
            self.add(path, node.place, f"expected a {WORDS[family]}, got {describe(node)}", hint)
            return UNSET
        own = [field for field in kind.fields if field.encode_name != "options"]
        names = {field.encode_name for field in own}
        mine = node.drop(*(key for key in node.entries if key not in names))
        values, missing = self._fields(mine, own, path)
        if missing:
            return UNSET
        rest = node.drop(*names)
        defaults = {field.encode_name: field.default for field in own}
        name = values.get(selector, defaults[selector])
        found = self._plugin(family, name, name_path, node.key_place(selector))
        common, rest = self._common(rest, found, family, path)
        options = self._any(rest, kind, path) if found is None else self._options(rest, found, names, path)
        return UNSET if options is UNSET else kind.cls(**values, options=options | common)

    def _common(self, node: Map, cls: type[Any] | None, family: str, path: str) -> tuple[dict[str, Any], Map]:
        """Return what is given of the options that every implementation of a family takes, and the rest."""
        if cls is None or family not in COMMON:
            return {}, node
        own = {field.encode_name for field in struct_type(cls).fields}
        fields = [field for field in struct_type(COMMON[family]).fields if field.encode_name not in own]
        given = [field for field in fields if field.encode_name in node.entries]
        values = {
            field.encode_name: self._field(node, field, below(path, field.encode_name)) for field in given
        }
        rest = node.drop(*values)
        return {name: value for name, value in values.items() if value not in (UNSET, None)}, rest

    def _options(self, node: Map, cls: type[Any], names: set[str], path: str) -> Any:  # noqa: ANN401
        """Return the options with all defaults filled in; `made` gets the implementation itself."""
        fields = struct_type(cls).fields
        clean = node
        for key in node.entries:
            if key not in {field.encode_name for field in fields}:
                known = [field.encode_name for field in fields]
                message = f"unknown option.{suggest(key, [*known, *names])}"
                hint = f"`{_name(cls)}` takes: {', '.join(known)}" if known else f"`{_name(cls)}` takes none"
                self.add(below(path, shown(key)), node.key_place(key), message, hint)
                clean = clean.drop(key)
        values, missing = self._fields(clean, fields, path)
        made = UNSET if missing else self._make(cls, values, path, node.place)
        return UNSET if made is UNSET else msgspec.to_builtins(made)

    def _plugin(self, family: str, name: str, path: str, place: str) -> Any:  # noqa: ANN401
        """Return the implementation, or None after saying that there is none."""
        known = self.catalog.names(family)
        if name not in known and family in PREFIXES:
            name = name.removeprefix(PREFIXES[family])
        if name in known:
            try:
                return self.catalog.load(family, name)
            except PluginError as error:
                self.add(path, place, error.message, error.hint)
                return None
        near = suggest(name, known)
        message = f"{path}: {WORDS[family]} `{shown(name)}` is not available in this version"
        refusal = SpecError(f"{message}; known: {', '.join(known)}.{near}", where=place)
        if family == "deployers" and not near:
            self.refused[path] = refusal
        else:
            self.errors.append(refusal)
        return None


def marks_of(kind: mi.Metadata) -> dict[str, str]:
    """Return what the records tell the reader in a type's extra JSON schema."""
    return cast("dict[str, str]", kind.extra_json_schema or {})  # pyright: ignore[reportUnknownMemberType]  msgspec


def struct_type(cls: type[Any]) -> mi.StructType:
    """Return what msgspec knows of a struct's fields."""
    kind = mi.type_info(cls)
    assert isinstance(kind, mi.StructType)
    return kind


def _name(cls: type[Any]) -> str:
    return cls.__name__


def _stand_in(kind: mi.Type) -> Any:  # noqa: ANN401  an empty value of the type, or UNSET
    inner = kind.type if isinstance(kind, mi.Metadata) else kind
    if isinstance(inner, mi.StructType) and inner is not kind:
        return inner.cls(**{selector_of(inner): ""})
    return "" if isinstance(inner, mi.StrType) else UNSET


def _takes_none(kind: mi.Type) -> bool:
    if isinstance(kind, mi.UnionType):
        return any(_takes_none(item) for item in kind.types)
    return isinstance(kind, mi.NoneType | mi.AnyType)


def _distance(node: Node, kind: mi.Type) -> int:
    """Return 0 where a node is exactly of a type, 1 where it may be read as one, 2 where it cannot."""
    inner = kind.type if isinstance(kind, mi.Metadata) else kind
    if isinstance(inner, mi.AnyType):
        return 1
    if isinstance(node, Seq):
        return 0 if isinstance(inner, mi.ListType | mi.VarTupleType) else 2
    if isinstance(node, Map):
        return 0 if isinstance(inner, mi.DictType | mi.StructType) else 2
    if isinstance(kind, mi.Metadata):
        return 1
    exact: dict[type[object], type[mi.Type]] = {bool: mi.BoolType, int: mi.IntType, float: mi.FloatType}
    if isinstance(inner, exact.get(type(node.value), mi.StrType)):
        return 0
    return 1 if type(inner) in scalars.BY_TYPE else 2
