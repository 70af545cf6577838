"""Jobs as clients see them: submit, look up, list, cancel, delete. What workers do is in `queue`."""

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bakeoff.server.faults import ConflictError, MissingError
from bakeoff.server.jobs.job import (
    AWAY,
    ENDED,
    Job,
    JobError,
    JobEvent,
    JobFilter,
    JobOutcome,
    JobPage,
    JobState,
    NewJob,
)
from bakeoff.server.jobs.jobfiles import write_files
from bakeoff.server.jobs.joblists import label_rows, listed
from bakeoff.server.jobs.removal import mark, marked, remove
from bakeoff.server.store.database import Database, plain
from bakeoff.server.store.tables import DELIVERIES, EVENTS, JOB_LABELS, JOBS
from bakeoff.server.times import now_us

CANCEL_US = 1_200_000
"""How long a worker has to end a job that is cancelled; after that it is taken for dead."""
_MOST_PAGE = 1000


class Jobs:
    """The jobs of all projects, in the database and in one folder each."""

    def __init__(self, database: Database, root: Path) -> None:
        """Keep jobs in a database, and their files under `root`."""
        self._database = database
        self._root = root

    def folder(self, job: str) -> Path:
        """Return where the files of a job lie."""
        return self._root / job

    def submit(self, new: NewJob, *, project: str, owner: str) -> tuple[Job, bool]:
        """Store a job for the workers; return it, and whether it is new.

        The same idempotency key with the same request gives the job of before.

        Raises:
            ConflictError: the key was used for another request.
        """
        digest = _digest(new)
        if new.idempotency_key and (known := self.replay(new.idempotency_key, digest, project=project)):
            return known, False
        job = "job-" + secrets.token_hex(10)
        self.folder(job).mkdir(parents=True)
        write_files(self.folder(job), new)
        now = now_us()
        row = {
            "id": job,
            "project": project,
            "name": new.name,
            "dialect": new.dialect,
            "state": "queued",
            "document": new.document,
            "asked": new.asked,
            "labels": new.labels,
            "limits": msgspec.to_builtins(new.limits),
            "webhook": None if new.webhook is None else msgspec.to_builtins(new.webhook),
            "owner": owner,
            "subject": new.subject,
            "idempotency_key": new.idempotency_key,
            "body_hash": digest,
            "created_at": now,
            "updated_at": now,
            "attempt": 0,
            "done": 0,
            "total": 0,
            "failed": 0,
        }
        try:
            with self._database.write() as connection:
                connection.execute(sa.insert(JOBS).values(row))
                if new.labels:
                    labels = label_rows(job, new.labels, project=project, created_at=now)
                    connection.execute(sa.insert(JOB_LABELS), labels)
                add_event(connection, job, "queued", {})
        except IntegrityError as error:
            # Two requests with one key at the same moment: the other one was first.
            shutil.rmtree(self.folder(job), ignore_errors=True)
            known = self.replay(new.idempotency_key or "", digest, project=project)
            if known is None:
                raise ConflictError("the job could not be stored") from error
            return known, False
        return self.get(job, project=project), True

    def get(self, job: str, *, project: str) -> Job:
        """Return a job of a project.

        Raises:
            MissingError: the project has no such job.
        """
        query = sa.select(JOBS).where(JOBS.c.id == job, JOBS.c.project == project)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise MissingError("job", job)
        found = as_job(row)
        if found.state == "cancelling" and not found.away and (found.lease_until or 0) < now_us():
            # Its worker is dead, and the living ones may be busy for long.
            return self.cancel(job, project=project)
        return found

    def page(
        self, wanted: JobFilter, *, project: str, limit: int = 50, after: str | None = None, offset: int = 0
    ) -> JobPage:
        """Return a part of a project's jobs, newest first.

        Args:
            wanted: which jobs.
            project: whose.
            limit: at most this many, 1 to 1,000.
            after: the last id of the page before.
            offset: leave out this many, for dialects that count.

        Raises:
            MissingError: there is no job `after`.
        """
        last = None if after is None else self.get(after, project=project)
        limit = max(1, min(limit, _MOST_PAGE))
        newest = (JOBS.c.created_at.desc(), JOBS.c.id.desc())
        with self._database.read() as connection:
            ids, counted = listed(connection, wanted, project=project, after=last)
            # What is left out is counted off in an index: rows are wide.
            ids = ids.limit(limit + 1).offset(offset)
            query = sa.select(JOBS).where(JOBS.c.id.in_(ids)).order_by(*newest)
            rows = connection.execute(query).mappings().all()
            total = connection.execute(counted).scalar_one()
        jobs = [as_job(row) for row in rows[:limit]]
        return JobPage(jobs=jobs, total=total, next=jobs[-1].id if len(rows) > limit else None)

    def cancel(self, job: str, *, project: str) -> Job:
        """End a job: at once where nobody works on it, else as soon as its worker has seen it.

        A job that has ended stays as it is. One that another server may do already is ended there first.
        """
        now = self._database.now()
        mine = sa.and_(JOBS.c.id == job, JOBS.c.project == project)
        free = sa.or_(
            JOBS.c.state == "queued",
            sa.and_(JOBS.c.state.in_(("running", "cancelling")), JOBS.c.lease_until < now),
        )
        with self._database.write() as connection:
            query = sa.select(JOBS.c.asked, JOBS.c.started_at, free).where(mine).with_for_update()
            found = connection.execute(query).first()
            away = found is not None and AWAY in found[0] and found[1] is not None
            if found is not None and found[2] and not away:
                end_job(connection, job, "cancelled")
            else:
                # From here on nobody may begin a run again, so that a worker which is dead need not be waited
                # for; what goes on elsewhere is to be ended there by whoever is free.
                soon = sa.case(
                    (JOBS.c.lease_until < now + CANCEL_US, JOBS.c.lease_until), else_=now + CANCEL_US
                )
                until = sa.func.coalesce(JOBS.c.lease_until, 0) if away else soon
                asked = connection.execute(
                    sa.update(JOBS)
                    .where(mine, JOBS.c.state.in_(("queued", "running")))
                    .values(state="cancelling", updated_at=now_us(), lease_until=until)
                )
                if asked.rowcount:
                    add_event(connection, job, "cancelling", {})
            row = connection.execute(sa.select(JOBS).where(mine)).mappings().first()
        if row is None:
            raise MissingError("job", job)
        return as_job(row)

    def delete(self, job: str, *, project: str) -> None:
        """Forget an ended job, with its files; those that a process still writes go with its end, by `sweep`.

        Raises:
            ConflictError: it has not ended.
        """
        found = self.get(job, project=project)
        if not found.ended:
            raise ConflictError(f"the job `{job}` is {found.state}", hint="cancel it first")
        mark(self._root, job)
        with self._database.write() as connection:
            connection.execute(sa.delete(EVENTS).where(EVENTS.c.job == job))
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.job == job))
            connection.execute(sa.delete(JOB_LABELS).where(JOB_LABELS.c.job == job))
            connection.execute(sa.delete(JOBS).where(JOBS.c.id == job, JOBS.c.state.in_(ENDED)))
        remove(self._root, job)

    def sweep(self) -> None:
        """Remove what deleted jobs have left because somebody still wrote, or a server died on the way."""
        for job in marked(self._root):
            query = sa.select(JOBS.c.id).where(JOBS.c.id == job)
            with self._database.read() as connection:
                known = connection.execute(query).first()
            if known is None:
                remove(self._root, job)

    def events(self, job: str, *, project: str, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        """Return what happened to a job since event `after`, oldest first."""
        self.get(job, project=project)
        query = (
            sa.select(EVENTS)
            .where(EVENTS.c.job == job, EVENTS.c.id > after)
            .order_by(EVENTS.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [msgspec.convert(plain(row), JobEvent) for row in connection.execute(query).mappings()]

    def replay(self, key: str, digest: str, *, project: str) -> Job | None:
        """Return the job that a request with this key has made; None where there is none.

        Raises:
            ConflictError: the key was used for another request.
        """
        query = sa.select(JOBS).where(JOBS.c.project == project, JOBS.c.idempotency_key == key)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        if row["body_hash"] != digest:
            raise ConflictError(
                f"the idempotency key `{key}` was used for another request", hint="take a new key"
            )
        return as_job(row)


def as_job(row: Mapping[str, Any] | sa.RowMapping) -> Job:
    """Return a row of the table as a record."""
    return msgspec.convert(plain(row), Job)


def add_event(connection: sa.Connection, job: str, kind: str, facts: Mapping[str, object]) -> None:
    """Store what happened to a job, in the caller's transaction."""
    values = {"job": job, "at": now_us(), "kind": kind, "facts": dict(facts)}
    connection.execute(sa.insert(EVENTS).values(values))


def end_job(
    connection: sa.Connection,
    job: str,
    state: JobState,
    *,
    error: JobError | None = None,
    outcome: JobOutcome | None = None,
    progress: tuple[int, int, int] | None = None,
) -> None:
    """End a job that has not ended, in the transaction that has made sure of that: event and webhook too."""
    now = now_us()
    values: dict[str, Any] = {"state": state, "finished_at": now, "updated_at": now, "lease_until": None}
    if progress is not None:
        values |= dict(zip(("done", "total", "failed"), progress, strict=True))
    if error is not None:
        values["error"] = msgspec.to_builtins(error)
    if outcome is not None:
        values["outcome"] = msgspec.to_builtins(outcome)
    connection.execute(sa.update(JOBS).where(JOBS.c.id == job).values(values))
    add_event(connection, job, state, {} if error is None else {"error": msgspec.to_builtins(error)})
    announce(connection, job)


def announce(connection: sa.Connection, job: str) -> None:
    """Have the end of a job told to its webhook, in the transaction that ends it."""
    row = connection.execute(sa.select(JOBS).where(JOBS.c.id == job)).mappings().one()
    found = as_job(row)
    if found.webhook is None:
        return
    shown = {
        "id": found.id,
        "name": found.name,
        "state": found.state,
        "done": found.done,
        "total": found.total,
        "failed": found.failed,
        "error": found.error,
        "outcome": found.outcome,
    }
    delivery = "whd-" + secrets.token_hex(10)
    body = msgspec.json.encode({"id": delivery, "type": f"job.{found.state}", "job": shown}).decode()
    connection.execute(
        sa.insert(DELIVERIES).values(
            id=delivery,
            job=job,
            project=found.project,
            url=found.webhook.url,
            body=body,
            state="waiting",
            attempts=0,
            next_at=now_us(),
            error="",
        )
    )


def _digest(new: NewJob) -> str:
    if new.sent:
        return new.sent
    told = msgspec.structs.replace(new, idempotency_key=None)
    ordered = cast("dict[str, Any]", msgspec.to_builtins(told))
    return hashlib.sha256(msgspec.json.encode(ordered, order="deterministic")).hexdigest()
