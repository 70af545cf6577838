"""Look up implementations by family and name, through entry points, importing only what is asked for."""

import difflib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from bakeoff.errors import PluginError


@cache
def _points(family: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"bakeoff.{family}")}


def names(family: str) -> list[str]:
    """Return the names registered in a family, sorted."""
    return sorted(_points(family))


def suggest(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean `x`?" for the nearest known word, or an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean `{near[0]}`?" if near else ""


def load(family: str, name: str) -> Any:  # noqa: ANN401  each family's caller narrows it to its Protocol
    """Import and return one implementation.

    Raises:
        PluginError: the name is unknown, or its package is not installed.
    """
    point = _points(family).get(name)
    if point is None:
        known = names(family)
        raise PluginError(
            f"there is no `{name}` among the {family}.{suggest(name, known)}",
            hint=f"known: {', '.join(known)}",
        )
    try:
        return point.load()
    except ImportError as error:
        missing = error.name or str(error)
        if missing.partition(".")[0] == __package__:
            raise
        raise PluginError(
            f"`{name}` of the {family} needs the package `{missing}`, which is not installed",
            hint=f"pip install {missing.split('.')[0]}",
        ) from error


def create(family: str, name: str, options: dict[str, Any]) -> Any:  # noqa: ANN401  as for `load`
    """Make an implementation from its options.

    Raises:
        PluginError: it is unknown, or an option is wrong.
    """
    try:
        return msgspec.convert(options, load(family, name))
    except msgspec.ValidationError as error:
        raise PluginError(f"the options of `{name}` ({family}) are wrong: {error}") from error
