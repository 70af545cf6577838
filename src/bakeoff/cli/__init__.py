"""The command line: one file per command, each imported only when it is called."""

from bakeoff.cli._app import main

__all__ = ["main"]
