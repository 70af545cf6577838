"""What binds the process of a job to its worker: the lease, the lock of the job's folder, what it tells.

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
from collections.abc import Callable
from pathlib import Path

import msgspec

from bakeoff import clock
from bakeoff.errors import BakeoffError, InterruptedRun, RunLockedError, SpecErrorGroup
from bakeoff.run.finish import Finished
from bakeoff.run.folder import list_folders
from bakeoff.server.jobs.job import JobError, JobOutcome
from bakeoff.server.jobs.removal import LOCK
from bakeoff.server.workers.told import LEAVE, Told
from bakeoff.stores.redact import Redactor

_LOCK_S, _LOCK_LOOK_S = 10.0, 0.05
RUNS = "runs"


def run_folder(folder: Path) -> Path | None:
    """Return the run of a job's folder, None where it has not begun."""
    found = list_folders(folder / RUNS)
    return found[-1] if found else None


def outcome_of(finished: Finished) -> JobOutcome:
    """Return what a list shows of a run that was finished."""
    verdict = finished.results.verdict
    return JobOutcome(
        run=finished.folder.name,
        verdict=verdict.state,
        sentence=verdict.sentence,
        invalid=verdict.state == "invalid",
    )


def do(folder: Path, work: Callable[[], Told], redact: Redactor) -> int:
    """Do a job as the only process in its folder, and tell what became of it; return an exit status.

    Args:
        folder: of the job.
        work: does it.
        redact: knows the secrets that the work has come across when it ends.
    """
    try:
        _lock(folder)
        told = work()
    except BaseException as error:  # noqa: BLE001  whatever ends a job is told to its owner
        tell(_failed(error, redact))
        return 1
    tell(told)
    return 0


def end_with_lease() -> threading.Event:
    """Have this process end with its worker's lease; return what is set when the job is to be cancelled."""
    leaving = threading.Event()
    threading.Thread(target=_end_with_lease, args=(leaving,), daemon=True).start()
    return leaving


def tell(told: Told) -> None:
    """Tell the worker; without one this process ends."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)


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


def _end_with_lease(leaving: threading.Event) -> None:
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
        for line in lines:
            if line == LEAVE:
                leaving.set()
            else:
                until = int(line)
    if os.getpid() == os.getpgrp():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
