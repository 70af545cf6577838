"""`bakeoff deploy`: model servers that stay until they are told to stop."""

from pathlib import Path

import click

from bakeoff.cli._options import environ, find_spec, json_option


@click.group()
def command() -> None:
    """Start, stop and list model servers."""


@command.command()
@click.argument("spec", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--models", help="Only these models, separated by commas.")
@json_option
def up(*, spec: Path | None, models: str | None, as_json: bool) -> None:
    """Start a server for each model of the spec that has no endpoint.

    The keys are printed here, once; they are in no file and no log.
    """
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.run import servers
    from bakeoff.run.loop import run_async
    from bakeoff.run.select import selected
    from bakeoff.spec import load_spec

    loaded = selected(load_spec(find_spec(spec), environ()), models=models)
    started = run_async(servers.up(loaded, lambda line: click.echo(line, err=True)))
    if as_json:
        print_document({"schema_version": 1, "servers": started})
        return
    for one in started:
        say(one.target, bold=True)
        say(f"  endpoint  {one.endpoint}")
        say(f"  model     {one.model}")
        say(f"  api key   {one.api_key or 'none'}")
        say(f"  log       {one.log}")
        say(f"  stop      bakeoff deploy down {one.lease}")
    say("Keep the keys: they are shown once and stored nowhere.")


@command.command()
@click.argument("servers", nargs=-1, metavar="LEASE...")
@click.option("--all", "everything", is_flag=True, help="Stop every server that bakeoff started here.")
@json_option
def down(*, servers: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Stop servers, by lease or by model name."""
    from bakeoff.cli._terminal import print_document, say
    from bakeoff.errors import UsageError
    from bakeoff.run import servers as work

    if bool(servers) == everything:
        raise UsageError("name the servers to stop, or --all", hint="`bakeoff deploy status` lists them")
    ended = work.down(None if everything else list(servers))
    if as_json:
        print_document({"schema_version": 1, "stopped": [lease.id for lease in ended]})
        return
    for lease in ended:
        say(f"stopped {lease.id} ({lease.target})")
    if not ended:
        say("no server was running")


@command.command()
@json_option
def status(*, as_json: bool) -> None:
    """List the servers that bakeoff started on this machine."""
    from bakeoff.cli._terminal import print_document, say, table
    from bakeoff.run import servers

    found = servers.status()
    if as_json:
        print_document({"schema_version": 1, "servers": found})
    elif not found:
        say("no server is running")
    else:
        rows = [(one.lease, one.target, one.state, one.endpoint or "-", one.since) for one in found]
        say(table(("lease", "model", "state", "endpoint", "since"), rows))


@command.command()
@click.argument("server", metavar="LEASE")
@click.option("--lines", type=click.IntRange(min=1), default=50, show_default=True, help="How many lines.")
def logs(*, server: str, lines: int) -> None:
    """Print the end of a server's log, also of one that has ended."""
    from bakeoff.cli._terminal import say
    from bakeoff.run.servers import log_of

    text = log_of(server).read_text(errors="replace")
    say("\n".join(text.splitlines()[-lines:]))
