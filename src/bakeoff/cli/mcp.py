"""`bakeoff mcp`: the tools of a service for one agent that starts this command."""

from typing import Any

import click

from bakeoff.cli._mcp import check_mcp
from bakeoff.cli._serving import place_options, settings_of, work_options


@click.command()
@click.option(
    "--role",
    type=click.Choice(["viewer", "engineer", "modelops", "admin"]),
    default="engineer",
    show_default=True,
    help="What the agent may do: a viewer looks, an engineer also starts and cancels runs.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Worker processes beside it; 0 where `bakeoff serve` or `bakeoff worker` does its jobs.",
)
@place_options
@work_options
def command(*, role: Any, **given: Any) -> None:
    """Speak the Model Context Protocol on stdin and stdout, until the agent goes.

    Nothing listens on a port. Runs are in --data, as those of `bakeoff serve` with the same folder.
    """
    check_mcp()
    settings = settings_of(given)
    from bakeoff.server.mcp import serve_agent

    serve_agent(settings, role)
