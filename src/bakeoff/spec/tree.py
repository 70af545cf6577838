"""YAML text to a tree of nodes that know their places. Knows nothing of the spec's keys."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias, cast

import msgspec
import yaml

from bakeoff.errors import SpecError

Scalar: TypeAlias = str | int | float | bool | None

MAX_NODES = 100_000
MAX_DEPTH = 60
_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value")}
_FIXES = (
    ("'\\t'", "a tab is used as indentation", "indent with spaces"),
    ("mapping values are not allowed", "a `:` stands where no value can start",
     "put a text that contains `: ` in quotes, and check the indentation"),
    ("could not find expected ':'", "a key has no `: ` after it", "write `key: value`"),
    ("expected <block end>", "this line is not indented like its neighbours",
     "keys of one mapping and items of one list start in the same column"),
    ("expected ',' or", "a bracket or a comma is missing", "close `[` with `]` and `{` with `}`"),
    ("found unexpected end of stream", "a quote is never closed", "close the quote"),
    ("cannot start any token", "a text cannot start with this character", "put the text in quotes"),
    ("found undefined alias", "a `*` reference has no `&` anchor before it",
     "put a text that starts with `*` in quotes"),
    ("found another document", "the file holds more than one document", "remove the second `---`"),
)  # fmt: skip


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A scalar: `value` as YAML reads it, `text` as it was written.

    Attributes:
        place: where it stands, for errors.
        origin: where its value came from when that is not the place (a variable, a default).
        raw: the text before variables were put in; None where there were none.
        secrets: what variables put in.
        sensitive: whether the name of one of the variables says that it is a secret.
        plain: written without quotes, so that a number is a number.
    """

    value: Scalar
    text: str
    place: str
    origin: str = ""
    raw: str | None = None
    secrets: tuple[str, ...] = ()
    sensitive: bool = False
    plain: bool = True


class Seq(msgspec.Struct, frozen=True, kw_only=True):
    """A list."""

    items: tuple["Node", ...]
    place: str


class Map(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping; `keys` are the places of its keys."""

    entries: dict[str, "Node"]
    place: str
    keys: dict[str, str] = {}

    def key_place(self, key: str) -> str:
        """Return where `key` stands."""
        return self.keys.get(key, self.place)

    def put(self, key: str, node: "Node", place: str) -> "Map":
        """Return a copy with one entry added or replaced."""
        return Map(
            entries={**self.entries, key: node},
            keys={**self.keys, key: self.keys.get(key, place)},
            place=self.place,
        )

    def drop(self, *keys: str) -> "Map":
        """Return a copy without `keys`."""
        return Map(
            entries={key: node for key, node in self.entries.items() if key not in keys},
            keys=self.keys,
            place=self.place,
        )


Node: TypeAlias = Leaf | Seq | Map


class _Loader(yaml.SafeLoader):
    """The safe loader, with floats such as 1e-3 that YAML 1.1 reads as text."""


_Loader.add_implicit_resolver(  # pyright: ignore[reportUnknownMemberType]  the stubs leave it untyped
    _TAG + "float", re.compile(r"^[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse_yaml(text: str, name: str) -> Map:
    """Return the document's tree.

    Raises:
        SpecError: the text is no YAML mapping, with its line and the fix.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _broken(error, name) from None
    except yaml.reader.ReaderError as error:
        where = f"{name}:{text.count(chr(10), 0, error.position) + 1}"
        raise SpecError("a control character stands in the file", where=where, hint="remove it") from None
    except RecursionError:
        raise SpecError("the file is nested too deeply", where=f"{name}:1") from None
    if root is None:
        raise SpecError("the file is empty", where=f"{name}:1", hint="`bakeoff init` writes a first one")
    tree = _Builder(name, loader).build(root, 0)
    if not isinstance(tree, Map):
        raise SpecError(
            f"the file must be a mapping of keys, not {describe(tree)}",
            where=tree.place,
            hint="start with `models:`",
        )
    return tree


def _broken(error: yaml.MarkedYAMLError, name: str) -> SpecError:
    """Say in words what PyYAML says in grammar."""
    problem = str(error.problem or error.context or "broken YAML")
    mark = error.problem_mark or error.context_mark
    if "unexpected end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark
    where = f"{name}:{mark.line + 1}" if mark else name
    for part, message, hint in _FIXES:
        if part in problem:
            return SpecError(f"broken YAML: {message}", where=where, hint=hint)
    return SpecError(f"broken YAML: {problem}", where=where)


class _Builder:
    """Turn PyYAML's nodes into ours, with limits against aliases that multiply or point at themselves."""

    def __init__(self, name: str, loader: yaml.SafeLoader) -> None:
        self.name = name
        self.loader = loader
        self.count = 0

    def place(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"

    def build(self, node: yaml.Node, depth: int) -> Node:
        self.count += 1
        place = self.place(node)
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            raise SpecError("the file is nested too deeply or repeats itself without end", where=place)
        if isinstance(node, yaml.ScalarNode):
            return self.leaf(node, place)
        if node.tag != _TAG + ("seq" if isinstance(node, yaml.SequenceNode) else "map"):
            raise _refused_tag(node.tag, place)
        if isinstance(node, yaml.SequenceNode):
            return Seq(items=tuple(self.build(item, depth + 1) for item in node.value), place=place)
        return self.map(node, place, depth)

    def leaf(self, node: yaml.ScalarNode, place: str) -> Leaf:
        if node.tag not in _SCALAR_TAGS:
            raise _refused_tag(node.tag, place)
        text = str(node.value)
        _check_unicode(text, place)
        try:
            value = _construct(self.loader, node.tag, text)
        except (ValueError, LookupError):
            kind = node.tag.removeprefix(_TAG)
            message = f"`{shown(text)}` is no {kind} of YAML"
            raise SpecError(message, where=place, hint="put it in quotes") from None
        return Leaf(value=value, text=text, place=place, plain=node.style is None)

    def map(self, node: yaml.Node, place: str, depth: int) -> Map:
        entries: dict[str, Node] = {}
        keys: dict[str, str] = {}
        merged: list[Map] = []
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                merged += self.merge(value_node, depth)
                continue
            key, where = self.key(key_node), self.place(key_node)
            if key in entries:
                raise SpecError(
                    f"the key `{shown(key)}` stands twice in one mapping",
                    where=where,
                    hint=f"it was set first at {keys[key]}; keep one",
                )
            entries[key], keys[key] = self.build(value_node, depth + 1), where
        for other in merged:
            entries = {**other.entries, **entries}
            keys = {**other.keys, **keys}
        return Map(entries=entries, keys=keys, place=place)

    def key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise SpecError(
                "a key must be plain text",
                where=self.place(node),
                hint="put a template such as `{{input}}` in quotes",
            )
        _check_unicode(str(node.value), self.place(node))
        return str(node.value)

    def merge(self, node: yaml.Node, depth: int) -> Iterator[Map]:
        tree = self.build(node, depth + 1)
        parts = tree.items if isinstance(tree, Seq) else (tree,)
        for part in reversed(parts):
            if not isinstance(part, Map):
                raise SpecError("`<<` takes a mapping", where=part.place)
            yield part


def _check_unicode(text: str, place: str) -> None:
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise SpecError("the text is not valid Unicode", where=place)


def _refused_tag(tag: str, place: str) -> SpecError:
    short = tag.replace(_TAG, "!!")
    return SpecError(f"the YAML tag `{shown(short)}` is not allowed", where=place, hint="remove the tag")


def _construct(loader: yaml.SafeLoader, tag: str, text: str) -> Scalar:
    """Return the value of a scalar; dates stay text, because no key of a spec is a date."""
    makers = {
        _TAG + "int": loader.construct_yaml_int,
        _TAG + "float": loader.construct_yaml_float,
        _TAG + "bool": loader.construct_yaml_bool,
    }
    if tag == _TAG + "null":
        return None
    if tag not in makers:
        return text
    value: Scalar = makers[tag](yaml.ScalarNode(tag, text))
    return value


def resolve(text: str) -> Scalar:
    """Return what an unquoted YAML scalar of this text means."""
    loader = _Loader("")
    tag = str(loader.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]  # stubs
    try:
        return _construct(loader, tag, text)
    except (ValueError, LookupError):
        return text


def leaf(value: Scalar, place: str, *, origin: str = "") -> Leaf:
    """Return a leaf that did not come from a file; a text is read as if unquoted in YAML."""
    if isinstance(value, str):
        _check_unicode(value, place)
        return Leaf(value=resolve(value), text=value, place=place, origin=origin)
    text = "" if value is None else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return Leaf(value=value, text=text, place=place, origin=origin)


def text_leaf(text: str, place: str, *, origin: str = "") -> Leaf:
    """Return a leaf that is text, whatever it looks like."""
    return Leaf(value=text, text=text, place=place, origin=origin, plain=False)


def from_builtins(value: object, place: str) -> Node:
    """Return the tree of plain Python values, all at one place."""
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        entries = {str(key): from_builtins(item, place) for key, item in mapping.items()}
        return Map(entries=entries, place=place)
    if isinstance(value, list | tuple):
        items = cast("list[object]", value)
        return Seq(items=tuple(from_builtins(item, place) for item in items), place=place)
    if value is None or isinstance(value, str | int | float | bool):
        return leaf(value, place)
    return leaf(str(value), place)


def is_null(node: Node) -> bool:
    """Say whether the node is YAML's null, as an empty value is."""
    return isinstance(node, Leaf) and node.value is None


def describe(node: Node) -> str:
    """Say in words what kind of value a node is."""
    if isinstance(node, Seq):
        return "a list"
    if isinstance(node, Map):
        return "a mapping"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return f"`{node.text}`"
    if isinstance(node.value, float) and not math.isfinite(node.value):
        return f"the number `{node.text}`"
    kind = "the text" if isinstance(node.value, str) else "the number"
    return f"{kind} `{shown(node.raw if node.raw is not None else node.text)}`"


def shown(text: str) -> str:
    """Return a text fit for a message: short, on one line, without control characters."""
    clean = "".join(char if char.isprintable() else " " for char in text[:61])
    return clean if len(text) <= 60 else clean[:60] + "…"
