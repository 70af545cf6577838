"""Hashes of single lines: they tell where a file was changed, once its whole hash has told that it was."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

SIZE = 8
LONGEST = 256 << 20
"""No line is longer; one that seems so is taken in pieces, so that a file without line ends stays bounded."""


class LineHasher:
    """Takes lines and keeps the hash of the whole, and the first bytes of the hash of each."""

    def __init__(self) -> None:
        self._whole = hashlib.sha256()
        self.marks = bytearray()
        self.bytes = 0

    def add(self, line: bytes) -> None:
        """Take the next line."""
        self._whole.update(line)
        self.bytes += len(line)
        self.marks += hashlib.sha256(line).digest()[:SIZE]

    @property
    def sha256(self) -> str:
        """Return the hash of all lines together."""
        return self._whole.hexdigest()

    @property
    def lines(self) -> int:
        """Return how many there were."""
        return len(self.marks) // SIZE


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How lines differ from those that were signed, by numbers from 1.

    Attributes:
        first: the first line that is not what stood there.
        changed: lines that are not what stood in their place.
        added: lines that were not signed.
        removed: signed lines, by their old numbers, that are no longer there.
        reordered: the same lines, in another order.
    """

    first: int
    changed: list[int] = []
    added: list[int] = []
    removed: list[int] = []
    reordered: bool = False


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's lines, ends included."""
    while line := file.readline(LONGEST):
        yield line


def where_changed(signed: bytes, found: bytes) -> Moved | None:
    """Return how the lines with the marks `found` differ from those with the marks `signed`."""
    if signed == found:
        return None
    old, new = list(_marks(signed)), list(_marks(found))
    start = _alike(old, new)
    end = _alike(old[:start:-1], new[:start:-1])
    # A file often holds a line many times, so only the part between the first and the last difference counts.
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    strange, missing = _surplus(new, old), _surplus(old, new)
    places = [at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
    if not strange and not missing:
        return Moved(first=start + 1, reordered=True)
    if len(old) == len(new) and len(places) <= 2 * len(strange):
        return Moved(first=start + 1, changed=[start + at + 1 for at in places])
    return Moved(
        first=start + 1,
        added=[start + at + 1 for at in strange],
        removed=[start + at + 1 for at in missing],
    )


def _alike(these: list[bytes], those: list[bytes]) -> int:
    """Return how many entries two lists begin with alike."""
    pairs = enumerate(zip(these, those, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(these), len(those)))


def _surplus(these: list[bytes], those: list[bytes]) -> list[int]:
    """Return the places of the entries that are there more often than in `those`."""
    left = Counter(those)
    found: list[int] = []
    for at, mark in enumerate(these):
        if left[mark]:
            left[mark] -= 1
        else:
            found.append(at)
    return found


def _marks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), SIZE):
        yield data[at : at + SIZE]
