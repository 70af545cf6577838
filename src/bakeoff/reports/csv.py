"""results.csv: one row per target and metric, for spreadsheets and data frames."""

import csv
from pathlib import Path

import msgspec

from bakeoff.charts.svg import visible
from bakeoff.records.view import RunView

COLUMNS = ("target", "metric", "value", "low", "high", "n", "unit", "level", "note")


class CsvReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Estimates with full precision; an empty cell is unknown."""

    def write(self, view: RunView, folder: Path) -> Path:
        """Write `results.csv`."""
        path = folder / "results.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for target in view.results.targets:
                for metric, one in target.metrics.items():
                    cells = (one.value, one.low, one.high, one.n, one.unit, one.level, one.note)
                    writer.writerow(
                        visible(c) if isinstance(c, str) else c for c in (target.name, metric, *cells)
                    )
        return path
