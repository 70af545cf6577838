"""The command line as a whole: errors become messages and exit codes."""

import os
import signal
import sys

import click

from bakeoff import __version__
from bakeoff.cli._commands import LazyGroup
from bakeoff.errors import BakeoffError, InterruptedRun, StoreError


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="bakeoff %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--server",
    metavar="URL",
    envvar="BAKEOFF_SERVER",
    help="Have a service do it, for `run`, `runs`, `list`, `show`, `plan` and `compare`; "
    "its key is in BAKEOFF_KEY.",
)
@click.pass_context
def app(ctx: click.Context, debug: bool, server: str | None) -> None:
    """Which LLM should a team run? Measure quality, latency and cost, with uncertainty, and decide."""
    from bakeoff.cli._remote import remember_server

    ctx.obj = debug
    remember_server(ctx, server)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the code of its outcome."""
    arguments = sys.argv[1:] if arguments is None else arguments
    output = sys.stdout
    try:
        code = app.main(args=arguments, prog_name="bakeoff", standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        _ignore_interrupts()
        click.echo("interrupted", err=True)
        code = 130
    except SystemExit:
        # click exits by itself where the reader went away, and replaces the output that was closed.
        if sys.stdout is output:
            raise
        # That is the reader's choice, and Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        code = 0
    except (click.ClickException, BakeoffError, OSError) as error:
        if "--debug" in arguments:
            raise
        code = _told(error, as_json="--json" in arguments)
    sys.exit(code if isinstance(code, int) else 0)


def _told(error: click.ClickException | BakeoffError | OSError, *, as_json: bool) -> int:
    """Print the error and return its exit code."""
    from bakeoff.cli import _terminal

    if isinstance(error, click.ClickException):
        _terminal.tell_usage(error, as_json=as_json)
        return 2
    if isinstance(error, OSError):
        where = "" if error.filename is None else str(error.filename)
        error = StoreError(error.strerror or str(error), where=where)
    if isinstance(error, InterruptedRun):
        _ignore_interrupts()
    _terminal.tell(error, as_json=as_json)
    return error.exit_code


def _ignore_interrupts() -> None:
    """Let a further Ctrl-C pass: all is stored, and Python's own clean-up must not end in a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
