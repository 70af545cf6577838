"""`bakeoff --server URL`: which service a command speaks to, and which of its runs are meant."""

import itertools
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bakeoff.client import Client, RunHandle, RunInfo

_META = "bakeoff.server"
_THERE = frozenset({"compare", "list", "plan", "run", "runs", "show"})
_OTHERWISE = {
    "decide": "get(ID).decide(policy)",
    "export": "get(ID).export(FORMAT, FILE)",
    "models": "targets()",
    "report": "get(ID).report()",
}
"""How the Python client does what the command line does on this machine alone."""
_SHOWN, _LOOKED_THROUGH = 100, 10_000


def remember_server(ctx: click.Context, server: str | None) -> None:
    """Keep the service that the command line names, for the commands that can use one."""
    named = ctx.get_parameter_source("server") is click.core.ParameterSource.COMMANDLINE
    if named and ctx.invoked_subcommand not in _THERE:
        name = str(ctx.invoked_subcommand)
        more = f", or use Python: `bakeoff.Client(URL).{_OTHERWISE[name]}`" if name in _OTHERWISE else ""
        raise click.UsageError(f"`{name}` works on this machine alone; leave out --server{more}")
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


def newest(client: "Client") -> "list[RunInfo]":
    """Return the newest runs of a service, oldest first."""
    return [handle.info for handle in itertools.islice(client.runs(page=_SHOWN), _SHOWN)][::-1]


def one(client: "Client", run: str | None) -> "RunHandle":
    """Return a run of a service by its id or the beginning of one, the newest one by default.

    Raises:
        UsageError: there is none, or several begin so.
    """
    from bakeoff.client import CallError
    from bakeoff.errors import UsageError

    if run is None:
        found = next(client.runs(page=1), None)
        if found is None:
            raise UsageError(f"there is no run at {client.url}", hint="start one with `bakeoff run`")
        return found
    try:
        return client.get(run)
    except CallError as error:
        if error.status != 404:
            raise
        known = itertools.islice(client.runs(page=1000), _LOOKED_THROUGH)
        near = [each for each in known if each.id.startswith((run, f"job-{run}"))]
        if not near:
            error.hint = error.hint or f"`bakeoff --server {client.url} runs list` shows the newest ones"
            raise
    if len(near) > 1:
        names = ", ".join(each.id for each in near[:5])
        raise UsageError(f"several runs begin with `{run}`: {names}", hint="give more of the id")
    return near[0]


def check_server(ctx: click.Context) -> "Client":
    """Return the client of a command that only a service can do.

    Raises:
        UsageError: none is named.
    """
    client = client_of(ctx)
    if client is None:
        words = f"runs {ctx.info_name}"
        raise click.UsageError(f"`{words}` is for those of a service: `bakeoff --server URL {words}`")
    return client
