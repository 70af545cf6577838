"""A run directory: append-only JSON lines, readable after any crash.

    spec.yaml  plan.json  samples.jsonl  scores.jsonl  events.jsonl  report/

Each record is one line, written with one system call as soon as it is added, or at most 50 ms later while
`grouped`. A line that a crash cut off is repaired when the directory is opened for writing.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from bakeoff import clock
from bakeoff.errors import RunLockedError, StoreError
from bakeoff.records import Event, Sample, Score
from bakeoff.stores.redact import Redactor

T = TypeVar("T", Sample, Score, Event)

_FILES: dict[type, str] = {Sample: "samples.jsonl", Score: "scores.jsonl", Event: "events.jsonl"}
_GROUP_NS = 50_000_000
_READ = 1 << 16


class _Log:
    """One append-only file."""

    def __init__(self, path: Path, redact: Redactor, *, repair: bool) -> None:
        self._path = path
        self._redact = redact
        self._encode = msgspec.json.Encoder(decimal_format="string").encode
        self._group: list[bytes] = []
        self._group_began = 0
        self._dirty = False
        self.grouped = False
        if repair:
            _repair(path)
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, record: Sample | Score | Event) -> None:
        line = self._redact(self._encode(record)) + b"\n"
        if not self.grouped:
            self._write(line)
            return
        if not self._group:
            self._group_began = clock.now_ns()
        self._group.append(line)
        if clock.now_ns() - self._group_began > _GROUP_NS:
            self.flush()

    def flush(self) -> None:
        if self._group:
            data, self._group = b"".join(self._group), []
            self._write(data)

    def sync(self) -> None:
        if self._dirty:
            self._dirty = False
            os.fsync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            try:
                self.flush()
                self.sync()
            finally:
                os.close(self._fd)
                self._fd = -1

    def _write(self, data: bytes) -> None:
        self._dirty = True
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise StoreError(
                f"cannot write: {error.strerror}",
                where=str(self._path),
                hint="free some space, then go on with `bakeoff resume`; all finished samples are kept",
            ) from error


class JsonlStore:
    """Write and read one run directory. Only one process may write it at a time."""

    def __init__(self, folder: Path, *, redact: Redactor | None = None, _joined: bool = False) -> None:
        """Open a run directory for writing, creating it where needed.

        Raises:
            RunLockedError: another process is writing this run.
            StoreError: the directory cannot be written.
        """
        self.folder = folder
        self._redact = redact or Redactor()
        self._lock: BinaryIO | None = None
        if _joined:
            self._open(repair=False)
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / ".lock").open("wb")
        except OSError as error:
            raise StoreError(
                f"cannot write the run directory: {error.strerror}",
                where=str(folder),
                hint="choose another with --out",
            ) from error
        _lock(self._lock, folder)
        self._open(repair=True)

    @classmethod
    def joined(cls, folder: Path, *, redact: Redactor) -> "JsonlStore":
        """Write beside the process that holds the lock: whole lines, each group with one append."""
        return cls(folder, redact=redact, _joined=True)

    def _open(self, *, repair: bool) -> None:
        self._logs = {
            kind: _Log(self.folder / name, self._redact, repair=repair) for kind, name in _FILES.items()
        }

    @property
    def grouped(self) -> bool:
        """Tell whether records are written in groups of at most 50 ms."""
        return self._logs[Sample].grouped

    @grouped.setter
    def grouped(self, on: bool) -> None:
        self.flush()
        for log in self._logs.values():
            log.grouped = on

    def add(self, record: Sample | Score | Event) -> None:
        """Append one record.

        Raises:
            StoreError: it cannot be written, for example on a full disk.
        """
        self._logs[type(record)].add(record)

    def put(self, name: str, data: bytes) -> Path:
        """Write a whole file of the run at once, secrets taken out, replacing an older one."""
        path = self.folder / name
        part = path.with_name(path.name + ".part")
        try:
            part.write_bytes(self._redact(data))
            part.replace(path)
        except OSError as error:
            raise StoreError(
                f"cannot write: {error.strerror}", where=str(path), hint="free some space"
            ) from error
        return path

    def flush(self) -> None:
        """Write what is grouped."""
        for log in self._logs.values():
            log.flush()

    def sync(self) -> None:
        """Wait until the disk has what was written. Blocking; safe in another thread than `add`."""
        for log in self._logs.values():
            log.sync()

    def read(self, kind: type[T]) -> Iterator[T]:
        """Yield the stored records of a kind, in order."""
        self.flush()
        return read_records(self.folder, kind)

    def close(self) -> None:
        """Write everything and let go of the directory."""
        try:
            for log in self._logs.values():
                log.close()
        finally:
            if self._lock is not None:
                self._lock.close()


def read_records(folder: Path, kind: type[T], *, skip: int = 0) -> Iterator[T]:
    """Yield a run's records without opening it for writing; a torn last line is passed over.

    Args:
        folder: the run's directory.
        kind: of records.
        skip: leave out this many lines at the beginning, unread.

    Raises:
        StoreError: a line before the last one cannot be read.
    """
    path = folder / _FILES[kind]
    decode = msgspec.json.Decoder(kind).decode
    try:
        file = path.open("rb", buffering=_READ)
    except FileNotFoundError:
        return
    with file:
        torn = ""
        for number, line in enumerate(islice(file, skip, None), skip + 1):
            if torn:
                raise StoreError(
                    f"this line cannot be read: {torn}",
                    where=f"{path}:{number - 1}",
                    hint="the file was changed by hand or by another program; restore it or delete the line",
                )
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                torn = str(error)


def is_locked(folder: Path) -> bool:
    """Tell whether a process is writing this run at the moment."""
    try:
        with (folder / ".lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remove(folder: Path) -> None:
    """Delete a run directory.

    Raises:
        RunLockedError: a process is writing it.
        StoreError: it cannot be deleted.
    """
    try:
        with (folder / ".lock").open("wb") as file:
            _lock(file, folder)
            shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(f"cannot be deleted: {error.strerror}", where=str(folder)) from error


def _lock(file: BinaryIO, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise RunLockedError(
            "another process is writing this run",
            where=str(folder),
            hint="wait for it, or stop it with Ctrl-C",
        ) from error


def _repair(path: Path) -> None:
    """Cut off a torn last line, or end a whole one that lost only its newline."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return
    with path.open("r+b") as file:
        start = size
        tail = b""
        while start and b"\n" not in tail:
            step = min(1 << 16, start)
            start -= step
            file.seek(start)
            tail = file.read(step) + tail
        kept = start + tail.rfind(b"\n") + 1
        last = tail[tail.rfind(b"\n") + 1 :]
        if not last:
            return
        try:
            msgspec.json.decode(last)
        except (msgspec.DecodeError, UnicodeDecodeError):
            file.truncate(kept)
        else:
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
