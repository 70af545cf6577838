"""`bakeoff decide`: the verdict of a stored run, by its own rule or by another; nothing is sent."""

from pathlib import Path
from typing import Any

import click

from bakeoff.cli._options import environ, json_option, out_option


@click.command()
@click.argument("run", required=False)
@click.option(
    "--policy",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Decide by the rule in this file: what stands under `decide:` in a spec.",
)
@click.option("--price", "prices", multiple=True, metavar="NAME.CLASS=USD", help="As if NAME had this price.")
@click.option("--traffic", metavar="RATE", help="As if this were the traffic, such as 5/s.")
@click.option("--slo", "slos", multiple=True, metavar="NAME=TIME", help="As if this were asked: ttft=300ms.")
@click.option("--gate/--no-gate", default=False, help="Exit 3 for fail, 6 for inconclusive.")
@click.option("--allow-invalid", is_flag=True, help="Do not exit 7 where the client was the limit.")
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write results.json, junit.xml and summary.md into this folder.",
)
@out_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    run: str | None,
    policy: Path | None,
    to: Path | None,
    out: Path,
    prices: tuple[str, ...],
    **given: Any,
) -> None:
    """Decide upon a stored or imported run again; needs no request and leaves the run as it is.

    RUN is an id, the beginning of one, or a path; without any it is the latest run. The rule is the run's
    own, or the one of a policy file, and the verdict says where it is not the one that the run was started
    with. --price, --traffic and --slo may be given several times, and hold on top of either.
    """
    from bakeoff.cli._execute import Manner, show
    from bakeoff.run.deciding import (
        WhatIf,
        decide_again,
        read_prices,
        read_targets,
        read_traffic,
        write_decision,
    )
    from bakeoff.run.folder import find_folder

    what_if = WhatIf(
        prices=read_prices(prices),
        traffic=read_traffic(given.pop("traffic")),
        slo=read_targets(given.pop("slos")),
    )
    decided = decide_again(find_folder(out, run), environ(), policy=policy, what_if=what_if)
    if to is not None:
        write_decision(decided, to)
    ctx.exit(show(decided.finished, decided.loaded, Manner(**given)))
