"""The command group: names, one-line helps, and errors turned into messages and exit codes."""

import importlib
import json
import os
import sys
from typing import Any

import click

from bakeoff import __version__
from bakeoff.errors import BakeoffError

GROUPS: dict[str, dict[str, str]] = {
    "Get started": {
        "quickstart": "Compare two real local models: no keys, no GPU, about a minute.",
        "init": "Write a bakeoff.yaml with its data, ready to change.",
        "doctor": "Check this machine and an endpoint; each problem with its fix.",
    },
    "Measure": {
        "run": "Run a bake-off: deploy, send, score, decide, report.",
        "resume": "Go on with a run that stopped; sends exactly what is missing.",
    },
    "Decide": {
        "report": "Write a run's reports again, or print its results.",
        "compare": "Compare the targets of one or several runs, pair by pair.",
    },
    "Operate": {
        "runs": "List, show or remove stored runs.",
        "deploy": "Start, stop and list model servers.",
        "config": "Show, check or describe the spec file.",
    },
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all command names in the order of the help."""
        return [name for commands in GROUPS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"bakeoff.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown command with the nearest known one."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            from bakeoff.plugins import suggest

            raise click.UsageError(f"there is no command `{args[0]}`.{suggest(args[0], known)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings without importing them."""
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl(list(commands.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="bakeoff %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def app(ctx: click.Context, debug: bool) -> None:
    """Which LLM should a team run? Measure quality, latency and cost, with uncertainty, and decide."""
    ctx.obj = debug


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the code of its outcome."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app.main(args=arguments, prog_name="bakeoff", standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except BakeoffError as error:
        if "--debug" in arguments:
            raise
        _tell(error, as_json="--json" in arguments)
        code = error.exit_code
    except BrokenPipeError:
        # The reader of our output went away; that is its choice, and Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _tell(error: BakeoffError, *, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {
            "error": error.message,
            "where": error.where,
            "hint": error.hint,
            "errors": [str(each) for each in getattr(error, "errors", ())],
            "exit_code": error.exit_code,
        }
        click.echo(json.dumps(facts), err=True)
        return
    for line in str(error).splitlines():
        head = "" if line.startswith("hint:") else "error: "
        click.echo(f"{head}{line}", err=True)
