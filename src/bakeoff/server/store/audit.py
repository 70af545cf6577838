"""The audit log as its readers see it: what changed something, newest first."""

import msgspec
import sqlalchemy as sa

from bakeoff.server.store.database import Database, plain
from bakeoff.server.store.tables import AUDIT


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """One call that could change something. `at` is in microseconds since 1970, UTC."""

    id: int
    at: int
    project: str
    who: str
    action: str
    path: str
    status: int
    request: str


def audit_lines(
    database: Database, *, project: str, limit: int, before: int | None = None
) -> list[AuditLine]:
    """Return a project's lines, newest first.

    Args:
        database: holds them.
        project: whose calls.
        limit: at most this many.
        before: only lines older than this one, by its id.
    """
    query = sa.select(AUDIT).where(AUDIT.c.project == project)
    if before is not None:
        query = query.where(AUDIT.c.id < before)
    query = query.order_by(AUDIT.c.id.desc()).limit(limit)
    with database.read() as connection:
        return [msgspec.convert(plain(row), AuditLine) for row in connection.execute(query).mappings()]
