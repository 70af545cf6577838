"""The process that does one job: a run, or the rest of one, in the job's folder.

It tells its progress on stdout, a JSON object a line. On stdin it reads until when its worker has the job's
lease, and ends when that is over or stdin closes: its worker died, hangs, or lost the database.
"""

import fcntl
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bakeoff import clock
from bakeoff.decide.cost.pricing import with_prices
from bakeoff.engine.control import Control, Progress
from bakeoff.errors import BakeoffError, InterruptedRun, RunLockedError, SpecErrorGroup
from bakeoff.records import Sample, Score
from bakeoff.run.execute import Prepared, prepare_run, resume_run, start_run
from bakeoff.run.finish import Finished
from bakeoff.run.folder import list_folders
from bakeoff.run.given import Given, grade_given
from bakeoff.run.loop import run_async
from bakeoff.run.stored import load_stored
from bakeoff.sandbox import confine
from bakeoff.server.jobs.job import JobError, JobLimits, JobOutcome
from bakeoff.server.jobs.removal import LOCK
from bakeoff.server.workers.spending import Spending
from bakeoff.server.workers.told import Told
from bakeoff.spec import LoadedSpec, load_spec
from bakeoff.stores.jsonl import read_records
from bakeoff.stores.redact import Redactor
from bakeoff.wire.leaving import LEAVE

_TELL_EVERY_NS = 100_000_000
_LOCK_S, _LOCK_LOOK_S = 10.0, 0.05
RUNS = "runs"
GIVEN = "given.json"
"""A file of a job whose rows bring the answers along, see `bakeoff.run.given`: no model is asked."""


def main(arguments: list[str]) -> int:
    """Do the job of the folder in the arguments: `FOLDER LIMITS`, the latter as JSON."""
    folder, limits = Path(arguments[0]), msgspec.json.decode(arguments[1], type=JobLimits)
    threading.Thread(target=_end_with_lease, daemon=True).start()
    confine()
    os.chdir(folder)
    secrets: tuple[str, ...] = ()
    try:
        _lock(folder)
        loaded, run = _load(folder)
        secrets = loaded.secrets
        finished, watch = run_async(_work(loaded, folder, run, limits))
    except BaseException as error:  # noqa: BLE001  whatever ends a run is told to its owner
        told = _failed(error, Redactor(secrets))
        _tell(told)
        return 1
    verdict = finished.results.verdict
    outcome = JobOutcome(
        run=finished.folder.name,
        verdict=verdict.state,
        sentence=verdict.sentence,
        invalid=verdict.state == "invalid",
    )
    _tell(watch.told(ended=True, outcome=outcome))
    return 0


def run_folder(folder: Path) -> Path | None:
    """Return the run of a job's folder, None where it has not begun."""
    found = list_folders(folder / RUNS)
    return found[-1] if found else None


def _load(folder: Path) -> tuple[LoadedSpec, Path | None]:
    run = run_folder(folder)
    if run is None:
        return load_spec(folder / "spec.json", os.environ, base=folder), None
    return load_stored(run, os.environ), run


async def _work(
    loaded: LoadedSpec, folder: Path, run: Path | None, limits: JobLimits
) -> tuple[Finished, "_Watch"]:
    prepared = await prepare_run(loaded, lambda _text: None)
    watch = _Watch(prepared)
    control = Control(watch.hear)
    spending = _spending(prepared, limits, folder, control)
    answers = folder / GIVEN
    if answers.is_file():
        given = msgspec.json.decode(answers.read_bytes(), type=Given)
        if run is not None:
            spending.recall((), read_records(run, Score))
        work = grade_given(prepared, folder / RUNS, given, control, run=run)
    else:
        watch.spending = spending
        if run is None:
            work = start_run(prepared, folder / RUNS, control, command=f"job {folder.name}")
        else:
            watch.recall(read_records(run, Sample))
            spending.recall((), read_records(run, Score))
            work = resume_run(prepared, run, control)
    try:
        return await work, watch
    except BakeoffError as stopped:
        # Whatever a request that might not leave has led to, this is why.
        watch.publish(now=True)
        if spending.error is not None:
            raise spending.error from stopped
        raise


def _spending(prepared: Prepared, limits: JobLimits, folder: Path, control: Control) -> Spending:
    """Return what counts against the limits; from now on no request leaves beyond them."""
    targets = with_prices(prepared.plan.targets, prepared.loaded.spec, None)
    spending = Spending(
        limits,
        {target.name: target.price for target in targets},
        folder,
        stop=control.drain,
        stopped=lambda: control.draining,
    )
    if spending.counts or limits.requests is not None:
        control.purse = spending
        LEAVE.set(spending.leave)
    return spending


class _Watch:
    """Counts how far a run is, and tells of it.

    Attributes:
        spending: hears what each answer took; None where nobody was asked for them.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.spending: Spending | None = None
        self._told_at = 0
        self._done = self._failed = 0
        self._total = sum(stage.requests for stage in prepared.plan.stages)
        self.publish(now=True)

    def told(self, *, ended: bool = False, outcome: JobOutcome | None = None) -> Told:
        """Return how far the run is."""
        return Told(done=self._done, total=self._total, failed=self._failed, ended=ended, outcome=outcome)

    def recall(self, samples: Iterable[Sample]) -> None:
        """Count what earlier attempts stored."""
        for sample in samples:
            self._count(sample)
        self.publish(now=True)

    def hear(self, step: Progress) -> None:
        """Take one step of the run."""
        if step.sample is not None:
            self._count(step.sample)
        self.publish(now=step.kind == "done")

    def _count(self, sample: Sample) -> None:
        self._done += 1
        self._failed += not sample.ok
        if self.spending is not None:
            self.spending.heard(sample)

    def publish(self, *, now: bool) -> None:
        """Tell how far the run is; unless `now`, only now and then."""
        moment = clock.now_ns()
        if now or moment - self._told_at > _TELL_EVERY_NS:
            self._told_at = moment
            _tell(self.told())


def _failed(error: BaseException, redact: Redactor) -> Told:
    if isinstance(error, InterruptedRun):
        return Told(ended=True, stopped=True)
    if isinstance(error, SpecErrorGroup):
        message, where, hint = str(error), "", ""
    elif isinstance(error, BakeoffError):
        message, where, hint = error.message, error.where, error.hint
    else:
        message, where, hint = f"{type(error).__name__}: {error}", "", ""
    told = JobError(kind=type(error).__name__, message=message, where=where, hint=hint)
    return msgspec.json.decode(redact(msgspec.json.encode(Told(ended=True, error=told))), type=Told)


def _tell(told: Told) -> None:
    try:
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)


def _lock(folder: Path) -> None:
    """Be the only process on this job until the end of this one, from before it looks for a run.

    Raises:
        RunLockedError: the child of an earlier worker does not end.
    """
    # Never closed: the lock goes with the process, whatever ends it.
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    until = clock.now_ns() + round(_LOCK_S * 1e9)
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if clock.now_ns() > until:
                raise RunLockedError("another process does this job", where=str(folder)) from error
        time.sleep(_LOCK_LOOK_S)


def _end_with_lease() -> None:
    """Read lines with monotonic ns; end with all that this process has started once the last one is over."""
    until: int | None = None
    rest = b""
    while until is None or clock.now_ns() < until:
        left = None if until is None else max(0.0, (until - clock.now_ns()) / 1e9)
        if not select.select([0], [], [], left)[0]:
            continue
        data = os.read(0, 1 << 12)
        if not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        until = int(lines[-1]) if lines else until
    if os.getpid() == os.getpgrp():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
