"""The archive: a zip file with known names only, written alike every time and read as if by an enemy."""

import contextlib
import hashlib
import io
import shutil
import stat
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from bakeoff.errors import NoRoomError, StoreError
from bakeoff.evidence.finding import Finding
from bakeoff.evidence.lines import LineHasher, read_lines
from bakeoff.evidence.manifest import FILES, LINES, MANIFEST, SIGNATURE, FileFacts

LARGEST = 64 << 30
"""Most bytes of an archive's files together, unpacked."""
_DOCUMENT = 16 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20
_DOCUMENTS = {MANIFEST, SIGNATURE}
_KNOWN = {*FILES, LINES, *_DOCUMENTS}
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ROOM = "free some space, or set TMPDIR to a folder with more"
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be packed: one on the disk, or what is in `data`."""

    name: str
    path: Path | None = None
    data: bytes = b""

    @contextlib.contextmanager
    def opened(self) -> Generator[BinaryIO]:
        """Open it for reading."""
        if self.path is None:
            yield io.BytesIO(self.data)
            return
        with self.path.open("rb") as file:
            yield file

    def hashed(self) -> LineHasher:
        """Read it once, line by line, and return its hashes."""
        hasher = LineHasher()
        with self.opened() as file:
            for line in read_lines(file):
                hasher.add(line)
        return hasher


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of an archive: the hashes of each file, and what could not be read."""

    hashes: dict[str, LineHasher]
    findings: list[Finding]


def pack(path: Path, contents: Iterable[Content], facts: Sequence[FileFacts]) -> None:
    """Write an archive, with names in order and no times, so that the same contents give the same bytes.

    Args:
        path: where to.
        contents: all files.
        facts: hashes that the manifest tells of; a file that no longer has its own is refused.

    Raises:
        StoreError: a file changed meanwhile, or the archive cannot be written.
    """
    known = {each.name: each for each in facts}
    part = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(part, "w", allowZip64=True) as archive:
            for content in sorted(contents, key=lambda each: each.name):
                found = _add(archive, content, known.get(content.name))
                if content.name in known and found != known[content.name].sha256:
                    hint = "wait for the run to end, and export it again"
                    raise StoreError("the file changed while it was packed", where=content.name, hint=hint)
        part.replace(path)
    except OSError as error:
        raise StoreError(
            f"cannot write: {error.strerror}", where=str(path), hint="free some space, or choose `--to`"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _add(archive: zipfile.ZipFile, content: Content, facts: FileFacts | None) -> str:
    info = zipfile.ZipInfo(content.name, _EPOCH)
    info.create_system = 3  # else the system that packs would show
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.compress_type = zipfile.ZIP_STORED if content.name == LINES else zipfile.ZIP_DEFLATED
    info.file_size = facts.bytes if facts else len(content.data)
    digest = hashlib.sha256()
    with content.opened() as source, archive.open(info, "w") as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def safety(archive: zipfile.ZipFile, *, largest: int = LARGEST) -> list[Finding]:
    """Return why an archive must not be unpacked: names that lead elsewhere or come twice, links, sizes."""
    found: list[Finding] = []
    seen: set[str] = set()
    for info in archive.infolist():
        text = _unsafe(info)
        if info.filename in seen:
            text = "this name is there twice"
        if text:
            found.append(Finding(check="archive", text=text, file=info.filename))
        seen.add(info.filename)
    total = sum(info.file_size for info in archive.infolist())
    if total > largest:
        text = f"its files would take {total:,} bytes, more than the {largest:,} that are unpacked"
        found.append(Finding(check="archive", text=text))
    return found


def _unsafe(info: zipfile.ZipInfo) -> str:
    """Say why one entry must not be unpacked; empty where it may be."""
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    steps = name.replace("\\", "/").split("/")
    # zipfile cuts names at a null byte and keeps what was there in `orig_filename`.
    leads_out = not steps[0] or ".." in steps or name != info.orig_filename
    reasons = {
        "this name leads out of the folder": leads_out,
        "this is a folder, a link or a device": kind not in (0, stat.S_IFREG),
        "no such file belongs into an archive of evidence": name not in _KNOWN,
        "this file is encrypted": info.flag_bits & 1,
        "this file is packed in a way that is not read": info.compress_type not in _PACKINGS,
        f"this file takes more than {_DOCUMENT:,} bytes": name in _DOCUMENTS and info.file_size > _DOCUMENT,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def read_member(archive: zipfile.ZipFile, name: str) -> bytes | Finding | None:
    """Return the whole content of a small file, None where there is none, or why it cannot be read."""
    if name not in archive.namelist():
        return None
    try:
        return archive.read(name)
    except _READ_ERRORS as error:
        return Finding(check="archive", text=f"it cannot be read: {error}", file=name)


def unpack(archive: zipfile.ZipFile, names: Iterable[str], folder: Path) -> Unpacked:
    """Unpack files of a safe archive into a folder, line by line, and hash them on the way.

    Raises:
        NoRoomError: the disk has no room for them, or the folder cannot be written.
    """
    wanted = [name for name in names if name in archive.namelist()]
    size = sum(archive.getinfo(name).file_size for name in wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise no_room(error, folder) from error
    if size > free:
        message = f"there is no room to unpack {size:,} bytes: {free:,} are free"
        raise NoRoomError(message, where=str(folder), hint=_ROOM)
    hashes: dict[str, LineHasher] = {}
    findings: list[Finding] = []
    for name in wanted:
        path, hashes[name] = folder / name, LineHasher()
        # A quota, or somebody else who fills the disk, shows only while writing: no flaw of the archive.
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for line in _member_lines(archive, name, findings):
                    hashes[name].add(line)
                    file.write(line)
        except OSError as error:
            raise no_room(error, folder) from error
    return Unpacked(hashes=hashes, findings=findings)


def no_room(error: OSError, folder: Path) -> NoRoomError:
    """Return the error of a folder in which nothing can be unpacked."""
    why = error.strerror or str(error)
    return NoRoomError(f"the archive cannot be unpacked: {why}", where=str(folder), hint=_ROOM)


def _member_lines(archive: zipfile.ZipFile, name: str, findings: list[Finding]) -> Iterator[bytes]:
    """Yield a member's lines as far as they can be read, and note why they end early."""
    try:
        with archive.open(name) as packed:
            # Its own buffer makes reading lines many times as fast.
            yield from read_lines(cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", packed), _CHUNK)))
    except _READ_ERRORS as error:
        findings.append(Finding(check="archive", text=f"it cannot be read whole: {error}", file=name))
