"""The package that the tools for agents need."""

from importlib.util import find_spec

from bakeoff.errors import PluginError, install_hint


def check_mcp() -> None:
    """Ask for the package that the tools for agents need.

    Raises:
        PluginError: it is not installed.
    """
    if find_spec("mcp") is None:
        raise PluginError(
            "tools for agents need the package `mcp`",
            hint=install_hint("server", "mcp"),
        )
