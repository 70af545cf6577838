"""Have a service run a spec, and follow a run of a service to its end."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from bakeoff.errors import InterruptedRun

if TYPE_CHECKING:
    from bakeoff.cli._execute import Manner
    from bakeoff.client import CallError, Client, RunHandle, RunInfo
    from bakeoff.client.packing import Packed


def run_there(client: "Client", packed: "Packed", manner: "Manner") -> int:
    """Have a service run a spec, show the outcome, and return its exit code."""
    handle = client.run(packed)
    if not manner.quiet:
        click.echo(f"run {handle.id} at {client.url}", err=True)
    return follow(client, handle, manner)


def follow(client: "Client", handle: "RunHandle", manner: "Manner") -> int:
    """Wait for the end of a run, show the outcome, and return its exit code.

    Raises:
        InterruptedRun: the user waits no longer; the run goes on.
        CallError: the service is silent for too long.
        RunEndedError: the run has no results.
    """
    from bakeoff.cli._show import print_finished, print_json
    from bakeoff.cli._terminal import say
    from bakeoff.client import CallError
    from bakeoff.run.finish import Finished

    words = f"bakeoff --server {client.url} runs"
    try:
        info = handle.wait(progress=None if manner.quiet else _tell)
    except KeyboardInterrupt:
        _end_line(quiet=manner.quiet)
        raise InterruptedRun(
            f"the run goes on at {handle.url}",
            hint=f"cancel it with `{words} cancel {handle.id}`, "
            f"or wait again with `{words} wait {handle.id}`",
        ) from None
    except CallError as error:
        _end_line(quiet=manner.quiet)
        raise _silent(error, f"{words} wait {handle.id}") from None
    results = handle.results()
    finished = Finished(folder=Path(handle.id), results=results, samples=info.progress.done, files={})
    if manner.as_json:
        print_json(results)
    else:
        print_finished(finished)
        say(f"report   {handle.url}/report")
    tolerance = _tolerance(handle.spec().get("error_tolerance"))
    return finished.exit_code(tolerance=tolerance, gate=manner.gate, allow_invalid=manner.allow_invalid)


def _tolerance(given: object) -> float:
    """Return the share of failed samples that a spec tolerates, as it was submitted: perhaps without."""
    from bakeoff.records import Spec

    default: float = next(
        each.default for each in msgspec.structs.fields(Spec) if each.name == "error_tolerance"
    )
    return float(given) if isinstance(given, (int, float)) else default


def _silent(error: "CallError", again: str) -> "CallError":
    if error.status is None or error.status >= 500:
        error.hint = f"the run is kept there and goes on when the service is back; then wait with `{again}`"
    return error


def _end_line(*, quiet: bool) -> None:
    if not quiet and sys.stderr.isatty():
        click.echo(err=True)


def _tell(info: "RunInfo") -> None:
    part = info.progress
    text = f"{info.state}: {part.done:,} of {part.total:,} samples, {part.failed:,} failed"
    if sys.stderr.isatty():
        click.echo(f"\r{text}\x1b[K", err=True, nl=info.ended)
    elif info.ended or not part.done:
        click.echo(text, err=True)
