"""A spec file that names what a service has: its values as they stand.

The service puts in what it has under these names, fills in the defaults, and checks the whole.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import SpecErrorGroup
from bakeoff.spec.book import with_book
from bakeoff.spec.forms import form_of
from bakeoff.spec.load import over, parsed, reference, secrets_of
from bakeoff.spec.reader import below
from bakeoff.spec.shape import Shaper
from bakeoff.spec.tree import Leaf, Map, Node, Seq, is_null
from bakeoff.spec.variables import Expander, Variables, escape

STORED = "stored"
"""The type of a data set that a service has."""


class NamedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A spec whose models, benchmarks or data sets are names at a service.

    Attributes:
        document: the spec as plain values; a secret is its `${VAR}`, or `***` where it had none.
        hidden: paths whose values are secrets.
        base: folder where relative paths start.
    """

    document: dict[str, Any]
    hidden: tuple[str, ...]
    base: Path


def load_named(
    path: Path, env: Mapping[str, str], *, overrides: Mapping[str, object] | None = None
) -> NamedSpec | None:
    """Read a spec file that names things of a service; None for one that names none.

    Args:
        path: the file.
        env: the environment; `.env` beside the file fills what it lacks.
        overrides: values of flags by path, such as `seed`.

    Raises:
        SpecErrorGroup: mistakes that show without the service.
    """
    base = path.parent
    root, dotenv, errors = parsed(path, base, None)
    if form_of(root) is not None or not _names(root):
        return None
    variables = Variables(env=env, dotenv=dotenv)
    expander = Expander(variables, strict=False)
    tree = expander.expand(root)
    assert isinstance(tree, Map)
    tree, wrong_flags = over(tree, variables, overrides or {})
    tree, wrong_book = with_book(tree, base)
    shaper = Shaper(base)
    tree = shaper.shape(tree)
    errors += [*expander.errors, *wrong_flags, *wrong_book, *shaper.errors]
    if errors:
        raise SpecErrorGroup(errors)
    hidden: list[str] = []
    document: dict[str, Any] = _plain(tree, "", hidden)
    return NamedSpec(document=document, hidden=tuple(hidden), base=base)


def _names(root: Map) -> bool:
    benchmarks = _items(root, "benchmarks")
    named = [*_items(root, "models"), *benchmarks]
    return any(isinstance(each, Leaf) and not is_null(each) for each in named) or any(
        isinstance(each, Map) and _is_stored(each.entries.get("dataset")) for each in benchmarks
    )


def _items(root: Map, key: str) -> tuple[Node, ...]:
    node = root.entries.get(key)
    return node.items if isinstance(node, Seq) else ()


def _is_stored(dataset: Node | None) -> bool:
    kind = dataset.entries.get("type") if isinstance(dataset, Map) else None
    return isinstance(kind, Leaf) and kind.value == STORED


def _plain(node: Node, path: str, hidden: list[str]) -> Any:  # noqa: ANN401  the values of YAML and JSON
    if isinstance(node, Map):
        return {key: _plain(item, below(path, key), hidden) for key, item in node.entries.items()}
    if isinstance(node, Seq):
        return [_plain(item, below(path, index), hidden) for index, item in enumerate(node.items)]
    if secrets_of(path, node):
        hidden.append(path)
        return reference(node)
    return escape(node.value) if isinstance(node.value, str) else node.value
