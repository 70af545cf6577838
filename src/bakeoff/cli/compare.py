"""`bakeoff compare`: targets of one or several runs, pair by pair on the same cases."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakeoff.cli._options import json_option, out_option

if TYPE_CHECKING:
    from bakeoff.records import Comparison

_HEADER = ("metric", "a", "b", "a minus b", "interval", "p", "adjusted p", "n", "test", "only a", "only b")


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--against",
    metavar="NAME",
    help="Compare every other target with this one alone, which leaves fewer tests to adjust for.",
)
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many differing cases to list.",
)
@out_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    runs: tuple[str, ...],
    against: str | None,
    rows: int,
    out: Path,
    as_json: bool,
) -> None:
    """Compare the targets of one or several runs on the cases that both answered.

    Each RUN is an id, the beginning of one, or a path; without any it is the latest run. A target that
    is in several runs is called name@run. The cases that one target lost and another won come first, then
    the differences: the first target minus the second.
    """
    from bakeoff.cli._flips import print_flips
    from bakeoff.cli._remote import client_of
    from bakeoff.cli._remote import one as there
    from bakeoff.cli._terminal import print_document, say, table
    from bakeoff.run.compare import compare_runs
    from bakeoff.run.folder import find_folder

    client = client_of(ctx)
    if client is not None:
        found = client.compare(*(there(client, run) for run in runs or (None,)), against=against)
    else:
        found = compare_runs([find_folder(out, run) for run in runs or (None,)], against=against)
    if as_json:
        print_document(found)
        return
    print_flips(found, rows)
    say(table(_HEADER, [_row(one) for one in found.comparisons]))
    for one in found.comparisons:
        if one.note:
            say(f"{one.metric}, {one.a} and {one.b}: {one.note}")
    for warning in found.warnings:
        say(f"warning: {warning}", fg="yellow")


def _row(one: "Comparison") -> tuple[str, ...]:
    from bakeoff.charts.numbers import places, plain, probability, scale_for

    scale = scale_for(one.unit, [one.difference, one.low, one.high])
    value, low, high = (
        None if bound is None else bound * scale.factor for bound in (one.difference, one.low, one.high)
    )
    unit = "points" if one.unit == "share" else scale.unit
    digits = 0 if value is None else places(value, low, high)
    return (
        one.metric,
        one.a,
        one.b,
        "unknown" if value is None else f"{'+' if value > 0 else ''}{plain(value, digits)} {unit}",
        "" if low is None or high is None else f"[{plain(low, digits)}, {plain(high, digits)}]",
        probability(one.p),
        probability(one.p_adjusted),
        f"{one.n:,}" if one.n_b is None else f"{one.n:,} and {one.n_b:,}",
        one.test,
        _count(one.only_a),
        _count(one.only_b),
    )


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"
