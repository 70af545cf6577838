"""JSON Lines: one JSON object per line, plain or `.jsonl.gz`."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._json import read_lines, row_of
from bakeoff.records import Case


class JsonLines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of a JSON Lines file.

    Blank lines and a byte-order mark are skipped. A line that is no JSON object is an error.

    Attributes:
        path: the file; `.gz` is read as it stands.
        encoding: of the text.
    """

    path: str
    encoding: str = textfiles.UTF8

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  rows are in file order
        """Yield one case per line that is not blank."""
        path = textfiles.resolve(base, self.path)
        found = False
        for item in read_lines(path, self.encoding):
            found = True
            yield Case(fields=row_of(item), line=item.line)
        if not found:
            raise textfiles.empty(path, "rows")
