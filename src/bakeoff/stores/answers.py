"""Answers kept between runs: bytes by key in one SQLite file of bounded size. It knows no request.

A process that dies leaves the file readable: each answer is a transaction. Several processes may share it.
All of it blocks; callers use a thread.
"""

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path
from threading import Lock

from bakeoff.errors import StoreError

FILE = "answers.sqlite3"
MAX_BYTES = 1 << 30
_WAIT_S = 30.0
_KEPT = 0.9
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (n INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, answer BLOB NOT NULL)
"""
# 150: what a row takes beside its answer, which is the key, twice, and its part of the pages.
_FIRST_TOO_MANY = """
SELECT n FROM (SELECT n, SUM(LENGTH(answer) + 150) OVER (ORDER BY n DESC) AS total FROM answers)
WHERE total > ? ORDER BY n DESC LIMIT 1
"""


class AnswerFile:
    """A file of answers.

    Args:
        folder: where it lies; made where it is not there.
        max_bytes: of all answers; beyond that the oldest are dropped.

    Raises:
        StoreError: the file cannot be opened, or is none of these.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = folder / FILE
        self._max = max_bytes
        self._lock = Lock()
        with self._told():
            folder.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)  # answers are nobody else's business
            self._file = sqlite3.connect(
                self.path, timeout=_WAIT_S, check_same_thread=False, isolation_level=None
            )
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(_TABLE)

    def find(self, key: bytes) -> bytes | None:
        """Return the answer that was kept under a key."""
        with self._told():
            row = self._file.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def keep(self, key: bytes, answer: bytes) -> None:
        """Keep an answer in place of one of the same key, unless it is larger than the file may be."""
        if len(answer) > self._max:
            return
        with self._told():
            self._file.execute("INSERT OR REPLACE INTO answers (key, answer) VALUES (?, ?)", (key, answer))
            self._drop_oldest()

    def close(self) -> None:
        """Close the file."""
        with self._told():
            self._file.close()

    def _drop_oldest(self) -> None:
        """Drop the oldest answers once all are too large together, and a tenth more, to do it rarely."""
        # Pages tell cheaply whether it is worth adding up.
        (pages,), (size,) = (
            self._file.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
        )
        (free,) = self._file.execute("PRAGMA freelist_count").fetchone()
        if (pages - free) * size <= self._max:
            return
        row = self._file.execute(_FIRST_TOO_MANY, (int(self._max * _KEPT),)).fetchone()
        if row is not None:
            self._file.execute("DELETE FROM answers WHERE n <= ?", row)

    @contextlib.contextmanager
    def _told(self) -> Generator[None]:
        """One at a time; what goes wrong is told with the file's name."""
        try:
            with self._lock:
                yield
        except (OSError, sqlite3.Error) as error:
            hint = "free the disk, remove the file, or run with `--no-cache`"
            raise StoreError(
                f"the response cache cannot be used: {error}", where=str(self.path), hint=hint
            ) from error
