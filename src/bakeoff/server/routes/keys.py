"""API keys and the audit log of a project, for its administrators."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from bakeoff.server.access import Key, Role
from bakeoff.server.http.asking import Ident, Limit, refusals
from bakeoff.server.http.calls import Admin, TheService
from bakeoff.server.http.shown import Shape
from bakeoff.server.store.audit import audit_lines
from bakeoff.server.times import iso

ROUTER = APIRouter(prefix="/api/v1", tags=["access"], responses=refusals(404, 422))


class NewKey(Shape):
    """A key to be made, for the caller's own project."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$", description="whose it is")
    role: Role = "engineer"
    seconds: float | None = Field(
        default=None, gt=0, le=1e9, description="until it expires; never by default"
    )


class KeyShown(Shape):
    """A key without its secret."""

    id: str
    object: str = "key"
    name: str
    role: Role
    project: str
    created_at: str | None
    expires_at: str | None
    revoked_at: str | None


class KeyMade(Shape):
    """A key with its secret, which nobody can read again."""

    id: str
    object: str = "key"
    name: str
    role: Role
    project: str
    created_at: str | None
    expires_at: str | None
    revoked_at: str | None
    secret: str


class KeyList(Shape):
    """The keys of a project, oldest first."""

    object: str = "list"
    data: list[KeyShown]


class AuditShown(Shape):
    """One call that could change something."""

    id: int
    at: str | None
    who: str
    action: str
    path: str
    status: int
    request: str


class AuditPage(Shape):
    """A page of the audit log, newest first."""

    object: str = "list"
    data: list[AuditShown]
    next: int | None = Field(description="give it as `before` for the next page; null on the last one")


@ROUTER.post("/keys", status_code=201, summary="Make a key")
def create(body: NewKey, service: TheService, caller: Admin) -> KeyMade:
    """Make a key for the caller's project and return its secret, this once."""
    key, secret = service.keys.create(body.name, body.role, project=caller.project, seconds=body.seconds)
    return KeyMade(**_shown(key).model_dump(), secret=secret)


@ROUTER.get("/keys", summary="List keys")
def list_keys(service: TheService, caller: Admin) -> KeyList:
    """Return the keys of the caller's project, without their secrets."""
    return KeyList(data=[_shown(key) for key in service.keys.all(project=caller.project)])


@ROUTER.delete("/keys/{key}", status_code=204, summary="Revoke a key")
def revoke(key: Ident, service: TheService, caller: Admin) -> Response:
    """Make a key of the caller's project useless; again does no harm."""
    service.keys.revoke(key, project=caller.project)
    return Response(status_code=204)


@ROUTER.get("/audit", summary="What was changed, by whom")
def audit(
    service: TheService,
    caller: Admin,
    limit: Limit = 100,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> AuditPage:
    """Return a page of the audit log of the caller's project, newest first."""
    found = audit_lines(service.database, project=caller.project, limit=limit + 1, before=before)
    lines = [
        AuditShown(
            id=each.id,
            at=iso(each.at),
            who=each.who,
            action=each.action,
            path=each.path,
            status=each.status,
            request=each.request,
        )
        for each in found[:limit]
    ]
    return AuditPage(data=lines, next=lines[-1].id if len(found) > limit else None)


def _shown(key: Key) -> KeyShown:
    return KeyShown(
        id=key.id,
        name=key.name,
        role=key.role,
        project=key.project,
        created_at=iso(key.created_at),
        expires_at=iso(key.expires_at),
        revoked_at=iso(key.revoked_at),
    )
