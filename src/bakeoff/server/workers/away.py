"""The process of a job that another server does: it has it done there, and makes a run of the results."""

import os
import signal
import sys
from pathlib import Path

import msgspec

from bakeoff.run.finish import finish
from bakeoff.run.stored import load_stored
from bakeoff.sandbox import confine
from bakeoff.server.jobs.job import JobError
from bakeoff.server.nemo.imported import import_result, rows_of
from bakeoff.server.remotes.faults import RemoteError
from bakeoff.server.remotes.following import Following, counted
from bakeoff.server.remotes.nemo import NemoServer
from bakeoff.server.remotes.steps import Order, Steps, filled, read_order, read_result
from bakeoff.server.workers.bound import RUNS, do, end_with_lease, outcome_of, tell
from bakeoff.server.workers.told import Told
from bakeoff.stores.redact import Redactor


def main(arguments: list[str]) -> int:
    """Do the job of the folder in the arguments: `FOLDER ORIGINS`, the latter as JSON.

    An interrupt leaves the job to the next attempt; only its worker says that it is to be cancelled.
    """
    folder, origins = Path(arguments[0]), msgspec.json.decode(arguments[1], type=list[str])
    # A process that was begun in the background of a shell ignores interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leaving = end_with_lease()
    confine()
    redact = Redactor()

    def work() -> Told:
        order = read_order(folder)
        server = NemoServer(order.remote, endpoints=origins, secrets=os.environ)
        whole, used = filled(order, os.environ)
        for secret in (*used, server.key or ""):
            redact.learn(secret)

        def heard(steps: Steps) -> None:
            done, total = counted(steps.details, order.rows)
            tell(Told(done=done, total=total))

        following = Following(server, whole, folder, redact=redact, leaving=leaving, heard=heard)
        if following.follow() == "completed":
            return _finished(folder, order, following.steps)
        return _left(following.steps, redact)

    return do(folder, work, redact)


def _finished(folder: Path, order: Order, steps: Steps) -> Told:
    """Make a run of the results, as any other tool's results become one."""
    run = import_result(folder, folder / RUNS, order, steps)
    finished = finish(run, load_stored(run, {}, secrets_needed=False).spec)
    done = max(counted(steps.details, None)[0], rows_of(read_result(folder) or {}))
    return Told(done=done, total=done, ended=True, outcome=outcome_of(finished))


def _left(steps: Steps, redact: Redactor) -> Told:
    """Return what is told of a cancelled job: what its server has not confirmed is nobody's to believe."""
    error: JobError | None = None
    if steps.submitted_at is not None and steps.status not in {"cancelled", "failed"}:
        job = f"its job {steps.job}" if steps.job else "the job"
        message = f"the NeMo server has not confirmed that it ended {job}: {steps.details.get('message', '')}"
        message = redact(message.encode()).decode()
        error = JobError(kind=RemoteError.__name__, message=message, hint="look at the NeMo server")
    return Told(ended=True, cancelled=True, error=error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
