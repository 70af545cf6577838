"""A worker: claims jobs one at a time, has a child process do each, and keeps the lease while it lives."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import sqlalchemy as sa

from bakeoff import clock
from bakeoff.errors import RunLockedError
from bakeoff.server.child import Told
from bakeoff.server.database import Database
from bakeoff.server.deliveries import Courier
from bakeoff.server.job import Job, JobError, JobState
from bakeoff.server.logs import log
from bakeoff.server.queue import Queue
from bakeoff.server.secret_values import secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.times import now_us

_IDLE_S = 0.2
_LOOK_S = 0.1
_DRAIN_NS = 1_000_000_000
"""What a cancelled run gets to write its results; then it is killed, and keeps what it has stored."""
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV")


class Worker:
    """Works until it is told to stop.

    Args:
        settings: as the server's.
        database: migrated.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.name = f"worker-{os.getpid()}-{secrets.token_hex(4)}"
        self._settings = settings
        self._queue = Queue(database, lease=settings.lease, most_attempts=settings.most_attempts)
        self._courier = Courier(database, settings)
        self._stopping = threading.Event()
        self._failing = False

    def stop(self) -> None:
        """Take no further job, and give back the present one."""
        self._stopping.set()

    def work(self) -> None:
        """Claim and do jobs until told to stop; a database that is gone is waited for."""
        log("worker_started", worker=self.name)
        while not self._stopping.is_set():
            try:
                self._courier.deliver()
                job = self._queue.claim(self.name)
                self._queue.seen(self.name, job.id if job else None)
                self._failing = False
            except sa.exc.SQLAlchemyError as error:
                if not self._failing:
                    log("database_lost", worker=self.name, error=type(error).__name__)
                self._failing = True
                job = None
            if job is None:
                self._stopping.wait(1.0 if self._failing else _IDLE_S)
            else:
                self._do(job)
        try:
            self._queue.gone(self.name)
        except sa.exc.SQLAlchemyError:
            log("database_lost", worker=self.name)
        log("worker_stopped", worker=self.name)

    def _do(self, job: Job) -> None:
        log("job_started", worker=self.name, job=job.id, attempt=job.attempt)
        child = _Child(self._settings, job)
        try:
            state = self._follow(job, child)
        finally:
            child.kill()
        log("job_left", worker=self.name, job=job.id, state=state)

    def _follow(self, job: Job, child: "_Child") -> str:
        """Keep the lease while the child works; end the job as it ended, or leave it to others."""
        lease_ns = round(self._settings.lease * 1e9)
        kept_at = clock.now_ns()
        stopped_at = 0
        over = False
        shown = (-1, -1, -1)
        while not child.ended():
            now = clock.now_ns()
            told = child.told
            due = now - kept_at > lease_ns / 4 or (told.done, told.total, told.failed) != shown
            try:
                # The state is looked at each time: a cancel is to be quick.
                state = (
                    self._queue.keep(job, done=told.done, total=told.total, failed=told.failed)
                    if due
                    else self._queue.state(job)
                )
                if due:
                    kept_at, shown = now, (told.done, told.total, told.failed)
                if state is None:
                    return "lost"
            except sa.exc.SQLAlchemyError:
                # Nobody may take the job before the lease has ended; from then on it is not ours.
                if now - kept_at > lease_ns * 0.8:
                    return "database lost"
                state = "running"
            over = _over_time(job)
            if over or state == "cancelling":
                stopped_at = stopped_at or child.interrupt(now)
                if now - stopped_at > _DRAIN_NS:
                    break
            if self._stopping.is_set():
                return self._back(job, child)
            time.sleep(_LOOK_S)
        return self._ended(job, child, over=over, cancelled=stopped_at > 0)

    def _back(self, job: Job, child: "_Child") -> str:
        child.kill()
        try:
            self._queue.give_back(job)
        except sa.exc.SQLAlchemyError:
            return "database lost"
        return "given back"

    def _ended(self, job: Job, child: "_Child", *, over: bool, cancelled: bool) -> str:
        child.kill()
        told = child.told
        error, state = told.error, _state(told, cancelled=cancelled)
        if over and state == "cancelled":
            message = (
                f"the job reached its limit of {job.limits.seconds:g} seconds; what was answered is kept"
            )
            error = JobError(kind="BakeoffError", message=message, hint="submit it again with a higher limit")
            state = "failed"
        if state is None and told.error is not None and told.error.kind == RunLockedError.__name__:
            # The child of a dead worker has not quite ended: try again.
            return self._back(job, child)
        if state is None:
            error = error or JobError(kind="worker_died", message=f"its process ended: {child.last_words()}")
            state = "failed"
        progress = (told.done, told.total, told.failed) if told.total else None
        while True:
            try:
                mine = self._queue.end(job, state, error=error, outcome=told.outcome, progress=progress)
            except sa.exc.SQLAlchemyError:
                if self._stopping.wait(0.5):
                    return "database lost"
                continue
            return state if mine else "lost"


def _over_time(job: Job) -> bool:
    most, since = job.limits.seconds, job.started_at
    return most is not None and since is not None and now_us() - since > most * 1e6


def _state(told: Told, *, cancelled: bool) -> JobState | None:
    """Return how the job ended; None where its process did not say, or may be tried again."""
    if told.outcome is not None:
        return "completed"
    if cancelled:
        return "cancelled"
    if told.error is not None and told.error.kind != RunLockedError.__name__:
        return "failed"
    return None


class _Child:
    """The process of one job, and what it told last."""

    def __init__(self, settings: Settings, job: Job) -> None:
        self.told = Told(done=job.done, total=job.total, failed=job.failed)
        folder = (settings.jobs / job.id).resolve()
        self._errors = (folder / "log.txt").open("ab")
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [
                sys.executable,
                "-m",
                "bakeoff.server.child",
                str(folder),
                msgspec.json.encode(job.limits).decode(),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(settings),
            start_new_session=True,
        )
        self._folder = folder
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ended(self) -> bool:
        """Tell whether the process is gone and all that it said is read."""
        return self._process.poll() is not None and not self._reader.is_alive()

    def interrupt(self, now: int) -> int:
        """Ask the run to stop; returns `now`."""
        self._signal(signal.SIGINT)
        return now

    def kill(self) -> None:
        """End the process at once, if it lives, and what it has started."""
        if self._process.poll() is None:
            self._signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def last_words(self) -> str:
        """Return the end of what the process wrote as errors."""
        try:
            return Path(self._folder, "log.txt").read_bytes()[-500:].decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                told = msgspec.json.decode(line, type=Told)
            except msgspec.DecodeError:
                continue
            if told.ended and not told.total:  # an error has no counts of its own
                last = self.told
                told = msgspec.structs.replace(told, done=last.done, total=last.total, failed=last.failed)
            self.told = told


def _environment(settings: Settings) -> dict[str, str]:
    """Return what the child may see: what a process needs, and the secrets that specs may name."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | secret_values(settings)
