"""Rows of a CSV text with their lines; a quoted cell may hold line breaks."""

import csv
from collections.abc import Iterator
from pathlib import Path

from bakeoff import textfiles
from bakeoff.errors import DataError

_LONGEST_CELL = 1 << 24
"""The csv module refuses cells above 131,072 characters, which a long prompt exceeds."""


def read_table(
    path: Path, encoding: str, delimiter: str | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row below the header with the line on which it begins.

    Args:
        path: the file.
        encoding: of the text.
        delimiter: between cells; tab for `.tsv`, else a comma.

    Raises:
        DataError: it cannot be read, or has no row.
    """
    with textfiles.open_text(path, encoding, newline="") as file:
        rows = _rows(file, path, delimiter or _delimiter(path))
        header = next(rows, None)
        if header is None:
            raise textfiles.empty(path, "header line")
        names = _names(header[1], f"{path}:{header[0]}", encoding)
        found = False
        for line, cells in rows:
            found = True
            where = f"{path}:{line}"
            _check_width(cells, names, where)
            texts = (textfiles.decodable(cell, encoding, where) for cell in cells)
            yield line, dict(zip(names, texts, strict=True))
    if not found:
        raise textfiles.empty(path, "rows below its header")


def _delimiter(path: Path) -> str:
    return "\t" if textfiles.suffixes(path)[0] in {".tsv", ".tab"} else ","


def _rows(file: Iterator[str], path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        # The limit is the interpreter's, so it is held only while this reader works.
        before = csv.field_size_limit(_LONGEST_CELL)
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"the row that begins here is no CSV: {error}",
                where=f"{path}:{line}",
                hint="put cells with quotes or line breaks in double quotes and write a quote inside as two",
            ) from error
        finally:
            csv.field_size_limit(before)
        if cells is None:
            return
        if cells:
            yield line, cells


def _names(header: list[str], where: str, encoding: str) -> list[str]:
    names = [textfiles.decodable(name, encoding, where).strip() for name in header]
    for position, name in enumerate(names, 1):
        if not name:
            raise DataError(f"column {position} has no name", where=where, hint="name it or remove it")
        first = names.index(name) + 1
        if first != position:
            raise DataError(
                f"columns {first} and {position} are both named `{name}`", where=where, hint="rename one"
            )
    return names


def _check_width(cells: list[str], names: list[str], where: str) -> None:
    if len(cells) == len(names):
        return
    many = len(cells) > len(names)
    hint = (
        "put a cell that holds the delimiter in double quotes, or name another with `delimiter`"
        if many
        else "an empty cell still needs its delimiter"
    )
    raise DataError(f"{len(cells)} cells for {len(names)} columns", where=where, hint=hint)
