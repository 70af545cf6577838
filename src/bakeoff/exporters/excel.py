"""consolidated.xlsx: the kit's table of a bundle as a workbook; needs the package `openpyxl`."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from bakeoff.charts.svg import visible
from bakeoff.exporters._consolidated import COLUMNS, Cell, consolidated
from bakeoff.records.imported import StoredRun

if TYPE_CHECKING:
    from openpyxl.cell import Cell as SheetCell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet


class Excel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kit's consolidated columns in one sheet; an empty cell is unknown."""

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `consolidated.xlsx`."""
        rows = consolidated(run)
        book = Workbook(write_only=True)
        sheet = book.create_sheet("consolidated")
        sheet.append(COLUMNS)
        for row in rows:
            sheet.append([_cell(sheet, row[column]) for column in COLUMNS])
        path = folder / "consolidated.xlsx"
        book.save(path)
        return [path]


def _cell(sheet: "WriteOnlyWorksheet", value: Cell) -> "SheetCell":
    if not isinstance(value, str):
        return WriteOnlyCell(sheet, value=value)
    cell = WriteOnlyCell(sheet, value=visible(value))
    # A text that begins with `=` stays a text.
    cell.data_type = "s"
    return cell
