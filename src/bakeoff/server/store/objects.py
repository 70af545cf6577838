"""Named things of a project, with versions: data sets, targets, and whatever a dialect registers."""

import hashlib
import secrets
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bakeoff.server.faults import ConflictError, MissingError
from bakeoff.server.store.database import Database, plain
from bakeoff.server.store.tables import OBJECT_VERSIONS, OBJECTS
from bakeoff.server.times import now_us


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a named thing. Times are microseconds since 1970, UTC.

    Attributes:
        hash: of the body; the same body has the same hash.
    """

    id: str
    project: str
    kind: str
    name: str
    version: int
    latest: bool
    body: dict[str, Any]
    hash: str
    owner: str
    created_at: int
    updated_at: int


class Objects:
    """All things of all projects, by kind and name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, kind: str, name: str, body: dict[str, Any], *, project: str, owner: str, new: bool = False
    ) -> Thing:
        """Store a thing: a further version where the body differs from the latest one.

        Raises:
            ConflictError: there is one of that name, and it was to be new.
        """
        digest = hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()
        mine = sa.and_(OBJECTS.c.project == project, OBJECTS.c.kind == kind, OBJECTS.c.name == name)
        now = now_us()
        try:
            with self._database.write() as connection:
                last = connection.execute(sa.select(OBJECTS).where(mine, OBJECTS.c.latest)).mappings().first()
                if last is not None and new:
                    raise ConflictError(f"{kind} '{name}' exists already")
                if last is not None and last["hash"] == digest:
                    return _thing(last)
                connection.execute(sa.update(OBJECTS).where(mine, OBJECTS.c.latest).values(latest=False))
                highest = _highest(connection, kind, name, project)
                thing = Thing(
                    id=f"{kind}-{secrets.token_hex(10)}",
                    project=project,
                    kind=kind,
                    name=name,
                    version=highest + 1,
                    latest=True,
                    body=body,
                    hash=digest,
                    owner=owner,
                    created_at=now,
                    updated_at=now,
                )
                connection.execute(sa.insert(OBJECTS).values(**msgspec.to_builtins(thing)))
                return thing
        except IntegrityError as error:
            raise ConflictError(f"{kind} '{name}' was stored by another call at this moment") from error

    def update(self, kind: str, name: str, body: dict[str, Any], *, project: str) -> Thing:
        """Change the body of the latest version in place, for what a dialect lets its users edit.

        Raises:
            MissingError: there is none.
        """
        digest = hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()
        with self._database.write() as connection:
            connection.execute(
                sa.update(OBJECTS)
                .where(*_latest(kind, name, project))
                .values(body=body, hash=digest, updated_at=now_us())
            )
        return self.get(kind, name, project=project)

    def get(self, kind: str, name: str, *, project: str, version: int | None = None) -> Thing:
        """Return a thing, its latest version by default.

        Raises:
            MissingError: the project has none of that name.
        """
        if (found := self.find(kind, name, project=project, version=version)) is None:
            raise MissingError(kind, name if version is None else f"{name}@{version}")
        return found

    def find(self, kind: str, name: str, *, project: str, version: int | None = None) -> Thing | None:
        """Return a thing or None."""
        which = OBJECTS.c.latest if version is None else OBJECTS.c.version == version
        query = sa.select(OBJECTS).where(
            OBJECTS.c.project == project, OBJECTS.c.kind == kind, OBJECTS.c.name == name, which
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _thing(row)

    def by_id(self, kind: str, thing: str, *, project: str) -> Thing:
        """Return a thing by its id.

        Raises:
            MissingError: the project has none.
        """
        query = sa.select(OBJECTS).where(
            OBJECTS.c.project == project, OBJECTS.c.kind == kind, OBJECTS.c.id == thing
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise MissingError(kind, thing)
        return _thing(row)

    def all(self, kind: str, *, project: str, limit: int = 10_000, offset: int = 0) -> list[Thing]:
        """Return the latest versions of a kind, oldest first."""
        query = (
            sa.select(OBJECTS)
            .where(OBJECTS.c.project == project, OBJECTS.c.kind == kind, OBJECTS.c.latest)
            .order_by(OBJECTS.c.created_at, OBJECTS.c.id)
            .limit(limit)
            .offset(offset)
        )
        with self._database.read() as connection:
            return [_thing(row) for row in connection.execute(query).mappings()]

    def versions(self, kind: str, name: str, *, project: str) -> list[Thing]:
        """Return all versions of a thing, oldest first."""
        query = (
            sa.select(OBJECTS)
            .where(OBJECTS.c.project == project, OBJECTS.c.kind == kind, OBJECTS.c.name == name)
            .order_by(OBJECTS.c.version)
        )
        with self._database.read() as connection:
            return [_thing(row) for row in connection.execute(query).mappings()]

    def delete(self, kind: str, name: str, *, project: str) -> None:
        """Forget a thing with all its versions; a later one of its name goes on to count.

        Raises:
            MissingError: the project has none of that name.
        """
        mine = sa.and_(OBJECTS.c.project == project, OBJECTS.c.kind == kind, OBJECTS.c.name == name)
        try:
            with self._database.write() as connection:
                highest = _highest(connection, kind, name, project)
                if not connection.execute(sa.delete(OBJECTS).where(mine)).rowcount:
                    raise MissingError(kind, name)
                connection.execute(sa.delete(OBJECT_VERSIONS).where(*_name(kind, name, project)))
                kept = {"project": project, "kind": kind, "name": name, "highest": highest}
                connection.execute(sa.insert(OBJECT_VERSIONS).values(kept))
        except IntegrityError as error:
            # Another call deletes it at this moment.
            raise MissingError(kind, name) from error


def _highest(connection: sa.Connection, kind: str, name: str, project: str) -> int:
    """Return the last version that a name has had, those of deleted things too; 0 for none."""
    mine = sa.and_(OBJECTS.c.project == project, OBJECTS.c.kind == kind, OBJECTS.c.name == name)
    now = connection.execute(sa.select(sa.func.max(OBJECTS.c.version)).where(mine)).scalar()
    before = connection.execute(
        sa.select(OBJECT_VERSIONS.c.highest).where(*_name(kind, name, project))
    ).scalar()
    return max(now or 0, before or 0)


def _name(kind: str, name: str, project: str) -> tuple[sa.ColumnElement[bool], ...]:
    columns = OBJECT_VERSIONS.c
    return columns.project == project, columns.kind == kind, columns.name == name


def _latest(kind: str, name: str, project: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        OBJECTS.c.project == project,
        OBJECTS.c.kind == kind,
        OBJECTS.c.name == name,
        OBJECTS.c.latest.is_(True),
    )


def _thing(row: sa.RowMapping) -> Thing:
    return msgspec.convert(plain(row), Thing)
