"""A worker: claims jobs one at a time, has a child process do each, and keeps the lease while it lives."""

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from bakeoff import clock
from bakeoff.server.jobs.job import Job, JobError, JobState
from bakeoff.server.jobs.jobs import Jobs
from bakeoff.server.jobs.queue import Queue
from bakeoff.server.logs import log
from bakeoff.server.settings import Settings
from bakeoff.server.store.database import Database
from bakeoff.server.times import now_us
from bakeoff.server.workers.deliveries import Courier
from bakeoff.server.workers.running import Running

_IDLE_S, _FAILING_S, _DIED_S = 0.2, 0.5, 0.5
_LOOK_S = 0.2
_SHOW_NS = 500_000_000
"""How often progress is stored at most."""
_SEEN_NS = 5_000_000_000
_SWEEP_NS = 1_000_000_000
_CANCEL_NS = 800_000_000
"""What a cancelled run gets to write its results; then it is killed, and keeps what it has stored."""
_AWAY_NS = 900_000_000_000
"""What the process of a job that another server does gets at the most; it ends by itself far before."""
_DRAIN_NS = 7_000_000_000
"""What the requests in flight get to end when the worker is told to stop; less than the server waits."""
_OURS = 0.8
"""The part of a lease after which a worker that cannot renew it lets go of its job."""


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
        self._jobs = Jobs(database, settings.jobs)
        self._courier = Courier(database, settings)
        # Plain, as signal handlers set it: a lock could be held by what they interrupt.
        self._stopping = False
        self._failing = False
        self._seen_at: int | None = None
        self._swept_at: int | None = None

    def stop(self) -> None:
        """Take no further job, and give back the present one."""
        self._stopping = True

    def work(self) -> None:
        """Claim and do jobs until told to stop; a database that is gone is waited for."""
        log("worker_started", worker=self.name)
        courier = threading.Thread(target=self._courier.work, args=(lambda: self._stopping,), daemon=True)
        courier.start()
        while not self._stopping:
            self._sweep()
            began = clock.now_ns()
            job = self._claim()
            if job is None:
                time.sleep(_FAILING_S if self._failing else _IDLE_S)
            else:
                self._do(job, began)
        courier.join()
        try:
            self._queue.gone(self.name)
        except SQLAlchemyError:
            log("database_lost", worker=self.name)
        log("worker_stopped", worker=self.name)

    def _claim(self) -> Job | None:
        try:
            job = self._queue.claim(self.name)
        except SQLAlchemyError as error:
            if not self._failing:
                log("database_lost", worker=self.name, error=type(error).__name__)
            self._failing = True
            return None
        self._failing = False
        self._seen(job)
        return job

    def _sweep(self) -> None:
        """Remove now and then what deleted jobs have left."""
        now = clock.now_ns()
        if self._swept_at is None or now - self._swept_at > _SWEEP_NS:
            self._swept_at = now
            with contextlib.suppress(SQLAlchemyError):
                self._jobs.sweep()

    def _seen(self, job: Job | None) -> None:
        """Say now and then that this worker lives; it matters to nobody's job."""
        now = clock.now_ns()
        if self._seen_at is None or now - self._seen_at > _SEEN_NS:
            with contextlib.suppress(SQLAlchemyError):
                self._queue.seen(self.name, job.id if job else None)
            self._seen_at = now

    def _do(self, job: Job, began: int) -> None:
        log("job_started", worker=self.name, job=job.id, attempt=job.attempt)
        try:
            child = Running(self._settings, job)
        except OSError as error:
            state = self._died(job, str(error))
        else:
            try:
                state = self._follow(_Watched(job, child, began))
            finally:
                child.kill()
        log("job_left", worker=self.name, job=job.id, state=state)
        if state == "lost":
            self._swept_at = None  # it may have been deleted while its process still wrote
        if state == "given back" and not self._stopping:
            time.sleep(_DIED_S)

    def _follow(self, watched: "_Watched") -> str:
        """Keep the lease while the child works; end the job as it ended, or leave it to others."""
        child, lease_ns = watched.child, round(self._settings.lease * 1e9)
        child.keep(watched.kept_at + round(lease_ns * _OURS))
        while not child.wait(_LOOK_S):
            now = clock.now_ns()
            try:
                state = self._look(watched, now, lease_ns)
                self._failing = False
            except SQLAlchemyError:
                # Nobody may take the job before the lease has ended; from then on it is not ours.
                if clock.now_ns() - watched.kept_at > lease_ns * _OURS:
                    return "database lost"
                state = "cancelling" if watched.cancelled else "running"
            if state is None:
                return "lost"
            watched.over = watched.over or _over_time(watched.job)
            watched.cancelled = watched.cancelled or watched.over or state == "cancelling"
            if watched.overdue(now, stopping=self._stopping):
                break
        return self._ended(watched)

    def _look(self, watched: "_Watched", now: int, lease_ns: int) -> JobState | None:
        """Ask for the state, as a cancel is to be quick; renew the lease and tell progress when due."""
        job, told = watched.job, watched.child.told
        counts = (told.done, told.total, told.failed)
        waited = now - watched.kept_at
        new = counts != watched.shown and waited > _SHOW_NS
        if not (new or watched.cancelled or waited > lease_ns / 4):
            return self._queue.state(job)
        state = self._queue.keep(job, done=told.done, total=told.total, failed=told.failed)
        if state is not None:
            watched.kept_at, watched.shown = now, counts
            watched.child.keep(now + round(lease_ns * _OURS))
            self._seen(job)
        return state

    def _ended(self, watched: "_Watched") -> str:
        job, child = watched.job, watched.child
        child.kill()
        told, state = child.told, child.ended_as(cancelled=watched.cancelled)
        if state is None:
            if self._stopping:
                return self._back(job, "the worker was told to stop")
            if told.ended:
                return self._back(job, "another process had not let go of it")
            return self._died(job, child.last_words())
        error = told.error
        if watched.over and state == "cancelled":
            message = (
                f"the job reached its limit of {job.limits.seconds:g} seconds; what was answered is kept"
            )
            if error is not None and job.away:
                message = f"{message}; {error.message}"
            error = JobError(kind="BakeoffError", message=message, hint="submit it again with a higher limit")
            state = "failed"
        progress = (told.done, told.total, told.failed) if told.total else None
        return self._end(
            state, lambda: self._queue.end(job, state, error=error, outcome=told.outcome, progress=progress)
        )

    def _died(self, job: Job, words: str) -> str:
        """Let a job whose process died be tried again, unless too many did."""
        if job.attempt < self._settings.most_attempts:
            return self._back(job, f"its process died: {words}", counted=True)
        error = JobError(kind="worker_died", message=f"its process ended {job.attempt} times: {words}")
        return self._end("failed", lambda: self._queue.end(job, "failed", error=error))

    def _back(self, job: Job, why: str, *, counted: bool = False) -> str:
        try:
            self._queue.give_back(job, why=why, counted=counted)
        except SQLAlchemyError:
            return "database lost"
        return "given back"

    def _end(self, state: JobState, end: Callable[[], bool]) -> str:
        """End a job, however long the database is away: what was measured is not to be done again."""
        while True:
            try:
                return state if end() else "lost"
            except SQLAlchemyError:
                if self._stopping:
                    return "database lost"
                time.sleep(_FAILING_S)


def _over_time(job: Job) -> bool:
    most, since = job.limits.seconds, job.started_at
    return most is not None and since is not None and now_us() - since > most * 1e6


class _Watched:
    """A job under way: since when its lease is surely ours, what was told, and whether it is to stop."""

    def __init__(self, job: Job, child: Running, kept_at: int) -> None:
        self.job = job
        self.child = child
        self.kept_at = kept_at
        self.shown: tuple[int, int, int] = (-1, -1, -1)
        self.over = False
        self.cancelled = False
        self._asked_at: int | None = None
        self._leaving = False

    def overdue(self, now: int, *, stopping: bool) -> bool:
        """Ask the child to stop where it has to; tell whether its time for that is over."""
        if not (self.cancelled or stopping):
            return False
        # What another server does goes on there when a worker stops, even if it is to be cancelled.
        leaving = stopping and self.job.away
        if self._asked_at is None or leaving != self._leaving:
            self._asked_at, self._leaving = now, leaving
            if stopping and (leaving or not self.cancelled):
                self.child.interrupt()
            else:
                self.child.cancel()
        if self.job.away:
            return now - self._asked_at > (_DRAIN_NS if stopping else _AWAY_NS)
        return now - self._asked_at > (_CANCEL_NS if self.cancelled else _DRAIN_NS)
