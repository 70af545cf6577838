"""Plain text: one prompt per line."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from bakeoff import textfiles
from bakeoff.records import Case


class TextLines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lines of a text file, each the field `input` of a case; blank lines are skipped.

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

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  lines are in file order
        """Yield one case per line that is not blank, without the white space around it."""
        path = textfiles.resolve(base, self.path)
        found = False
        with textfiles.open_text(path, self.encoding) as file:
            for number, line in enumerate(file, 1):
                text = line.strip()
                if text:
                    found = True
                    textfiles.decodable(text, self.encoding, f"{path}:{number}")
                    yield Case(fields={"input": text}, line=number)
        if not found:
            raise textfiles.empty(path, "lines")
