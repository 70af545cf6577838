"""Run or resume a loaded spec with a display, show the outcome, and return its exit code."""

import shlex
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec

from bakeoff.cli._failed import after_failures, kept_failures
from bakeoff.cli._progress import Display
from bakeoff.cli._terminal import tell
from bakeoff.errors import BakeoffError
from bakeoff.run.execute import prepare_run, resume_run, start_run
from bakeoff.run.finish import Finished
from bakeoff.run.loop import resumable, run_async
from bakeoff.spec import LoadedSpec
from bakeoff.stores.redact import Redactor

Work = Callable[[Display], Coroutine[object, object, Finished]]


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a run is shown, and which of its outcomes are failures to the caller.

    Attributes:
        present: prints the finished run in a form of its own.
        processes: how many processes send the requests.
    """

    as_json: bool = False
    gate: bool = False
    allow_invalid: bool = False
    quiet: bool = False
    present: Callable[[Finished], None] | None = None
    processes: int = 1


def run_new(loaded: LoadedSpec, root: Path, manner: Manner) -> int:
    """Run a spec in a new directory; return the exit code."""

    async def work(display: Display) -> Finished:
        prepared = await prepare_run(loaded, display.note)
        display.expect(prepared.plan)
        with resumable(f"bakeoff resume --out {shlex.quote(str(root))}"):
            return await start_run(
                prepared, root, display.control(), command=command_line(), processes=manner.processes
            )

    return _shown(loaded, manner, work)


def run_rest(loaded: LoadedSpec, folder: Path, manner: Manner, *, retry_failed: bool) -> int:
    """Go on with a stored run; return the exit code."""

    async def work(display: Display) -> Finished:
        prepared = await prepare_run(loaded, display.note)
        display.expect(prepared.plan)
        if retry_failed and (told := kept_failures(prepared.plan)):
            display.note(told)
        with resumable(f"bakeoff resume {shlex.quote(str(folder))}"):
            return await resume_run(prepared, folder, display.control(), retry_failed=retry_failed)

    return _shown(loaded, manner, work)


def show(finished: Finished, loaded: LoadedSpec, manner: Manner) -> int:
    """Print a finished run; return the exit code."""
    from bakeoff.cli._show import print_finished, print_json

    if manner.present is not None:
        manner.present(finished)
    elif manner.as_json:
        print_json(finished.results)
    else:
        print_finished(finished)
    tolerance = loaded.spec.error_tolerance
    code = finished.exit_code(tolerance=tolerance, gate=manner.gate, allow_invalid=manner.allow_invalid)
    if code == 5:
        message = f"more than {tolerance:.0%} of a target's samples failed; the results are kept"
        tell(BakeoffError(message, hint=after_failures(finished, loaded.spec)), as_json=False)
    return code


def _shown(loaded: LoadedSpec, manner: Manner, work: Work) -> int:
    try:
        with Display(quiet=manner.quiet) as display:
            finished = run_async(work(display))
    except BakeoffError as error:
        # A server may repeat the key that it refuses.
        error.message = Redactor(loaded.secrets)(error.message.encode()).decode()
        raise
    return show(finished, loaded, manner)


def command_line() -> str:
    """Return the command line that is stored with the run, as a person would type it."""
    return shlex.join(["bakeoff", *sys.argv[1:]])
