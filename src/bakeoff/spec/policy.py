"""A policy file: the `decide` block of a spec in a file of its own, put in place of a stored run's rule."""

from pathlib import Path

from bakeoff.errors import SpecError
from bakeoff.plugins import suggest
from bakeoff.records import DecideSpec, Spec
from bakeoff.spec.reader import struct_type
from bakeoff.spec.tree import Map, Node, is_null, parse_yaml, shown

KEY = "decide"
_START = "write what would stand under `decide:`, such as `slo: {ttft: 500ms}`"
_LONGEST_POLICY = 1_000_000


def read_policy(path: Path) -> Node:
    """Return the tree of the rule: the whole file, or its `decide` where it has one, as a spec has.

    Raises:
        SpecError: the file cannot be read, or is no YAML mapping.
    """
    try:
        root = parse_yaml(_text(path), path.name)
    except SpecError as error:
        wrong_start = "models" in error.hint or "init" in error.hint
        raise SpecError(
            error.message, where=error.where, hint=_START if wrong_start else error.hint
        ) from None
    if KEY not in root.entries:
        return root
    known = [field.encode_name for field in struct_type(Spec).fields]
    for key in root.entries:
        if key not in known:
            rule = [field.encode_name for field in struct_type(DecideSpec).fields]
            hint = f"keys of a rule stand below `{KEY}`" if key in rule else f"known: {', '.join(known)}"
            message = f"{shown(key)}: unknown key beside `{KEY}`.{suggest(key, known)}"
            raise SpecError(message, where=root.key_place(key), hint=hint)
    rule_node = root.entries[KEY]
    return Map(entries={}, place=rule_node.place) if is_null(rule_node) else rule_node


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_POLICY + 1)
        if len(data) <= _LONGEST_POLICY:
            return data.decode("utf-8-sig")
        problem = "it is too large for a policy"
    except UnicodeDecodeError:
        problem = "the text is not UTF-8"
    except OSError as error:
        problem = error.strerror or str(error)
    raise SpecError(f"the policy cannot be read: {problem}", where=str(path), hint=_START)
