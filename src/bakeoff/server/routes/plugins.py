"""What a spec can be made of: the implementations that are installed, each in a line."""

import inspect
from functools import cache
from typing import Literal

from fastapi import APIRouter

from bakeoff import plugins
from bakeoff.errors import PluginError
from bakeoff.server.http.asking import refusals
from bakeoff.server.http.calls import Reader
from bakeoff.server.http.shown import Shape

ROUTER = APIRouter(prefix="/api/v1/plugins", tags=["plugins"], responses=refusals(422))

Family = Literal["scorers", "datasets", "loads", "metrics", "providers", "exporters"]


class Plugin(Shape):
    """An implementation: its name in a spec, what it says of itself, and what it lacks to be used."""

    name: str
    text: str
    missing: str = ""


class PluginList(Shape):
    """The implementations of a family."""

    object: str = "list"
    family: Family
    data: list[Plugin]


@ROUTER.get("/{family}", summary="List what a spec can name")
def list_plugins(family: Family, caller: Reader) -> PluginList:  # noqa: ARG001  the right is asked for
    """Return the implementations of a family by name, each with one line."""
    return PluginList(family=family, data=list(_known(family)))


@cache
def _known(family: str) -> tuple[Plugin, ...]:
    return tuple(_plugin(family, name) for name in plugins.names(family))


def _plugin(family: str, name: str) -> Plugin:
    try:
        made = plugins.load(family, name)
    except PluginError as error:
        return Plugin(name=name, text="", missing=error.hint)
    return Plugin(name=name, text=(inspect.getdoc(made) or "").partition("\n")[0])
