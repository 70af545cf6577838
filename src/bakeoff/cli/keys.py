"""`bakeoff keys`: keys that sign evidence, and the public keys of those whose evidence is believed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bakeoff.cli._options import environ, json_option

F = TypeVar("F", bound=Callable[..., Any])


def _keys_option(function: F) -> F:
    return click.option(
        "--keys",
        "given",
        type=click.Path(file_okay=False, path_type=Path),
        default=None,
        help="Folder of the keys; `bakeoff/keys` in your settings by default.",
    )(function)


@click.group()
def command() -> None:
    """Make and show keys that sign evidence; a private key is never shown."""


@command.command()
@click.argument("name")
@_keys_option
@json_option
def new(*, name: str, given: Path | None, as_json: bool) -> None:
    """Make a key pair called NAME; only you can read its private part."""
    from bakeoff.evidence import key_folder, make_key

    _show(make_key(key_folder(given, environ()), name), as_json=as_json)


@command.command("list")
@_keys_option
@json_option
def list_(*, given: Path | None, as_json: bool) -> None:
    """List your keys, and those that you trust."""
    from bakeoff.cli._terminal import print_document, say, table
    from bakeoff.evidence import key_folder, list_keys

    folder = key_folder(given, environ())
    found = list_keys(folder)
    if as_json:
        print_document({"schema_version": 1, "folder": str(folder), "keys": [_facts(key) for key in found]})
    elif not found:
        say(f"no key under `{folder}`; `bakeoff keys new NAME` makes one")
    else:
        rows = [(key.name, key.id, "signs" if key.own else "trusted") for key in found]
        say(table(("key", "id", "use"), rows))


@command.command()
@click.argument("name")
@_keys_option
@json_option
def show(*, name: str, given: Path | None, as_json: bool) -> None:
    """Print the public key of NAME, for those who are to believe what you sign."""
    from bakeoff.evidence import find_key, key_folder

    _show(find_key(key_folder(given, environ()), name), as_json=as_json)


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_keys_option
@json_option
def trust(*, name: str, file: Path, given: Path | None, as_json: bool) -> None:
    """Believe from now on what the owner of the public key in FILE signs; call it NAME."""
    from bakeoff.evidence import key_folder
    from bakeoff.evidence import trust as keep

    _show(keep(key_folder(given, environ()), file, name), as_json=as_json)


def _facts(key: Any) -> dict[str, Any]:
    return {"name": key.name, "id": key.id, "file": str(key.path), "signs": key.own, "public_key": key.pem}


def _show(key: Any, *, as_json: bool) -> None:
    from bakeoff.cli._terminal import print_document, say

    if as_json:
        print_document({"schema_version": 1, **_facts(key)})
        return
    say(f"key `{key.name}`, id {key.id}", err=True)
    say(f"public key in {key.path}", err=True)
    say(key.pem.rstrip())
