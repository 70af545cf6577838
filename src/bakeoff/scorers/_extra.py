"""What to say where a package of an extra is missing."""

from importlib import import_module

from bakeoff.errors import PluginError, install_hint


def require(package: str, scorer: str, extra: str = "scorers") -> None:
    """Make sure, before the run, that a package of an extra is there.

    Raises:
        PluginError: it is not installed.
    """
    try:
        import_module(package)
    except ImportError as error:
        raise missing(scorer, error, extra) from error


def missing(scorer: str, error: ImportError, extra: str = "scorers") -> PluginError:
    """Return the error that names the package and the command that installs it."""
    package = (error.name or str(error)).partition(".")[0]
    return PluginError(
        f"the scorer `{scorer}` needs the package `{package}`, which is not installed",
        hint=install_hint(extra),
    )
