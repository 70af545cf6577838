"""Variables of a promptfoo test: lists become a case per combination, `file://` the file's content."""

import base64
import itertools
import mimetypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._yaml import Document, Item

_NAME = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_TEMPLATE = re.compile(r"\{[{%]-?\s*(?:(?:if|elif|for\s+\w+\s+in)\s+)?(\w+)[^{}]*[%}]\}")
_ROUNDS = 5
_TEXT_SIZE = 10_000_000
_CODE = (".js", ".cjs", ".mjs", ".ts", ".py")


def combinations(variables: dict[str, Any], item: Item, base: Path) -> Iterator[dict[str, Any]]:
    """Yield every combination of the values of list variables, the last variable changing first.

    A list whose first entry is no text is one value. A pattern such as `file://docs/*.txt` stands for the
    list of its files, in alphabetical order.

    Args:
        variables: of one test.
        item: the test's place.
        base: where the paths of files start.
    """
    choices = [_values(name, value, item, base) for name, value in variables.items()]
    for chosen in itertools.product(*choices):
        yield dict(zip(variables, chosen, strict=True))


def resolved(variables: dict[str, Any], item: Item, base: Path) -> dict[str, Any]:
    """Return the variables with files read and with `{{name}}` in their texts replaced.

    Raises:
        DataError: a file cannot be read, or a text holds a template that only Nunjucks could fill in.
    """
    whole = {name: _loaded(name, value, item, base) for name, value in variables.items()}
    whole = {name: _plain(value) for name, value in whole.items()}
    _fill(whole)
    for name, value in whole.items():
        used = {found[1] for found in _TEMPLATE.finditer(value)} if isinstance(value, str) else set[str]()
        if used & (set(whole) | {"env"}):
            raise item.wrong(
                f"the variable `{name}` holds a template that is more than `{{{{name}}}}`",
                "write its text out, or move the template into the prompt",
            )
    return whole


def as_printed(value: object) -> str:
    """Return a value as JavaScript prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _values(name: str, value: Any, item: Item, base: Path) -> list[Any]:  # noqa: ANN401  a variable is any JSON
    if isinstance(value, str) and value.startswith("file://"):
        pattern = value.removeprefix("file://")
        if not any(mark in pattern for mark in "*?["):
            return [value]
        found = sorted(path.relative_to(base).as_posix() for path in base.glob(pattern) if path.is_file())
        if not found:
            raise item.wrong(
                f"no file matches `{value}` of the variable `{name}`", f"paths start at `{base}`"
            )
        return [f"file://{path}" for path in found]
    if isinstance(value, list) and value and isinstance(value[0], str):
        return cast("list[object]", value)
    return [value]


def _loaded(name: str, value: Any, item: Item, base: Path) -> Any:  # noqa: ANN401  as above
    if isinstance(value, str) and value.startswith("package:"):
        raise item.wrong(
            f"the variable `{name}` comes from a program (`{value}`)", "write its values into a file"
        )
    if not isinstance(value, str) or not value.startswith("file://"):
        return value
    path = base / value.removeprefix("file://")
    suffix = path.suffix.lower()
    kind = mimetypes.guess_type(path.name)[0] or ""
    if suffix in _CODE:
        raise item.wrong(
            f"the variable `{name}` comes from a program (`{value}`)", "write its values into a file"
        )
    if suffix == ".pdf" or kind.startswith(("audio/", "video/")):
        raise item.wrong(
            f"the variable `{name}` is a file that is not read here (`{value}`)", "give its text"
        )
    if suffix in {".yaml", ".yml"}:
        return msgspec.json.encode(Document(path).item().value).decode()
    if kind.startswith("image/"):
        return f"data:{kind};base64,{base64.b64encode(_bytes(path, item)).decode()}"
    with textfiles.open_text(path, textfiles.UTF8) as file:
        return textfiles.decodable(file.read(_TEXT_SIZE), textfiles.UTF8, str(path)).strip()


def _bytes(path: Path, item: Item) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise item.wrong(f"the file `{path}` cannot be read: {error.strerror}") from error


def _plain(value: Any) -> Any:  # noqa: ANN401  as above
    """Return a value that prints as it does in JavaScript, as far as text and numbers go."""
    if isinstance(value, str):
        return value.removesuffix("\n")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return "" if value is None else value


def _fill(variables: dict[str, Any]) -> None:
    """Replace `{{name}}` in texts by other variables, a few times as they may need each other."""
    for _ in range(_ROUNDS):
        changed = False
        for name, value in variables.items():
            found = _NAME.search(value) if isinstance(value, str) else None
            if found and found[1] in variables:
                text = as_printed(variables[found[1]])
                variables[name] = value.replace(found[0], text, 1)
                changed = True
        if not changed:
            return
