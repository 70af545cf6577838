"""Who calls, and what they may do: API keys, roles, projects."""

import hashlib
import secrets
from typing import Literal

import msgspec
import sqlalchemy as sa

from bakeoff.server.faults import ForbiddenError, MissingError, NotKnownError
from bakeoff.server.store.database import Database, plain
from bakeoff.server.store.tables import KEYS
from bakeoff.server.times import now_us

Role = Literal["viewer", "engineer", "modelops", "admin"]
Right = Literal["read", "run", "manage", "administer"]
RIGHTS: dict[Role, frozenset[Right]] = {
    "viewer": frozenset({"read"}),
    "engineer": frozenset({"read", "run"}),
    "modelops": frozenset({"read", "run", "manage"}),
    "admin": frozenset({"read", "run", "manage", "administer"}),
}
"""`run`: submit and cancel jobs, upload data, score. `manage`: also targets, deletions, webhooks of all.
`administer`: keys and the audit log."""
_MARK = "bko_"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls: the name and role of a key, and its project."""

    name: str
    role: Role
    project: str = "default"
    key: str = ""

    def may(self, right: Right) -> bool:
        """Tell whether the role has a right."""
        return right in RIGHTS[self.role]

    def need(self, right: Right) -> None:
        """Refuse a call for which the role has no right.

        Raises:
            ForbiddenError: it has not.
        """
        if not self.may(right):
            able = ", ".join(role for role, rights in RIGHTS.items() if right in rights)
            raise ForbiddenError(
                f"the role `{self.role}` has no right to {right}",
                hint=f"use a key of one that has it: {able}",
            )


LOCAL = Principal(name="local", role="admin")
"""Who calls where no keys are required: someone on this machine."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret. Times are microseconds since 1970, UTC."""

    id: str
    name: str
    role: Role
    project: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None


class Keys:
    """The API keys; only hashes of them are stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, name: str, role: Role, *, project: str = "default", seconds: float | None = None
    ) -> tuple[Key, str]:
        """Make a key; return it, and its secret, which nobody can read again."""
        secret = _MARK + secrets.token_urlsafe(32)
        now = now_us()
        key = Key(
            id="key-" + secrets.token_hex(6),
            name=name,
            role=role,
            project=project,
            created_at=now,
            expires_at=None if seconds is None else now + round(seconds * 1e6),
        )
        with self._database.write() as connection:
            connection.execute(sa.insert(KEYS).values(**msgspec.to_builtins(key), hash=_hash(secret)))
        return key, secret

    def find(self, secret: str) -> Principal:
        """Return whose key this is.

        Raises:
            NotKnownError: nobody's, or it has expired or was revoked.
        """
        query = sa.select(KEYS).where(KEYS.c.hash == _hash(secret))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotKnownError("the API key is not known")
        key = _key(row)
        if key.revoked_at is not None:
            raise NotKnownError("the API key was revoked")
        if key.expires_at is not None and key.expires_at <= now_us():
            raise NotKnownError("the API key has expired")
        return Principal(name=key.name, role=key.role, project=key.project, key=key.id)

    def lives(self, caller: Principal) -> bool:
        """Tell whether the key of a call that goes on for long can still be used; without keys, always."""
        if not caller.key:
            return True
        query = sa.select(KEYS.c.id).where(KEYS.c.id == caller.key, _usable())
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def any(self) -> bool:
        """Tell whether any key can still be used."""
        with self._database.read() as connection:
            return connection.execute(sa.select(KEYS.c.id).where(_usable()).limit(1)).first() is not None

    def all(self, *, project: str) -> list[Key]:
        """Return the keys of a project, oldest first."""
        query = sa.select(KEYS).where(KEYS.c.project == project).order_by(KEYS.c.created_at, KEYS.c.id)
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(query).mappings()]

    def revoke(self, key: str, *, project: str) -> None:
        """Make a key useless; again does no harm.

        Raises:
            MissingError: the project has no such key.
        """
        mine = sa.and_(KEYS.c.id == key, KEYS.c.project == project)
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(KEYS).where(mine).values(revoked_at=sa.func.coalesce(KEYS.c.revoked_at, now_us()))
            )
        if not done.rowcount:
            raise MissingError("key", key)


def _usable() -> sa.ColumnElement[bool]:
    return sa.and_(
        KEYS.c.revoked_at.is_(None), sa.or_(KEYS.c.expires_at.is_(None), KEYS.c.expires_at > now_us())
    )


def _key(row: sa.RowMapping) -> Key:
    values = {name: value for name, value in plain(row).items() if name != "hash"}
    return msgspec.convert(values, Key)


def _hash(secret: str) -> str:
    # A key has 256 bits of chance: a plain hash of it cannot be guessed back.
    return hashlib.sha256(secret.encode()).hexdigest()
