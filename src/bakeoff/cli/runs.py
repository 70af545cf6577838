"""`bakeoff runs`: list, show or remove stored runs."""

import sys
from functools import partial
from pathlib import Path

import click

from bakeoff.cli._options import json_option, out_option
from bakeoff.cli._runs_there import cancel, wait


@click.group()
def command() -> None:
    """List, show or remove stored runs; wait for those of a service, or cancel them."""


command.add_command(wait)
command.add_command(cancel)


@command.command("list")
@out_option
@json_option
@click.pass_context
def list_(ctx: click.Context, /, *, out: Path, as_json: bool) -> None:
    """List all runs, oldest first; of a service, the newest 100."""
    from bakeoff.cli._remote import client_of, newest
    from bakeoff.cli._runs import print_list, print_list_there
    from bakeoff.run.listing import summaries

    client = client_of(ctx)
    if client is not None:
        print_list_there(newest(client), client.url, as_json=as_json)
    else:
        print_list(summaries(out), out, as_json=as_json)


@command.command()
@click.argument("run", required=False)
@out_option
@json_option
@click.pass_context
def show(ctx: click.Context, /, *, run: str | None, out: Path, as_json: bool) -> None:
    """Show what a run is made of: the latest one, or RUN by id or path."""
    from bakeoff.cli._remote import client_of, one
    from bakeoff.cli._runs import print_details, print_run_there
    from bakeoff.cli._terminal import print_document
    from bakeoff.run.folder import find_folder
    from bakeoff.run.listing import details

    client = client_of(ctx)
    if client is not None:
        there = one(client, run)
        print_document(there.info) if as_json else print_run_there(there)
        return
    found = details(find_folder(out, run))
    print_document(found) if as_json else print_details(found)


@command.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@out_option
@click.pass_context
def rm(ctx: click.Context, /, *, runs: tuple[str, ...], yes: bool, out: Path) -> None:
    """Delete runs with everything in them; one that is being written is refused."""
    from bakeoff.cli._remote import client_of, one
    from bakeoff.cli._terminal import say
    from bakeoff.errors import UsageError
    from bakeoff.run.folder import find_folder
    from bakeoff.stores.jsonl import remove

    client = client_of(ctx)
    if client is not None:
        handles = [one(client, run) for run in runs]
        removers = {handle.id: handle.delete for handle in handles}
    else:
        folders = [find_folder(out, run) for run in runs]
        removers = {str(folder): partial(remove, folder) for folder in folders}
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nothing was deleted: nobody is there to ask", hint="--yes deletes unasked")
        names = ", ".join(Path(name).name for name in removers)
        click.confirm(f"Delete {names} for good?", abort=True)
    for name, remove_it in removers.items():
        remove_it()
        say(f"deleted {name}")
