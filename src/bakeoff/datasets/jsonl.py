"""JSON Lines: one JSON object per line, plain or `.jsonl.gz`."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

import msgspec

from bakeoff import textfiles
from bakeoff.errors import DataError
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
        with textfiles.open_text(path, self.encoding) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    found = True
                    where = f"{path}:{number}"
                    yield Case(
                        fields=_row(textfiles.decodable(line, self.encoding, where), where), line=number
                    )
        if not found:
            raise textfiles.empty(path, "rows")


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"is no JSON: {error}", where=where, hint=_fix(line.strip())) from error
    if isinstance(row, dict):
        return cast("dict[str, Any]", row)  # a JSON object's keys are text
    kind = "list" if isinstance(row, list) else type(row).__name__
    raise DataError(
        f"is a JSON {kind}; a row must be an object such as " + '{"input": "...", "reference": "..."}',
        where=where,
        hint="turn a file that is one big list into lines with `jq -c '.[]' FILE`" if kind == "list" else "",
    )


def _fix(line: str) -> str:
    if line in {"[", "{"}:
        return (
            "one object per line, without line breaks inside: `jq -c . FILE` (`jq -c '.[]' FILE` for a list)"
        )
    if "NaN" in line or "Infinity" in line:
        return "JSON has no NaN and no Infinity; write null"
    if line.endswith(","):
        return "lines are not joined by commas; remove the last one"
    if line.startswith(("{'", "{ '")):
        return 'JSON takes double quotes: {"input": "..."}'
    return "each line must be one whole JSON object"
