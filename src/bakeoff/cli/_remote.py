"""`bakeoff --server URL`: have a service run a spec, and look at its runs."""

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakeoff.cli._execute import Manner
    from bakeoff.client import Client, RunHandle, RunInfo
    from bakeoff.spec import LoadedSpec

_META = "bakeoff.server"
_THERE = frozenset({"run", "runs"})
_SHOWN = 100


def remember_server(ctx: click.Context, server: str | None) -> None:
    """Keep the service that the command line names, for the commands that can use one."""
    named = ctx.get_parameter_source("server") is click.core.ParameterSource.COMMANDLINE
    if named and ctx.invoked_subcommand not in _THERE:
        raise click.UsageError(f"`{ctx.invoked_subcommand}` works on this machine alone; leave out --server")
    ctx.meta[_META] = server


def client_of(ctx: click.Context) -> "Client | None":
    """Return a client of the service that is to do the work; None where this machine does it.

    Raises:
        UsageError: an option speaks of this machine.
    """
    server: str | None = ctx.meta.get(_META)
    if not server:
        return None
    from bakeoff.client import Client

    if ctx.get_parameter_source("out") is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--out is a folder of this machine; with --server the service keeps runs")
    return Client(server)


def run_there(client: "Client", loaded: "LoadedSpec", manner: "Manner") -> int:
    """Have a service run a loaded spec, show the outcome, and return its exit code."""
    from bakeoff.cli._show import print_finished, print_json
    from bakeoff.cli._terminal import say
    from bakeoff.client.packing import pack
    from bakeoff.run.finish import Finished

    packed = pack(loaded)
    handle = client.run(packed.document, files=packed.files)
    if not manner.quiet:
        click.echo(f"run {handle.id} at {client.url}", err=True)
    info = handle.wait(progress=None if manner.quiet else _tell)
    results = handle.results()
    finished = Finished(folder=Path(handle.id), results=results, samples=info.progress.done, files={})
    if manner.as_json:
        print_json(results)
    else:
        print_finished(finished)
        say(f"report   {handle.url}/report")
    return finished.exit_code(
        tolerance=loaded.spec.error_tolerance, gate=manner.gate, allow_invalid=manner.allow_invalid
    )


def newest(client: "Client") -> "list[RunInfo]":
    """Return the newest runs of a service, oldest first."""
    return [handle.info for handle in itertools.islice(client.runs(page=_SHOWN), _SHOWN)][::-1]


def one(client: "Client", run: str | None) -> "RunHandle":
    """Return a run of a service by its id, the newest one by default.

    Raises:
        UsageError: there is none.
    """
    from bakeoff.errors import UsageError

    found = next(client.runs(page=1), None) if run is None else client.get(run)
    if found is None:
        raise UsageError(f"there is no run at {client.url}", hint="start one with `bakeoff run`")
    return found


def remover(client: "Client", run: str) -> "Callable[[], None]":
    """Return what deletes a run of a service, which must be there."""
    return client.get(run).delete


def _tell(info: "RunInfo") -> None:
    part = info.progress
    text = f"{info.state}: {part.done:,} of {part.total:,} samples, {part.failed:,} failed"
    if sys.stderr.isatty():
        click.echo(f"\r{text}\x1b[K", err=True, nl=info.ended)
    elif info.ended or not part.done:
        click.echo(text, err=True)
