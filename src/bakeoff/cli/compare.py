"""`bakeoff compare`: targets of one or several runs, pair by pair on the same cases."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakeoff.cli._options import json_option, out_option

if TYPE_CHECKING:
    from bakeoff.records import Comparison
    from bakeoff.run.compare import Compared


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many differing cases to list.",
)
@out_option
@json_option
def command(*, runs: tuple[str, ...], rows: int, out: Path, as_json: bool) -> None:
    """Compare the targets of one or several runs on the cases that both answered.

    Each RUN is an id, the beginning of one, or a path; without any it is the latest run. A target that
    is in several runs is called name@run. Differences are the first target minus the second.
    """
    from bakeoff.cli._terminal import print_document, say, table
    from bakeoff.run.compare import compare_runs
    from bakeoff.run.folder import find_folder

    found = compare_runs([find_folder(out, run) for run in runs or (None,)])
    if as_json:
        print_document(found)
        return
    header = ("metric", "a", "b", "a minus b", "interval", "p", "adjusted p", "n", "test", "only a", "only b")
    say(table(header, [_row(one) for one in found.comparisons]))
    for warning in found.warnings:
        say(f"warning: {warning}", fg="yellow")
    _print_flips(found, rows)


def _row(one: "Comparison") -> tuple[str, ...]:
    from bakeoff.charts.numbers import places, plain, probability

    times = one.metric.endswith((".ttft", ".e2e"))
    factor, unit = (1000.0, "ms") if times else (100.0, "points")
    bounds = [None if bound is None else bound * factor for bound in (one.difference, one.low, one.high)]
    value, low, high = bounds
    digits = 0 if value is None else places(value, low, high)
    return (
        one.metric,
        one.a,
        one.b,
        "unknown" if value is None else f"{'+' if value > 0 else ''}{plain(value, digits)} {unit}",
        "" if low is None or high is None else f"[{plain(low, digits)}, {plain(high, digits)}]",
        probability(one.p),
        probability(one.p_adjusted),
        f"{one.n:,}",
        one.test,
        _count(one.only_a),
        _count(one.only_b),
    )


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _print_flips(found: "Compared", rows: int) -> None:
    from bakeoff.cli._terminal import say, table

    names = [target.name for target in found.targets]
    say()
    if not found.flips:
        say("the targets differ on no case")
        return
    shown = found.flips[:rows]
    say(f"{len(found.flips):,} cases on which targets differ" + (":" if shown else ""))
    if shown:
        lines = [
            (f"{one.benchmark}/{one.case}", *(_value(one.values[name]) for name in names)) for one in shown
        ]
        say(table(("case", *names), lines))
    if 0 < len(shown) < len(found.flips):
        say(f"… and {len(found.flips) - len(shown):,} more: --rows {len(found.flips)}, or --json")


def _value(value: float | None) -> str:
    return "-" if value is None else {1.0: "right", 0.0: "wrong"}.get(value, f"{value:.2f}")
