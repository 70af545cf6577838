"""`bakeoff runs`: list, show or remove stored runs."""

import sys
from pathlib import Path

import click

from bakeoff.cli._options import json_option, out_option


@click.group()
def command() -> None:
    """List, show or remove stored runs."""


@command.command("list")
@out_option
@json_option
def list_(*, out: Path, as_json: bool) -> None:
    """List all runs, oldest first."""
    from bakeoff.cli._terminal import print_document, say, table
    from bakeoff.run.listing import summaries

    found = summaries(out)
    if as_json:
        print_document({"schema_version": 1, "runs": found})
    elif not found:
        say(f"no run under `{out}`; `bakeoff quickstart` or `bakeoff run` makes one")
    else:
        rows = [(one.id, one.state, f"{one.samples:,}", one.verdict or "-") for one in found]
        say(table(("run", "state", "samples", "verdict"), rows))


@command.command()
@click.argument("run", required=False)
@out_option
@json_option
def show(*, run: str | None, out: Path, as_json: bool) -> None:
    """Show what a run is made of: the latest one, or RUN by id or path."""
    from bakeoff.cli._terminal import print_document, say, table
    from bakeoff.run.folder import find_folder
    from bakeoff.run.listing import details

    found = details(find_folder(out, run))
    if as_json:
        print_document(found)
        return
    one = found.run
    for name, text in (
        ("run", one.path),
        ("name", one.name),
        ("started", one.started),
        ("state", one.state),
        ("verdict", f"{one.verdict}: {one.sentence}" if one.verdict else "-"),
        ("plan", found.plan_hash),
        ("seed", str(found.seed)),
        ("command", found.command),
    ):
        say(f"{name:<8} {text}")
    say()
    rows = [(t.name, t.model, t.where or "-", t.engine or "unknown") for t in found.targets]
    say(table(("target", "model", "where", "engine"), rows))
    say()
    counts = [
        (c.benchmark, c.target, f"{c.stored:,} of {c.planned:,}", _counts(c.outcomes)) for c in found.counts
    ]
    say(table(("benchmark", "target", "samples", "outcomes"), counts))
    say()
    say(table(("file", "bytes"), [(name, f"{size:,}") for name, size in found.files.items()]))


@command.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@out_option
def rm(*, runs: tuple[str, ...], yes: bool, out: Path) -> None:
    """Delete runs with everything in them; one that is being written is refused."""
    from bakeoff.cli._terminal import say
    from bakeoff.errors import UsageError
    from bakeoff.run.folder import find_folder
    from bakeoff.stores.jsonl import remove

    folders = list(dict.fromkeys(find_folder(out, run) for run in runs))
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nothing was deleted: nobody is there to ask", hint="--yes deletes unasked")
        names = ", ".join(folder.name for folder in folders)
        click.confirm(f"Delete {names} for good?", abort=True)
    for folder in folders:
        remove(folder)
        say(f"deleted {folder}")


def _counts(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in outcomes.items()) or "-"
