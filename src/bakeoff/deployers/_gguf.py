"""Read the head of a GGUF file: what the weights are, and whether the file is whole.

Reads metadata and the list of tensors, never the tensors themselves. Knows no engine.
"""

import math
import mmap
import struct
from pathlib import Path
from typing import Final

import msgspec

from bakeoff.errors import WeightsError

_STRING: Final = 8
_ARRAY: Final = 9
# Value type of the format -> struct code.
_SCALARS: Final = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
# Bounds that no real file reaches; a corrupt one must not keep us busy.
_MOST_DEPTH: Final = 4
_MOST_DIMENSIONS: Final = 8
_MOST_ITEMS: Final = 1 << 26

# Tensor type -> (values per block, bytes per block).
_BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110),
    22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip

_PRECISIONS: Final = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip

Value = str | int | float | bool | None


class Gguf(msgspec.Struct, frozen=True, kw_only=True):
    """What a GGUF file says of itself.

    Attributes:
        context: the context length that the model was trained with.
        precision: name of the quantisation, None for one this reader does not know.
        shards: number of files the weights are split into.
    """

    architecture: str
    name: str | None
    precision: str | None
    chat_template: bool
    context: int | None
    shards: int
    tensors: int


def read_gguf(path: Path) -> Gguf:
    """Read the head of `path` and check the file's length against its own list of tensors.

    Raises:
        WeightsError: no such file, no GGUF file, or one that is cut short.
    """
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise WeightsError("the file is empty", where=str(path), hint=_FETCH_AGAIN)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _read(data, str(path))
    except FileNotFoundError:
        raise WeightsError("there is no such file", where=str(path), hint="check the path") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise WeightsError(f"the file cannot be read: {reason}", where=str(path)) from error


_FETCH_AGAIN = "delete the file and fetch it again"


class _Cursor:
    """A place in the file; every step is checked against the end."""

    def __init__(self, data: mmap.mmap, where: str) -> None:
        self.data = data
        self.at = 0
        self._where = where

    def skip(self, count: int) -> int:
        """Step over `count` bytes and return where they began."""
        start = self.at
        if count < 0 or start + count > len(self.data):
            raise self.broken("the file is cut short: it ends inside its own head")
        self.at = start + count
        return start

    def number(self, code: str) -> int | float | bool:
        """Read one little-endian number."""
        start = self.skip(struct.calcsize("<" + code))
        value: int | float | bool = struct.unpack_from("<" + code, self.data, start)[0]
        return value

    def count(self, code: str = "Q") -> int:
        """Read one unsigned number."""
        return int(self.number(code))

    def text(self) -> str:
        """Read one string."""
        length = self.count()
        start = self.skip(length)
        return self.data[start : start + length].decode("utf-8", "replace")

    def broken(self, message: str) -> WeightsError:
        """Return the error for this file."""
        return WeightsError(message, where=self._where, hint=_FETCH_AGAIN)


def _read(data: mmap.mmap, where: str) -> Gguf:
    cursor = _Cursor(data, where)
    if data[:4] != b"GGUF":
        raise WeightsError(
            f"this is no GGUF file: it begins with {data[:4]!r}",
            where=where,
            hint="give a file in GGUF format; a web page saved under this name looks so too",
        )
    cursor.skip(4)
    version = cursor.count("I")
    if version not in {2, 3}:
        raise WeightsError(f"GGUF version {version} is not known (2 and 3 are)", where=where)
    tensors, pairs = cursor.count(), cursor.count()
    facts: dict[str, Value] = {}
    for _ in range(pairs):
        key = cursor.text()
        facts[key] = _value(cursor, cursor.count("I"))
    alignment = facts.get("general.alignment")
    _check_length(cursor, tensors, alignment if isinstance(alignment, int) and alignment > 0 else 32)
    architecture = str(facts.get("general.architecture") or "unknown")
    context = facts.get(f"{architecture}.context_length")
    name = facts.get("general.name")
    kind = facts.get("general.file_type")
    shards = facts.get("split.count")
    return Gguf(
        architecture=architecture,
        name=None if name is None else str(name),
        precision=_PRECISIONS.get(kind) if isinstance(kind, int) else None,
        chat_template=bool(facts.get("tokenizer.chat_template")),
        context=context if isinstance(context, int) else None,
        shards=shards if isinstance(shards, int) and shards > 0 else 1,
        tensors=tensors,
    )


def _value(cursor: _Cursor, kind: int) -> Value:
    if kind == _STRING:
        return cursor.text()
    if kind == _ARRAY:
        _skip_array(cursor)
        return None
    if kind not in _SCALARS:
        raise cursor.broken(f"the head is corrupt: value type {kind} does not exist")
    return cursor.number(_SCALARS[kind])


def _skip_array(cursor: _Cursor, depth: int = 0) -> None:
    kind, length = cursor.count("I"), cursor.count()
    if depth > _MOST_DEPTH or length > _MOST_ITEMS:
        raise cursor.broken("the head is corrupt: an array has no believable size")
    if kind in _SCALARS:
        cursor.skip(length * struct.calcsize("<" + _SCALARS[kind]))
    elif kind == _STRING:
        # A vocabulary holds hundreds of thousands of strings: only their lengths are looked at.
        for _ in range(length):
            cursor.skip(cursor.count())
    elif kind == _ARRAY:
        for _ in range(length):
            _skip_array(cursor, depth + 1)
    else:
        raise cursor.broken(f"the head is corrupt: value type {kind} does not exist")


def _check_length(cursor: _Cursor, tensors: int, alignment: int) -> None:
    last = 0
    for _ in range(tensors):
        cursor.skip(cursor.count())
        dimensions = cursor.count("I")
        if dimensions > _MOST_DIMENSIONS:
            raise cursor.broken(f"the head is corrupt: a tensor has {dimensions} dimensions")
        values = math.prod(cursor.count() for _ in range(dimensions))
        per_block, block_bytes = _BLOCKS.get(cursor.count("I"), (1, 0))
        offset = cursor.count()
        last = max(last, offset + values // per_block * block_bytes)
    begin = -(-cursor.at // alignment) * alignment
    have, need = len(cursor.data), begin + last
    if have < need:
        raise cursor.broken(f"the file is cut short: it has {have:,} bytes, its tensors need {need:,}")
