"""Options that server, workers and their keys share."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bakeoff.errors import PluginError, install_hint

if TYPE_CHECKING:
    from bakeoff.server.settings import Settings

C = TypeVar("C", bound=Callable[..., object])

_OPTIONS = (
    click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("service"),
        show_default=True,
        help="Folder of jobs and files, which server and workers share.",
    ),
    click.option(
        "--database-url",
        envvar="BAKEOFF_DATABASE_URL",
        show_envvar=True,
        help="postgresql://… or sqlite:///…; an SQLite file in --data by default.",
    ),
)
_WORK = (
    click.option(
        "--allow-endpoint",
        "endpoints",
        multiple=True,
        metavar="ORIGIN",
        help="An origin that runs, judges and webhooks may ask, such as https://api.example.com; repeatable. "
        "This machine is allowed by itself only where nobody else can call: without keys. Nothing else is.",
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="NAME",
        help="An environment variable that specs may use as ${NAME}; repeatable.",
    ),
    click.option(
        "--secret-files",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder whose files are secrets by name, as Kubernetes mounts them.",
    ),
    click.option("--allow-code", is_flag=True, help="Run scripts that users send, in a sandbox."),
    click.option("--allow-deploy", is_flag=True, help="Let jobs start model servers on this machine."),
    click.option(
        "--lease",
        type=click.FloatRange(min=1),
        default=15.0,
        show_default=True,
        help="Seconds of silence after which a worker's job is given to another.",
    ),
)


def place_options(command: C) -> C:
    """Add the options that say where the data is."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def work_options(command: C) -> C:
    """Add the options that say what jobs may do."""
    for option in reversed(_WORK):
        command = option(command)
    return command


def settings_of(given: dict[str, Any]) -> "Settings":
    """Return the settings that the options ask for.

    Raises:
        PluginError: the packages of the service are not installed.
    """
    for package in ("alembic", "fastapi", "sqlalchemy", "uvicorn"):
        if find_spec(package) is None:
            raise PluginError(
                f"the service needs the package `{package}`",
                hint=install_hint("server"),
            )
    from bakeoff.server.settings import DEFAULT_ENDPOINTS, Settings

    values = {name: value for name, value in given.items() if value is not None}
    values["endpoints"] = (*DEFAULT_ENDPOINTS, *values.pop("endpoints", ()))
    return Settings(**values)
