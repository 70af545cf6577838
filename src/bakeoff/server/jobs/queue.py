"""Jobs as workers see them: claim, keep, tell of progress, end. Who lost the lease changes nothing."""

import sqlalchemy as sa

from bakeoff.server.jobs.job import AWAY, Job, JobError, JobOutcome, JobState
from bakeoff.server.jobs.jobs import CANCEL_US, add_event, as_job, end_job
from bakeoff.server.store.database import Database
from bakeoff.server.store.tables import JOBS, WORKERS
from bakeoff.server.times import now_us

_SILENT_US = 86_400_000_000
"""How long a worker that did not say goodbye stays known."""


class Queue:
    """The jobs that wait, and those whose worker has gone silent."""

    def __init__(self, database: Database, *, lease: float, most_attempts: int) -> None:
        """Give a job to a worker for `lease` seconds at a time."""
        self._database = database
        self._lease_us = round(lease * 1e6)
        self._most_attempts = most_attempts

    def claim(self, worker: str) -> Job | None:
        """Take the oldest job that is nobody's; None where there is none.

        A job that was to be cancelled when its worker died ends here; so does one over which too many died.
        One that another server does is taken to be cancelled there.
        """
        now = self._database.now()
        free = sa.or_(
            JOBS.c.state == "queued",
            sa.and_(JOBS.c.state.in_(("running", "cancelling")), JOBS.c.lease_until < now),
        )
        oldest = (
            sa.select(JOBS.c.id, JOBS.c.state, JOBS.c.attempt, JOBS.c.asked)
            .where(free)
            .order_by(JOBS.c.created_at, JOBS.c.id)
            .limit(1)
        )
        # Most looks find nothing: they are to cost no write, of which SQLite takes one at a time.
        with self._database.read() as connection:
            if connection.execute(oldest).first() is None:
                return None
        while True:
            with self._database.write() as connection:
                found = connection.execute(oldest.with_for_update(skip_locked=True)).first()
                if found is None:
                    return None
                cancelling = found.state == "cancelling"
                if cancelling and AWAY not in found.asked:
                    end_job(connection, found.id, "cancelled")
                    continue
                if found.attempt >= self._most_attempts:
                    died = JobError(
                        kind="worker_died", message=f"{found.attempt} workers ended while they did this job"
                    )
                    end_job(connection, found.id, "failed", error=died)
                    continue
                connection.execute(
                    sa.update(JOBS)
                    .where(JOBS.c.id == found.id)
                    .values(
                        state="cancelling" if cancelling else "running",
                        worker=worker,
                        attempt=found.attempt + 1,
                        lease_until=now + self._lease_us,
                        started_at=sa.func.coalesce(JOBS.c.started_at, now_us()),
                        updated_at=now_us(),
                    )
                )
                add_event(connection, found.id, "started", {"worker": worker, "attempt": found.attempt + 1})
                row = connection.execute(sa.select(JOBS).where(JOBS.c.id == found.id)).mappings().one()
                return as_job(row)

    def keep(self, job: Job, *, done: int, total: int, failed: int) -> JobState | None:
        """Renew the lease, store progress, return the job's state; None where it is another worker's.

        The lease of a job that is being cancelled is short, so that it ends soon if this worker dies now.
        """
        now = self._database.now()
        short = self._lease_us if job.away else min(self._lease_us, CANCEL_US)
        lease = sa.case((JOBS.c.state == "cancelling", short), else_=self._lease_us)
        with self._database.write() as connection:
            kept = connection.execute(
                sa.update(JOBS)
                .where(*_mine(job))
                .values(lease_until=now + lease, updated_at=now_us(), done=done, total=total, failed=failed)
            )
            if not kept.rowcount:
                return None
            query = sa.select(JOBS.c.state).where(JOBS.c.id == job.id)
            state: JobState = connection.execute(query).scalar_one()
            return state

    def state(self, job: Job) -> JobState | None:
        """Return the state of a job, None where it is another worker's now."""
        query = sa.select(JOBS.c.state).where(*_mine(job))
        with self._database.read() as connection:
            state: JobState | None = connection.execute(query).scalar_one_or_none()
            return state

    def end(
        self,
        job: Job,
        state: JobState,
        *,
        error: JobError | None = None,
        outcome: JobOutcome | None = None,
        progress: tuple[int, int, int] | None = None,
    ) -> bool:
        """End a job that is still this worker's; tell whether it was."""
        with self._database.write() as connection:
            query = sa.select(JOBS.c.id).where(*_mine(job)).with_for_update()
            if connection.execute(query).first() is None:
                return False
            end_job(connection, job.id, state, error=error, outcome=outcome, progress=progress)
            return True

    def give_back(self, job: Job, *, why: str, counted: bool = False) -> None:
        """Let another worker have a job at once; one that is to be cancelled ends, if it can here.

        Args:
            job: still this worker's, else nothing happens.
            why: for the job's events.
            counted: the attempt stays counted, as its process died.
        """
        with self._database.write() as connection:
            query = sa.select(JOBS.c.state).where(*_mine(job)).with_for_update()
            state = connection.execute(query).scalar_one_or_none()
            if state is None:
                return
            attempt = job.attempt if counted else job.attempt - 1
            values = {"state": "queued", "worker": None, "lease_until": None, "attempt": attempt}
            if state == "cancelling":
                if not job.away:
                    end_job(connection, job.id, "cancelled")
                    return
                values |= {"state": state, "lease_until": 0}
            connection.execute(sa.update(JOBS).where(JOBS.c.id == job.id).values(values))
            add_event(connection, job.id, "given_back", {"worker": job.worker, "why": why})

    def seen(self, worker: str, job: str | None) -> None:
        """Note that a worker lives."""
        now = now_us()
        with self._database.write() as connection:
            known = connection.execute(
                sa.update(WORKERS).where(WORKERS.c.id == worker).values(seen_at=now, job=job)
            )
            if not known.rowcount:
                values = {"id": worker, "started_at": now, "seen_at": now, "job": job}
                connection.execute(sa.insert(WORKERS).values(values))
                connection.execute(sa.delete(WORKERS).where(WORKERS.c.seen_at < now - _SILENT_US))

    def gone(self, worker: str) -> None:
        """Note that a worker ended in order."""
        with self._database.write() as connection:
            connection.execute(sa.delete(WORKERS).where(WORKERS.c.id == worker))

    def living(self, within: float) -> int:
        """Return how many workers were seen within so many seconds."""
        query = sa.select(sa.func.count()).where(WORKERS.c.seen_at >= now_us() - round(within * 1e6))
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()


def _mine(job: Job) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what holds while a job is this worker's: the attempt tells apart two claims of one worker."""
    return (
        JOBS.c.id == job.id,
        JOBS.c.worker == job.worker,
        JOBS.c.attempt == job.attempt,
        JOBS.c.state.in_(("running", "cancelling")),
    )
