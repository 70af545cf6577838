"""Uploaded files: content by its hash on disk, names in the database."""

import hashlib
import secrets
from pathlib import Path

import msgspec
import sqlalchemy as sa

from bakeoff.server.faults import MissingError, TooLargeError
from bakeoff.server.store.database import Database, plain
from bakeoff.server.store.tables import FILES
from bakeoff.server.times import now_us


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded file. `created_at` is in microseconds since 1970, UTC."""

    id: str
    project: str
    name: str
    purpose: str
    sha256: str
    bytes: int
    owner: str
    created_at: int


class Files:
    """The files of all projects; a project sees its own only, even of equal content."""

    def __init__(self, database: Database, root: Path, *, most: int) -> None:
        """Keep files under `root`, none larger than `most` bytes."""
        self._database = database
        self._root = root
        self._most = most

    def add(self, name: str, content: bytes, *, purpose: str, project: str, owner: str) -> StoredFile:
        """Store a file.

        Raises:
            TooLargeError: it is over the limit.
        """
        if len(content) > self._most:
            raise TooLargeError(f"the file has {len(content):,} bytes; at most {self._most:,} are taken")
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
            part.write_bytes(content)
            part.replace(path)
        found = StoredFile(
            id="file-" + secrets.token_hex(10),
            project=project,
            name=Path(name).name or "file",
            purpose=purpose,
            sha256=digest,
            bytes=len(content),
            owner=owner,
            created_at=now_us(),
        )
        with self._database.write() as connection:
            connection.execute(sa.insert(FILES).values(**msgspec.to_builtins(found)))
        return found

    def get(self, file: str, *, project: str) -> StoredFile:
        """Return a file's facts.

        Raises:
            MissingError: the project has no such file.
        """
        query = sa.select(FILES).where(FILES.c.id == file, FILES.c.project == project)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise MissingError("file", file)
        return msgspec.convert(plain(row), StoredFile)

    def content(self, file: str, *, project: str) -> bytes:
        """Return a file's content."""
        return self._path(self.get(file, project=project).sha256).read_bytes()

    def path(self, file: str, *, project: str) -> Path:
        """Return where a file's content lies, for sending it."""
        return self._path(self.get(file, project=project).sha256)

    def all(self, *, project: str, purpose: str | None = None, limit: int = 10_000) -> list[StoredFile]:
        """Return the files of a project, newest first."""
        query = sa.select(FILES).where(FILES.c.project == project)
        if purpose is not None:
            query = query.where(FILES.c.purpose == purpose)
        query = query.order_by(FILES.c.created_at.desc(), FILES.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [msgspec.convert(plain(row), StoredFile) for row in connection.execute(query).mappings()]

    def delete(self, file: str, *, project: str) -> None:
        """Forget a file; its content goes with the last one that has it."""
        found = self.get(file, project=project)
        with self._database.write() as connection:
            connection.execute(sa.delete(FILES).where(FILES.c.id == file))
            query = sa.select(sa.func.count()).where(FILES.c.sha256 == found.sha256)
            if not connection.execute(query).scalar_one():
                self._path(found.sha256).unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest
