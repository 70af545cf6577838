"""CSV and TSV with a header line; quoted cells may hold line breaks."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._cells import read_table
from bakeoff.records import Case


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
        for line, fields in read_table(path, self.encoding, self.delimiter):
            yield Case(fields=dict(fields), line=line)
