"""consolidated.csv: the kit's table of a bundle, one row per stage."""

import csv
from pathlib import Path

import msgspec

from bakeoff.charts.svg import visible
from bakeoff.exporters._consolidated import COLUMNS, consolidated
from bakeoff.records.imported import StoredRun


class Matrix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kit's consolidated columns; an empty cell is unknown."""

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `consolidated.csv`."""
        path = folder / "consolidated.csv"
        rows = consolidated(run)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in rows:
                cells = (row[column] for column in COLUMNS)
                writer.writerow(visible(cell) if isinstance(cell, str) else cell for cell in cells)
        return [path]
