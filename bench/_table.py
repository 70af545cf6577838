"""Print figures as a table: a name per row, the target beside what was measured where there is one."""

from collections.abc import Sequence

Cell = str | float | int | None


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a title and aligned columns; None is an empty cell."""
    texts = [[_text(cell) for cell in row] for row in rows]
    lines = [list(columns), *texts]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    print(f"  {title}")
    for line in lines:
        first, *rest = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("    " + "  ".join([first, *rest]).rstrip())


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.3f}" if abs(cell) < 100 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else cell
