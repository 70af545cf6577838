"""Text for people and programs: colours where they are wanted, tables that fit, errors told once."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

from bakeoff.errors import BakeoffError, InterruptedRun

_GAP = "  "
# What others wrote (servers, data, names) must not steer the terminal.
_CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def color() -> bool | None:
    """Return what `NO_COLOR` says; None leaves it to whether the stream is a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def say(text: str = "", *, err: bool = False, **style: Any) -> None:
    """Print a line, styled where colours are wanted."""
    click.secho(text.translate(_CONTROLS), err=err, color=color(), **style)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns under a header; on a terminal too narrow for them, one block a row."""
    lines = [header, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    total = sum(widths) + len(_GAP) * (len(widths) - 1)
    if sys.stdout.isatty() and total > shutil.get_terminal_size().columns:
        return "\n".join(_block(header, row) for row in rows)
    rule = _GAP.join("-" * width for width in widths)
    made = [_GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(line.rstrip() for line in [made[0], rule, *made[1:]])


def _block(header: Sequence[str], row: Sequence[str]) -> str:
    width = max(map(len, header[1:]), default=0)
    rest = [f"  {name.ljust(width)}  {cell}" for name, cell in zip(header[1:], row[1:], strict=True) if cell]
    return "\n".join([row[0], *rest])


def print_document(document: Any) -> None:
    """Print one JSON document on stdout."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())


def tell(error: BakeoffError, *, as_json: bool) -> None:
    """Print an error on stderr: what and where, then what to do."""
    if as_json:
        each = [_facts(one) for one in getattr(error, "errors", ())]
        facts = _facts(error) | ({"errors": each} if each else {}) | {"exit_code": error.exit_code}
        click.echo(json.dumps(facts), err=True)
        return
    for one in getattr(error, "errors", ()) or (error,):
        head = "interrupted" if isinstance(one, InterruptedRun) else "error"
        place = f"{one.where}: " if one.where else ""
        say(f"{head}: ", err=True, fg="red", bold=True, nl=False)
        say(f"{place}{one.message}", err=True)
        if one.hint:
            say("hint: ", err=True, fg="cyan", nl=False)
            say(one.hint, err=True)


def tell_usage(error: click.ClickException, *, as_json: bool) -> None:
    """Print a mistake on the command line as any other error."""
    from bakeoff.errors import UsageError

    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "bakeoff"
    message = error.format_message().rstrip(".")
    tell(UsageError(message, hint=f"`{path} --help` shows what there is"), as_json=as_json)


def _facts(error: BakeoffError) -> dict[str, Any]:
    return {"error": error.message, "where": error.where, "hint": error.hint}
