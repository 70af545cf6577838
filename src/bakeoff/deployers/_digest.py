"""The sha256 of a large file, computed once and remembered for as long as the file stays the same."""

import hashlib
import os
from pathlib import Path

import msgspec


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    size: int
    mtime_ns: int
    inode: int
    sha256: str


def sha256_of(path: Path, cache: Path) -> str:
    """Return the hash of the file; hash it again only when size, time or inode have changed."""
    place = _place(path, cache)
    try:
        mark = msgspec.json.decode(place.read_bytes(), type=_Mark)
    except (OSError, msgspec.DecodeError):
        mark = None
    if mark is not None and mark == _mark(path, mark.sha256):
        return mark.sha256
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    remember(path, digest, cache)
    return digest


def remember(path: Path, sha256: str, cache: Path) -> None:
    """Note the hash of a file that has just been hashed."""
    place = _place(path, cache)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(f".{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(_mark(path, sha256)))
    draft.replace(place)


def _mark(path: Path, sha256: str) -> _Mark:
    stat = path.stat()
    return _Mark(size=stat.st_size, mtime_ns=stat.st_mtime_ns, inode=stat.st_ino, sha256=sha256)


def _place(path: Path, cache: Path) -> Path:
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    return cache / "digests" / f"{name}.json"
