"""Options and look-ups that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bakeoff.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

SPEC_NAMES = (
    "bakeoff.yaml",
    "bakeoff.yml",
    "models_config.yaml",
    "eval_config.yaml",
    "promptfooconfig.yaml",
)


def out_option(function: F) -> F:
    """Add `--out`: the folder that holds all runs."""
    option = click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("runs"),
        show_default=True,
        help="Folder that holds the runs.",
    )
    return option(function)


def json_option(function: F) -> F:
    """Add `--json`: one document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(function)


def find_spec(given: Path | None) -> Path:
    """Return the spec file: the given one, else the nearest `bakeoff.yaml` from here upwards.

    Raises:
        UsageError: there is none.
    """
    if given is not None:
        return given
    here = Path.cwd()
    for folder in (here, *here.parents):
        for name in SPEC_NAMES:
            if (folder / name).is_file():
                return folder / name
    raise UsageError(
        f"there is no {SPEC_NAMES[0]} here or above", where=str(here), hint="`bakeoff init` writes one"
    )


def environ() -> dict[str, str]:
    """Return the environment, for `${VAR}` in specs."""
    return dict(os.environ)


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """Return the values of an option that is given as `OLD=NEW`.

    Raises:
        UsageError: one has no `=`, or nothing on a side of it.
    """
    found: dict[str, str] = {}
    for each in given:
        old, _, new = each.partition("=")
        if not old or not new:
            raise UsageError(f"`{option} {each}` is not `{option} OLD=NEW`")
        found[old] = new
    return found
