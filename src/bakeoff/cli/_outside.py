"""`bakeoff perf --engine`: let another tool send the requests, and show the run as any load test."""

from pathlib import Path
from typing import Any

from bakeoff.cli._execute import Manner, command_line
from bakeoff.cli._options import environ
from bakeoff.cli._show import print_finished
from bakeoff.cli._terminal import say, tell
from bakeoff.errors import BakeoffError
from bakeoff.run.outside import Outside, measure_outside
from bakeoff.run.perf import PerfAsked


def run_outside(asked: PerfAsked, engine: str, processor: str | None, out: Path, manner: Manner) -> int:
    """Measure with another tool; return the exit code."""
    options: dict[str, Any] = {"processor": processor} if processor else {}
    outside = Outside(engine=engine, options=options, processes=manner.processes, command=command_line())

    def note(text: str) -> None:
        if not manner.quiet:
            say(text, err=True)

    measured = measure_outside(asked, outside, out, environ(), note)
    (manner.present or print_finished)(measured.finished)
    code = measured.exit_code(gate=manner.gate, allow_invalid=manner.allow_invalid)
    if code == 5:
        message = f"more than {measured.tolerance:.0%} of the requests failed; the results are kept"
        tell(BakeoffError(message, hint="the report has the errors"), as_json=False)
    return code
