"""The tables of the service. Times are whole microseconds since 1970, UTC.

A change here needs a migration in `migrations/versions`.
"""

import sqlalchemy as sa

META = sa.MetaData()

_text = sa.Text
_time = sa.BigInteger
# SQLite counts rows only in a column of the plain type.
_serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")

JOBS = sa.Table(
    "jobs",
    META,
    sa.Column("id", _text, primary_key=True),
    sa.Column("project", _text, nullable=False),
    sa.Column("name", _text, nullable=False),
    sa.Column("dialect", _text, nullable=False),
    sa.Column("state", _text, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("limits", sa.JSON, nullable=False),
    sa.Column("webhook", sa.JSON),
    sa.Column("owner", _text, nullable=False),
    sa.Column("subject", _text, nullable=False, server_default=""),
    sa.Column("idempotency_key", _text),
    sa.Column("body_hash", _text, nullable=False),
    sa.Column("created_at", _time, nullable=False),
    sa.Column("updated_at", _time, nullable=False),
    sa.Column("started_at", _time),
    sa.Column("finished_at", _time),
    sa.Column("worker", _text),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("lease_until", _time),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("error", sa.JSON),
    sa.Column("outcome", sa.JSON),
    sa.UniqueConstraint("project", "idempotency_key", name="uq_jobs_idempotency"),
    # Lists are newest first; each filter finds its rows in that order, and no row for nothing.
    sa.Index("ix_jobs_project_created", "project", "created_at", "id"),
    sa.Index("ix_jobs_project_state", "project", "state", "created_at", "id"),
    sa.Index("ix_jobs_project_name", "project", "name", "created_at", "id"),
    sa.Index("ix_jobs_project_dialect", "project", "dialect", "created_at", "id"),
    sa.Index("ix_jobs_project_subject", "project", "dialect", "subject", "created_at", "id"),
    sa.Index("ix_jobs_state_lease", "state", "lease_until"),
)

JOB_LABELS = sa.Table(
    "job_labels",
    META,
    sa.Column("job", _text, primary_key=True),
    sa.Column("label", _text, primary_key=True),
    sa.Column("project", _text, nullable=False),
    sa.Column("created_at", _time, nullable=False),
    sa.Index("ix_job_labels_label", "project", "label", "created_at", "job"),
    # For counting: PostgreSQL keeps equal entries of it as one.
    sa.Index("ix_job_labels_project_label", "project", "label"),
)
"""What lists find jobs by: `label` is from the SHA-256 of `NAME:TEXT`, `created_at` that of the job."""

EVENTS = sa.Table(
    "job_events",
    META,
    sa.Column("id", _serial, primary_key=True, autoincrement=True),
    sa.Column("job", _text, nullable=False),
    sa.Column("at", _time, nullable=False),
    sa.Column("kind", _text, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Index("ix_job_events_job", "job", "id"),
)

DELIVERIES = sa.Table(
    "deliveries",
    META,
    sa.Column("id", _text, primary_key=True),
    sa.Column("job", _text, nullable=False),
    sa.Column("project", _text, nullable=False),
    sa.Column("url", _text, nullable=False),
    sa.Column("body", _text, nullable=False),
    sa.Column("state", _text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", _time, nullable=False),
    sa.Column("error", _text, nullable=False),
    sa.Index("ix_deliveries_state_next", "state", "next_at"),
)

OBJECTS = sa.Table(
    "objects",
    META,
    sa.Column("id", _text, primary_key=True),
    sa.Column("project", _text, nullable=False),
    sa.Column("kind", _text, nullable=False),
    sa.Column("name", _text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("latest", sa.Boolean, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("hash", _text, nullable=False),
    sa.Column("owner", _text, nullable=False),
    sa.Column("created_at", _time, nullable=False),
    sa.Column("updated_at", _time, nullable=False),
    sa.UniqueConstraint("project", "kind", "name", "version", name="uq_objects_version"),
    sa.Index("ix_objects_kind_created", "project", "kind", "latest", "created_at"),
)

OBJECT_VERSIONS = sa.Table(
    "object_versions",
    META,
    sa.Column("project", _text, primary_key=True),
    sa.Column("kind", _text, primary_key=True),
    sa.Column("name", _text, primary_key=True),
    sa.Column("highest", sa.Integer, nullable=False),
)
"""The last version of names whose things were deleted: no version of a name ever means two contents."""

FILES = sa.Table(
    "files",
    META,
    sa.Column("id", _text, primary_key=True),
    sa.Column("project", _text, nullable=False),
    sa.Column("name", _text, nullable=False),
    sa.Column("purpose", _text, nullable=False),
    sa.Column("sha256", _text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("owner", _text, nullable=False),
    sa.Column("created_at", _time, nullable=False),
    sa.Index("ix_files_project_created", "project", "created_at"),
)

KEYS = sa.Table(
    "api_keys",
    META,
    sa.Column("id", _text, primary_key=True),
    sa.Column("project", _text, nullable=False),
    sa.Column("name", _text, nullable=False),
    sa.Column("role", _text, nullable=False),
    sa.Column("hash", _text, nullable=False, unique=True),
    sa.Column("created_at", _time, nullable=False),
    sa.Column("expires_at", _time),
    sa.Column("revoked_at", _time),
)

AUDIT = sa.Table(
    "audit",
    META,
    sa.Column("id", _serial, primary_key=True, autoincrement=True),
    sa.Column("at", _time, nullable=False),
    sa.Column("project", _text, nullable=False),
    sa.Column("who", _text, nullable=False),
    sa.Column("action", _text, nullable=False),
    sa.Column("path", _text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("request", _text, nullable=False),
    sa.Index("ix_audit_project", "project", "id"),
)

WORKERS = sa.Table(
    "workers",
    META,
    sa.Column("id", _text, primary_key=True),
    sa.Column("started_at", _time, nullable=False),
    sa.Column("seen_at", _time, nullable=False),
    sa.Column("job", _text),
)
