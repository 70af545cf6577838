"""Read a bundle: a CSV file with one load stage a row, in the columns of SambaNova's benchmarking kit.

    model_name,input_tokens,output_tokens,num_requests,concurrent_requests,qps,qps_distribution,multimodal_img_size

A row with `concurrent_requests` is a closed loop and its `qps` is not looked at, as in the kit; the kit
passes over a row with neither of them, here it is a mistake. All mistakes are told at once, with their lines.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import DataError, SpecError, SpecErrorGroup
from bakeoff.plugins import suggest
from bakeoff.records import BenchmarkSpec, Choice, LoadSpec
from bakeoff.textfiles import UTF8, open_text

REQUIRED = ("model_name", "input_tokens", "output_tokens", "num_requests")
COLUMNS = (*REQUIRED, "concurrent_requests", "qps", "qps_distribution", "multimodal_img_size")

_PIXELS = {"small": 500, "medium": 1000, "large": 2000}
_EMPTY = frozenset({"", "na", "n/a", "nan", "none", "null"})
# Gaps of `uniform` lie between 0 and 2 / qps; a gamma distribution of shape 3 has their mean and variance.
_ARRIVALS: Mapping[str, dict[str, Any]] = {
    "constant": {"kind": "constant"},
    "exponential": {"kind": "poisson"},
    "poisson": {"kind": "poisson"},
    "uniform": {"kind": "gamma", "shape": 3.0},
}


class MatrixRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row: which model gets which load.

    Attributes:
        line: 1-based line of the file.
        note: what is not exactly as the row asks, empty where everything is.
    """

    line: int
    model: str
    benchmark: BenchmarkSpec
    note: str = ""


def read_matrix(path: Path) -> list[MatrixRow]:
    """Return the rows of a bundle in order.

    Raises:
        DataError: the file cannot be read, or is no such table.
        SpecErrorGroup: all mistakes in its rows.
    """
    with open_text(path, UTF8, newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            lines = [(reader.line_num, cells) for cells in reader]
        except csv.Error as error:
            raise DataError(f"is no CSV: {error}", where=f"{path}:{reader.line_num}") from error
    if not lines:
        raise DataError("is empty", where=str(path), hint=f"its first line is `{','.join(COLUMNS)}`")
    header = _header(lines[0][1], path)
    rows: list[MatrixRow] = []
    errors: list[SpecError] = []
    for line, cells in lines[1:]:
        if any(cell.strip() for cell in cells):
            row = _Row(where=f"{path}:{line}", errors=errors)
            made = row.read(_named(header, cells, row), line, len(rows) + 1)
            rows += [] if made is None else [made]
    if errors:
        raise SpecErrorGroup(errors)
    if not rows:
        raise DataError("has no row below its header", where=str(path))
    return rows


def _header(cells: Sequence[str], path: Path) -> list[str]:
    names = [cell.strip().lstrip("\ufeff") for cell in cells]
    where = f"{path}:1"
    for name in names:
        if name not in COLUMNS:
            known = f"known: {', '.join(COLUMNS)}"
            raise DataError(f"there is no column `{name}`.{suggest(name, COLUMNS)}", where=where, hint=known)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"the column `{twice}` is there twice", where=where)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise DataError(f"the column `{missing[0]}` is missing", where=where)
    return names


def _named(header: Sequence[str], cells: Sequence[str], row: "_Row") -> dict[str, str]:
    if len(cells) > len(header):
        row.refuse(f"{len(cells)} cells for {len(header)} columns", "put a text with commas into quotes")
    found = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
    return {name: cell for name, cell in found.items() if cell.lower() not in _EMPTY}


class _Row:
    """Reads one row and gathers its mistakes."""

    def __init__(self, where: str, errors: list[SpecError]) -> None:
        self._where = where
        self._errors = errors
        self._known = len(errors)

    def refuse(self, message: str, hint: str = "") -> None:
        """Note a mistake."""
        self._errors.append(SpecError(message, where=self._where, hint=hint))

    def read(self, cells: dict[str, str], line: int, number: int) -> MatrixRow | None:
        """Return the row, None where it has mistakes."""
        for name in REQUIRED:
            if name not in cells:
                self.refuse(f"`{name}` is empty")
        prompt, output = self._count(cells, "input_tokens"), self._count(cells, "output_tokens")
        requests = self._count(cells, "num_requests")
        load, label, note = self._load(cells)
        images = self._images(cells)
        if len(self._errors) > self._known:
            return None
        size = "" if images is None else f"-{cells['multimodal_img_size'].lower()}"
        options: dict[str, Any] = {"prompt_tokens": prompt, "output_tokens": output}
        if images is not None:
            options["images"] = images
        kind = str(load.pop("kind"))
        return MatrixRow(
            line=line,
            model=cells["model_name"],
            note=note,
            benchmark=BenchmarkSpec(
                name=f"{number}-in{prompt}-out{output}-{label}{size}",
                dataset=Choice(type="synthetic", options=options),
                load=LoadSpec(kind=kind, requests=requests, options=load),
                measured=True,
            ),
        )

    def _load(self, cells: dict[str, str]) -> tuple[dict[str, Any], str, str]:
        """Return the load with its kind, its part of the name, and a note."""
        at_once = self._number(cells, "concurrent_requests")
        if at_once:
            count = self._count(cells, "concurrent_requests")
            return {"kind": "concurrent", "concurrency": count}, f"c{count}", ""
        rate = self._number(cells, "qps")
        if not rate:
            self.refuse("the row has neither `concurrent_requests` nor `qps`", "give one of them")
            return {}, "", ""
        if rate < 0:
            self.refuse(f"`qps` is {rate:g}: a rate is above 0")
        name = cells.get("qps_distribution", "constant").lower()
        if name not in _ARRIVALS:
            known = f"known: {', '.join(_ARRIVALS)}"
            self.refuse(f"there is no `qps_distribution` `{name}`.{suggest(name, _ARRIVALS)}", known)
            return {}, "", ""
        note = "`uniform` gaps are drawn from a gamma distribution of the same mean and variance"
        return {**_ARRIVALS[name], "rate": rate}, f"q{rate:g}-{name}", note if name == "uniform" else ""

    def _images(self, cells: dict[str, str]) -> dict[str, int] | None:
        size = cells.get("multimodal_img_size")
        if size is None:
            return None
        pixels = _PIXELS.get(size.lower())
        if pixels is None:
            self.refuse(f"there is no `multimodal_img_size` `{size}`", f"known: na, {', '.join(_PIXELS)}")
            return None
        return {"width": pixels, "height": pixels, "count": 1}

    def _count(self, cells: dict[str, str], name: str) -> int | None:
        value = self._number(cells, name)
        if value is None:
            return None
        if value < 1 or value != int(value):
            self.refuse(f"`{name}` is {cells[name]}: a whole number from 1")
            return None
        return int(value)

    def _number(self, cells: dict[str, str], name: str) -> float | None:
        text = cells.get(name)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.refuse(f"`{name}` is `{text}`, which is no number")
            return None
        return value


def models(rows: Sequence[MatrixRow]) -> Iterator[str]:
    """Yield the models of a bundle, each once, in order."""
    yield from dict.fromkeys(row.model for row in rows)
