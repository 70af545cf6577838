"""Texts with `{{item.name}}` in them: paths and nothing else, so that no text of a user becomes code."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

_TAG = re.compile(r"\{\{([^{}]*)\}\}")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[\w-]+|\[\d{1,6}\])*")
_STEP = re.compile(r"[\w-]+")


class Gap(Exception):  # noqa: N818  caught where the row is told of
    """The row lacks what a text names; the message says what."""


def check(text: str, roots: Sequence[str]) -> None:
    """Refuse a text whose braces hold anything but a path that begins with one of some names.

    Raises:
        ValueError: with the braces that are wrong.
    """
    for tag in _TAG.findall(text):
        path = tag.strip().strip("-").strip()
        if _PATH.fullmatch(path) is None or _STEP.findall(path)[0] not in roots:
            wanted = " or ".join(f"`{{{{{root}.NAME}}}}`" for root in roots)
            raise ValueError(f"`{{{{{tag[:80]}}}}}` cannot be filled in; write {wanted}")


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Return a text with every path replaced by what lies there; what is no text is written as JSON.

    Raises:
        Gap: something is not there.
    """
    return _TAG.sub(lambda found: _written(at(found[1], values)), text)


def at(path: str, values: Mapping[str, Any]) -> Any:  # noqa: ANN401  a row holds any JSON
    """Return what lies at a path such as `item.turns[0].content`, with or without its braces.

    Raises:
        Gap: nothing does.
    """
    shown = path.strip("{} -")
    value: object = values
    for step in _STEP.findall(shown):
        if isinstance(value, Mapping) and step in value:
            value = cast("Mapping[str, object]", value)[step]
            continue
        items = cast("list[object]", value) if isinstance(value, list) else []
        if not (step.isdecimal() and int(step) < len(items)):
            raise Gap(f"`{shown}` is not there")
        value = items[int(step)]
    return value


def _written(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
