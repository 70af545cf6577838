"""Open a data file for reading as text: compressed or not, with or without a byte-order mark.

Every way in which that fails becomes a `DataError` that names the file; it does not know rows.
"""

import gzip
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from bakeoff.errors import DataError
from bakeoff.plugins import suggest

UTF8 = "utf-8"


def resolve(base: Path, path: str) -> Path:
    """Return where `path` of a spec lies; a relative one starts at `base`."""
    return base / Path(path).expanduser()


def suffixes(path: Path) -> tuple[str, bool]:
    """Return the suffix that tells the format, and whether the file is compressed."""
    compressed = path.suffix.lower() == ".gz"
    return (path.with_suffix("") if compressed else path).suffix.lower(), compressed


@contextmanager
def open_text(path: Path, encoding: str, *, newline: str | None = None) -> Generator[TextIO]:
    """Open `path`; whatever the system, the codec or gzip object to becomes a DataError."""
    try:
        with _open(path, encoding, newline) as file:
            yield file
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot be read: {reason}", where=str(path)) from error
    except LookupError as error:
        raise DataError(f"`{encoding}` is not a known encoding", where=str(path)) from error
    except UnicodeError as error:
        raise DataError(
            f"is not {encoding} text: {error}", where=str(path), hint="name the file's own with `encoding`"
        ) from error


def decodable(text: str, encoding: str, where: str) -> str:
    """Return `text` unless it holds bytes that the codec could not read.

    Such bytes pass through the reader as lone surrogates, so that the line they stand on is known.
    """
    if not text.isascii():
        try:
            text.encode(UTF8)
        except UnicodeEncodeError as error:
            byte = ord(text[error.start]) & 0xFF
            raise DataError(
                f"byte 0x{byte:02x} at column {error.start + 1} is not {encoding} text",
                where=where,
                hint="save the file as UTF-8, or name its own encoding with `encoding`, such as `cp1252`",
            ) from error
    return text


def empty(path: Path, what: str) -> DataError:
    """Return the error of a file without a single case."""
    return DataError(f"holds no {what}", where=str(path), hint="a data set needs at least one case")


def _open(path: Path, encoding: str, newline: str | None) -> TextIO:
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf8", UTF8} else encoding
    if not suffixes(path)[1]:
        return path.open(encoding=codec, errors="surrogateescape", newline=newline)
    # gzip.open is typed for every mode at once; "rt" gives text.
    stream = gzip.open(path, "rt", encoding=codec, errors="surrogateescape", newline=newline)  # noqa: SIM115  the caller closes it
    return cast("TextIO", stream)


def _missing(path: Path) -> DataError:
    folder = path.parent
    if not folder.is_dir():
        return DataError(
            "there is no such file", where=str(path), hint=f"there is no folder `{folder}` either"
        )
    near = suggest(path.name, (entry.name for entry in folder.iterdir()))
    return DataError("there is no such file", where=str(path), hint=near.strip())
