"""Labels of jobs to look up by, and the versions that names had before they were deleted."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000


def upgrade() -> None:
    """Create both tables, and enter the labels of the jobs that are there."""
    op.create_table(
        "job_labels",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job", "label"),
    )
    op.create_index(
        "ix_job_labels_label", "job_labels", ["project", "label", "created_at", "job"], unique=False
    )
    op.create_index("ix_job_labels_project_label", "job_labels", ["project", "label"], unique=False)
    op.create_table(
        "object_versions",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("highest", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project", "kind", "name"),
    )
    _enter_labels()


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("object_versions")
    op.drop_index("ix_job_labels_project_label", table_name="job_labels")
    op.drop_index("ix_job_labels_label", table_name="job_labels")
    op.drop_table("job_labels")


def _enter_labels() -> None:
    text, number = sa.Text(), sa.BigInteger()
    jobs = sa.table(
        "jobs",
        sa.column("id", text),
        sa.column("project", text),
        sa.column("created_at", number),
        sa.column("labels", sa.JSON()),
    )
    labels = sa.table(
        "job_labels",
        *(sa.column(name, text) for name in ("job", "label", "project")),
        sa.column("created_at", number),
    )
    connection = op.get_bind()
    last = ""
    while True:
        query = sa.select(jobs).where(jobs.c.id > last).order_by(jobs.c.id).limit(_AT_ONCE)
        found = connection.execute(query).all()
        if not found:
            return
        last = found[-1].id
        rows = [
            {"job": job.id, "label": label, "project": job.project, "created_at": job.created_at}
            for job in found
            for label in _digests(job.labels)
        ]
        if rows:
            connection.execute(sa.insert(labels), rows)


def _digests(labels: dict[str, str] | None) -> set[str]:
    given = (labels or {}).items()
    return {hashlib.sha256(f"{name}:{text}".encode()).hexdigest()[:32] for name, text in given}
