"""consolidated.xlsx: the kit's table of a bundle as a workbook; needs the package `openpyxl`."""

from pathlib import Path

import msgspec
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from bakeoff.charts.svg import visible
from bakeoff.exporters._consolidated import COLUMNS, consolidated
from bakeoff.records.imported import StoredRun


class Excel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kit's consolidated columns in one sheet; an empty cell is unknown."""

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `consolidated.xlsx`."""
        rows = consolidated(run)
        book = Workbook(write_only=True)
        sheet = book.create_sheet("consolidated")
        sheet.append(COLUMNS)
        for row in rows:
            cells = [WriteOnlyCell(sheet, value=row[column]) for column in COLUMNS]
            for cell in cells:
                if isinstance(cell.value, str):
                    cell.value = visible(cell.value)
                    # A text that begins with `=` stays a text.
                    cell.data_type = "s"
            sheet.append(cells)
        path = folder / "consolidated.xlsx"
        book.save(path)
        return [path]
