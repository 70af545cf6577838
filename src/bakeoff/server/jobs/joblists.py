"""Which jobs a list holds: filters as SQL that finds each page in an index, however many jobs there are."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from bakeoff.server.jobs.job import Job, JobFilter
from bakeoff.server.store.tables import JOB_LABELS, JOBS

_FEW, _KEY = 5_000, 32
Conditions = Sequence[sa.ColumnElement[bool]]


def label_rows(job: str, labels: Mapping[str, str], *, project: str, created_at: int) -> list[dict[str, Any]]:
    """Return what a job's labels are found by."""
    # Two labels may read alike where names hold colons.
    keys = {label_key(f"{name}:{text}") for name, text in labels.items()}
    return [{"job": job, "label": key, "project": project, "created_at": created_at} for key in sorted(keys)]


def label_key(label: str) -> str:
    """Return what stands in the index for `NAME:TEXT`, which may be too long for one itself."""
    return hashlib.sha256(label.encode()).hexdigest()[:_KEY]


def listed(
    connection: sa.Connection, wanted: JobFilter, *, project: str, after: Job | None
) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Return the ids of jobs, newest first, and their number, which is of all pages."""
    table: sa.FromClause = JOBS
    created, ident = JOBS.c.created_at, JOBS.c.id
    conditions = [*_conditions(wanted)]
    labels = [label_key(each) for each in wanted.labels]
    rare = _rare(connection, labels, project)
    if labels and (rare is not None or not conditions):
        # The index of labels is in the order of the list; jobs are looked up for other filters alone.
        first = rare or labels[0]
        labels.remove(first)
        created, ident = JOB_LABELS.c.created_at, JOB_LABELS.c.job
        table = JOB_LABELS.join(JOBS, JOBS.c.id == ident) if conditions else JOB_LABELS
        conditions += [JOB_LABELS.c.project == project, JOB_LABELS.c.label == first]
    else:
        conditions.append(JOBS.c.project == project)
    conditions += [_has(ident, each) for each in labels]
    ids = sa.select(ident).select_from(table).where(*conditions)
    if after is not None:
        ids = ids.where(sa.tuple_(created, ident) < sa.tuple_(after.created_at, after.id))
    number = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return ids.order_by(created.desc(), ident.desc()), number


def _rare(connection: sa.Connection, labels: Sequence[str], project: str) -> str | None:
    """Return a label that few jobs have, so that each of them can be looked at; None where there is none."""
    for label in labels:
        mine = sa.select(JOB_LABELS.c.job).where(JOB_LABELS.c.project == project, JOB_LABELS.c.label == label)
        some = mine.limit(_FEW + 1).subquery()
        if connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one() <= _FEW:
            return label
    return None


def _has(ident: sa.ColumnElement[str], label: str) -> sa.ColumnElement[bool]:
    other = JOB_LABELS.alias()
    return sa.exists().where(other.c.job == ident, other.c.label == label)


def _conditions(wanted: JobFilter) -> Conditions:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.states:
        found.append(JOBS.c.state.in_(wanted.states))
    if wanted.name is not None:
        found.append(JOBS.c.name == wanted.name)
    if wanted.dialect is not None:
        found.append(JOBS.c.dialect == wanted.dialect)
    if wanted.subject is not None:
        found.append(JOBS.c.subject == wanted.subject)
    if wanted.since is not None:
        found.append(JOBS.c.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(JOBS.c.created_at < wanted.until)
    return found
