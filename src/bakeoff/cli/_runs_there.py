"""`bakeoff --server URL runs wait` and `cancel`: what can only be done with runs of a service."""

from typing import Any

import click

from bakeoff.cli._options import json_option


@click.command()
@click.argument("run", required=False)
@click.option("--gate", is_flag=True, help="Exit 3 for fail, 6 for inconclusive.")
@click.option("--allow-invalid", is_flag=True, help="Do not exit 7 where the client was the limit.")
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
@click.pass_context
def wait(ctx: click.Context, /, *, run: str | None, **given: Any) -> None:
    """Wait for the end of a run of a service and show it, as `run` does: the newest one, or RUN by id."""
    from bakeoff.cli._execute import Manner
    from bakeoff.cli._following import follow
    from bakeoff.cli._remote import check_server, one

    client = check_server(ctx)
    ctx.exit(follow(client, one(client, run), Manner(**given)))


@click.command()
@click.argument("run")
@click.pass_context
def cancel(ctx: click.Context, /, *, run: str) -> None:
    """End a run of a service; what was answered is kept."""
    from bakeoff.cli._remote import check_server, one
    from bakeoff.cli._terminal import say

    info = one(check_server(ctx), run).cancel()
    say(f"{info.id} is {info.state}")
