"""`bakeoff access`: the API keys of a service."""

from typing import TYPE_CHECKING, Any, get_args

import click

from bakeoff.cli._options import json_option
from bakeoff.cli._serving import place_options, settings_of

if TYPE_CHECKING:
    from bakeoff.server.access import Keys

_ROLES = ("viewer", "engineer", "modelops", "admin")


@click.group()
def command() -> None:
    """Make, list and revoke the API keys of a service."""


def _keys(given: dict[str, Any]) -> "Keys":
    settings = settings_of(given)
    from bakeoff.server.access import Keys
    from bakeoff.server.store.database import Database

    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(settings.url)
    database.migrate()
    return Keys(database)


@command.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice(_ROLES), default="engineer", show_default=True, help="What it may do."
)
@click.option("--project", default="default", show_default=True, help="What the key can see.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Until it expires.")
@place_options
def create(*, name: str, role: str, project: str, days: float | None, **given: Any) -> None:
    """Make a key for NAME and print it, this once."""
    from bakeoff.server.access import Role

    assert role in get_args(Role)
    seconds = None if days is None else days * 86_400
    key, secret = _keys(given).create(name, role, project=project, seconds=seconds)  # type: ignore[arg-type]  # checked above
    click.echo(f"{key.id}: {key.role} of project {key.project}; it is shown this once", err=True)
    click.echo(secret)


@command.command("list")
@click.option("--project", default="default", show_default=True, help="Whose keys.")
@json_option
@place_options
def list_keys(*, project: str, as_json: bool, **given: Any) -> None:
    """List the keys of a project, without their secrets."""
    from bakeoff.server.times import iso

    rows = [
        {
            "id": key.id,
            "name": key.name,
            "role": key.role,
            "created": iso(key.created_at),
            "expires": iso(key.expires_at),
            "revoked": iso(key.revoked_at),
        }
        for key in _keys(given).all(project=project)
    ]
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"schema_version": 1, "keys": rows}))
        return
    for row in rows:
        state = f"revoked {row['revoked']}" if row["revoked"] else f"expires {row['expires'] or 'never'}"
        click.echo(f"{row['id']}  {row['role']:9} {row['name']}  {state}")


@command.command()
@click.argument("key")
@click.option("--project", default="default", show_default=True, help="Whose keys.")
@place_options
def revoke(*, key: str, project: str, **given: Any) -> None:
    """Make KEY useless, by its id."""
    _keys(given).revoke(key, project=project)
