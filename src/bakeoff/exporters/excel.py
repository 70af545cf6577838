"""consolidated.xlsx: the kit's table of a bundle as a workbook; needs the package `openpyxl`."""

from pathlib import Path

import msgspec

from bakeoff.charts.svg import visible
from bakeoff.exporters._consolidated import COLUMNS, consolidated
from bakeoff.records.imported import StoredRun


class Excel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kit's consolidated columns in one sheet; an empty cell is unknown."""

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `consolidated.xlsx`.

        Raises:
            PluginError: `openpyxl` is not installed.
        """
        from bakeoff.errors import PluginError

        try:
            from openpyxl import Workbook
        except ImportError as error:
            raise PluginError(
                "`excel` of the exporters needs the package `openpyxl`, which is not installed",
                hint="pip install openpyxl",
            ) from error
        book = Workbook(write_only=True)
        sheet = book.create_sheet("consolidated")
        sheet.append(COLUMNS)
        for row in consolidated(run):
            cells = (row[column] for column in COLUMNS)
            sheet.append([visible(cell) if isinstance(cell, str) else cell for cell in cells])
        path = folder / "consolidated.xlsx"
        book.save(path)
        return [path]
