"""The commands: names and one-line helps, each imported only when it is called."""

import importlib

import click

GROUPS: dict[str, dict[str, str]] = {
    "Get started": {
        "quickstart": "Compare two real local models: no keys, no GPU, about a minute.",
        "init": "Write a bakeoff.yaml with its data, ready to change.",
        "doctor": "Check this machine and an endpoint; each problem with its fix.",
    },
    "Measure": {
        "plan": "What a run can show, and what it takes, before anything is sent.",
        "run": "Run a bake-off: deploy, send, score, decide, report.",
        "resume": "Go on with a run that stopped; sends exactly what is missing.",
        "data": "Look at data sets: rows, duplicates, leaks, balance.",
        "perf": "Measure the speed of one endpoint under a load.",
        "truth-server": "Serve an endpoint of exactly known timing, to check load tools with.",
    },
    "Decide": {
        "score": "Grade a run's stored answers again, by other scorers if you like.",
        "decide": "Decide upon a run again, by its own rule or by another; the gate for CI.",
        "report": "Write a run's reports again, or print its results.",
        "compare": "Compare the targets of one or several runs, pair by pair.",
        "import": "Turn other tools' results into a run, their configurations into a spec.",
        "export": "Write a run as files of another tool, or as signed evidence.",
        "verify": "Check a run or its evidence: signature, hashes, every number from the rows.",
        "keys": "Make and show keys that sign evidence.",
    },
    "Serve": {
        "serve": "Serve jobs, results and verdicts over HTTP.",
        "worker": "Do jobs of a service, here or on another machine.",
        "mcp": "Give one agent on this machine the tools of a service, over stdin and stdout.",
        "access": "Make, list and revoke the API keys of a service.",
    },
    "Operate": {
        "runs": "List, show or remove stored runs.",
        "list": "List runs; the same as `runs list`.",
        "show": "Show a run; the same as `runs show`.",
        "deploy": "Start, stop and list model servers.",
        "models": "List models, and find out what their endpoints can do.",
        "config": "Show, check or describe the spec file.",
        "completion": "Print what makes your shell complete commands.",
    },
}

_MODULES = {"import": "import_files", "truth-server": "truth_server"}
"""Commands whose name is no name of a module."""
_SHORT = {"list": ("runs", "list_"), "show": ("runs", "show")}
"""Commands of groups that can be called without the group, by module and name there."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all command names in the order of the help."""
        return [name for commands in GROUPS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name, attribute = _SHORT.get(cmd_name, (_MODULES.get(cmd_name, cmd_name), "command"))
        module = importlib.import_module(f"bakeoff.cli.{name}")
        command: click.Command = getattr(module, attribute)
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
