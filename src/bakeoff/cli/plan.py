"""`bakeoff plan`: what a run can show and what it takes, before anything is sent."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff.cli._options import environ, find_spec, json_option, out_option

if TYPE_CHECKING:
    from bakeoff.run.planning import Forecast


@click.command()
@click.argument("spec", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "run", metavar="RUN", help="Take disagreements, lengths and times from this run.")
@click.option("--models", help="Only these models, separated by commas.")
@click.option("--only", help="Only these benchmarks, separated by commas.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many cases of each benchmark.")
@out_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    spec: Path | None,
    run: str | None,
    limit: int | None,
    out: Path,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Say what a run cannot decide, what it can show, and what it takes; sends nothing.

    No server is started or asked and no weights are fetched, so keys may be unset. RUN is an id, the
    beginning of one, or a path.
    """
    from bakeoff.cli._remote import client_of, one
    from bakeoff.cli._terminal import print_document
    from bakeoff.cli._wanted import Wanted
    from bakeoff.run.earlier import Earlier, read_earlier
    from bakeoff.run.folder import find_folder
    from bakeoff.run.planning import forecast
    from bakeoff.run.select import selected
    from bakeoff.spec import load_spec

    overrides: dict[str, object] = {} if limit is None else {"benchmarks[*].limit": limit}
    path, client = find_spec(spec), client_of(ctx)
    if client is not None:
        packed = Wanted(path=path, overrides=overrides, **chosen).packed()
        found = client.plan(packed, earlier=run and one(client, run).id)
    else:
        loaded = load_spec(path, environ(), overrides=overrides, keep_refused=True, for_requests=False)
        loaded = selected(loaded, models=chosen["models"], benchmarks=chosen["only"])
        earlier = Earlier() if run is None else read_earlier(find_folder(out, run))
        found = forecast(loaded, earlier)
    if as_json:
        print_document(found)
    else:
        _show(found)


def _show(found: "Forecast") -> None:
    from bakeoff.cli._forecast import can_table, effort_table
    from bakeoff.cli._forecast_sums import sums
    from bakeoff.cli._terminal import say

    say(
        "What these data cannot decide" if found.cannot else "Nothing that is asked is out of reach",
        bold=True,
    )
    for sentence in found.cannot:
        say(f"  - {sentence}")
    for title, text in (("What they can show", can_table(found)), ("What it takes", effort_table(found))):
        if text:
            say()
            say(title, bold=True)
            say(text)
    say()
    for line in sums(found):
        say(line)
    for note in found.notes:
        say(f"  - {note}", dim=True)
