"""`bakeoff worker`: one more worker for a service, also on another machine."""

from typing import Any

import click

from bakeoff.cli._serving import place_options, settings_of, work_options


@click.command()
@place_options
@work_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Do jobs of a service, one at a time; --data and --database-url must be those of the server."""
    settings = settings_of(given)
    from bakeoff.server.workers.work import work

    ctx.exit(work(settings, with_server=False))
