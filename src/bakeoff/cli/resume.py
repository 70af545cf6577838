"""`bakeoff resume`: go on with a run that stopped."""

from pathlib import Path
from typing import Any

import click

from bakeoff.cli._options import environ, json_option, out_option


@click.command()
@click.argument("run", required=False)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Send failed samples again, but those of load tests.",
)
@click.option("--gate", is_flag=True, help="Exit 3 for fail, 6 for inconclusive.")
@click.option("--allow-invalid", is_flag=True, help="Do not exit 7 where the client was the limit.")
@click.option("--quiet", is_flag=True, help="No progress.")
@out_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    run: str | None,
    retry_failed: bool,
    out: Path,
    **given: Any,
) -> None:
    """Go on with a run that stopped: the latest such run, or RUN by id or path."""
    from bakeoff.cli._execute import Manner, run_rest
    from bakeoff.run.folder import find_folder
    from bakeoff.run.listing import latest_unfinished
    from bakeoff.run.stored import load_stored

    folder = latest_unfinished(out) if run is None and not retry_failed else find_folder(out, run)
    loaded = load_stored(folder, environ())
    ctx.exit(run_rest(loaded, folder, Manner(**given), retry_failed=retry_failed))
