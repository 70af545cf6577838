"""`.env` files and `${VAR}` references. Values never stand in an error message."""

import re
from collections.abc import Mapping

import msgspec

from bakeoff import plugins
from bakeoff.errors import SpecError
from bakeoff.spec.tree import Leaf, Map, Node, Seq, resolve, shown

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z0-9._][A-Za-z0-9._/-]*)(:-([^}]*))?\}|\$\{")
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Other names, such as those of Kubernetes, can be used where there is such a variable already."""
_SENSITIVE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def parse_dotenv(text: str, name: str) -> tuple[dict[str, str], list[SpecError]]:
    """Return the variables of a `.env` text and its mistakes; a later line wins."""
    values: dict[str, str] = {}
    errors: list[SpecError] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        value = _dotenv_value(match[2]) if match else None
        if match is None or value is None:
            problem = "a quote is never closed" if match else "the line is not `KEY=value`"
            errors.append(SpecError(problem, where=f"{name}:{number}"))
        else:
            values[match[1]] = value
    return values, errors


def _dotenv_value(text: str) -> str | None:
    """Return the value right of `=`, or None when its quote is broken."""
    if text.startswith('"'):
        match = _DOUBLE.fullmatch(text)
        return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), match[1]) if match else None
    if text.startswith("'"):
        match = _SINGLE.fullmatch(text)
        return match[1] if match else None
    return "" if text.startswith("#") else re.split(r"\s#", text, maxsplit=1)[0].strip()


class Variables(msgspec.Struct, frozen=True, kw_only=True):
    """Where `${VAR}` is looked up: the environment, then the `.env` file."""

    env: Mapping[str, str]
    dotenv: Mapping[str, str] = {}

    def find(self, name: str) -> tuple[str, str] | None:
        """Return the value and its origin."""
        if name in self.env:
            return self.env[name], f"env {name}"
        if name in self.dotenv:
            return self.dotenv[name], f".env ({name})"
        return None


class Expander:
    """Put variables into the leaves of a tree, collecting what is unset.

    Attributes:
        strict: an unset variable is a mistake; else its reference stays as it is.
        errors: the mistakes.
        failed: their paths; what is said of these values later is a consequence.
    """

    def __init__(self, variables: Variables, *, strict: bool = True) -> None:
        self.variables = variables
        self.strict = strict
        self.errors: list[SpecError] = []
        self.failed: list[str] = []

    def expand(self, node: Node, path: str = "") -> Node:
        """Return the tree with every `${VAR}` replaced."""
        if isinstance(node, Seq):
            items = tuple(self.expand(item, f"{path}[{i}]") for i, item in enumerate(node.items))
            return Seq(items=items, place=node.place)
        if isinstance(node, Map):
            entries = {
                key: self.expand(item, f"{path}.{key}" if path else key) for key, item in node.entries.items()
            }
            return Map(entries=entries, keys=node.keys, place=node.place)
        return self._leaf(node, path) if "${" in node.text else node

    def _leaf(self, node: Leaf, path: str) -> Leaf:
        parts: list[str] = []
        secrets: list[str] = []
        origins: list[str] = []
        names: list[str] = []
        end = 0
        for match in _REFERENCE.finditer(node.text):
            parts.append(node.text[end : match.start()])
            end = match.end()
            if match[0] == "$${":
                parts.append("${")
                continue
            found = self._value(match, node, path)
            if found is None:
                continue
            parts.append(found[0])
            names.append(match[1])
            secrets.append(found[0])
            origins.append(found[1])
        text = "".join([*parts, node.text[end:]])
        value = resolve(text) if node.plain and origins else text
        return Leaf(
            value=value,
            text=text,
            raw=node.text,
            place=node.place,
            origin=", ".join(dict.fromkeys(origin for origin in origins if origin)),
            secrets=tuple(secret for secret in secrets if secret),
            sensitive=any(_SENSITIVE.search(name) for name in names),
            plain=node.plain,
        )

    def _value(self, match: re.Match[str], node: Leaf, path: str) -> tuple[str, str] | None:
        name, default = match[1], match[3]
        if name is None or (self._is_odd(name) and self.strict):
            self._add(node, path, "`${` does not start a variable name", "write `$${` for the characters")
            return None
        found = self.variables.find(name)
        if found is not None and (found[0] or match[2] is None):
            return self._checked(found, node, path, name)
        if match[2] is not None:
            return default, ""
        if not self.strict:
            return match[0], ""
        near = plugins.suggest(name, [*self.variables.dotenv, *self.variables.env])
        hint = f"`export {name}=…`, put `{name}=…` in `.env`, or write `${{{name}:-default}}`"
        self._add(node, path, f"the variable `{shown(name)}` is not set.{near}", hint)
        return None

    def _is_odd(self, name: str) -> bool:
        return _SHELL_NAME.fullmatch(name) is None and self.variables.find(name) is None

    def _checked(self, found: tuple[str, str], node: Leaf, path: str, name: str) -> tuple[str, str] | None:
        if any("\ud800" <= char <= "\udfff" or char == "\0" for char in found[0]):
            self._add(node, path, f"the variable `{name}` is not valid UTF-8 text", "set it again")
            return None
        return found

    def _add(self, node: Leaf, path: str, message: str, hint: str) -> None:
        self.failed.append(path)
        self.errors.append(SpecError(f"{shown(path)}: {message}", where=node.place, hint=hint))


def escape(text: str) -> str:
    """Return a text that expands to itself."""
    return text.replace("${", "$${")
