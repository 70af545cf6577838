"""The package that the tools for agents need."""

from importlib.util import find_spec

from bakeoff.errors import PluginError


def check_mcp() -> None:
    """Ask for the package that the tools for agents need.

    Raises:
        PluginError: it is not installed.
    """
    if find_spec("mcp") is None:
        raise PluginError(
            "tools for agents need the package `mcp`",
            hint="from the clone: `.venv/bin/pip install -c constraints.txt '.[server,mcp]'`",
        )
