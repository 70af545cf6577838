"""CSV and TSV with a header line; quoted cells may hold line breaks."""

import csv
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec

from bakeoff import textfiles
from bakeoff.errors import DataError
from bakeoff.records import Case

_LONGEST_CELL = 1 << 24
"""The csv module refuses cells above 131,072 characters, which a long prompt exceeds."""


class CsvFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of a CSV file; the first line names the columns, every cell is text.

    Attributes:
        path: the file; `.gz` is read as it stands.
        delimiter: between cells; tab for `.tsv`, else a comma.
        encoding: of the text.
    """

    path: str
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    encoding: str = textfiles.UTF8

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  rows are in file order
        """Yield one case per row, each with the line on which the row begins."""
        path = textfiles.resolve(base, self.path)
        with textfiles.open_text(path, self.encoding, newline="") as file:
            rows = _rows(file, path, self.delimiter or _delimiter(path))
            header = next(rows, None)
            if header is None:
                raise textfiles.empty(path, "header line")
            names = _names(header[1], f"{path}:{header[0]}", self.encoding)
            found = False
            for line, cells in rows:
                found = True
                where = f"{path}:{line}"
                _check_width(cells, names, where)
                texts = (textfiles.decodable(cell, self.encoding, where) for cell in cells)
                yield Case(fields=dict(zip(names, texts, strict=True)), line=line)
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
