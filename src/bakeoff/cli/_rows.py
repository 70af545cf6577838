"""Which of a run's metrics a terminal shows, and in which order; the report has all."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bakeoff.charts import numbers
from bakeoff.records import Estimate, Results
from bakeoff.reports.names import MetricName, parse

MOST = 25
_FEWEST_SLICES = 6
_BOUNDS = ("_lowest", "_highest", "_answered")
_SPEED = (
    ("slo_attainment", ""),
    ("ttft", "p50"),
    ("ttft", "p95"),
    ("ttfa", "p50"),
    ("tpot", "p50"),
    ("e2e", "p50"),
    ("e2e", "p95"),
    ("request_rate", ""),
    ("output_token_rate", ""),
    ("cost", ""),
)
# Without a load test the speed of a quality benchmark is a by-product: its pace is that of our own loop.
_BESIDE = (("ttft", "p50"), ("e2e", "p50"), ("cost", ""))


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: a metric and a cell for each target."""

    label: str
    cells: list[str]


def rows(results: Results) -> tuple[list[Row], int]:
    """Return the rows, and how many slices were left out for room."""
    names = _names(results)
    quality = [name for name in names if name.quality and not name.slice and not name.base.endswith(_BOUNDS)]
    slices = [name for name in names if name.quality and name.slice]
    speed = list(_speed(results, names))
    room = max(MOST - len(quality) - len(speed), _FEWEST_SLICES)
    cut = max(len(slices) - room, 0)
    chosen = [*quality, *slices[: len(slices) - cut], *speed]
    made = [_row(results, name) for name in chosen]
    return [row for row in made if any(cell != "-" for cell in row.cells)], cut


def _names(results: Results) -> list[MetricName]:
    full = dict.fromkeys(name for target in results.targets for name in target.metrics)
    return [parse(name, list(results.benchmarks)) for name in full]


def _speed(results: Results, names: Sequence[MetricName]) -> Iterator[MetricName]:
    loads = [name for name, facts in results.benchmarks.items() if facts.get("measured")]
    found = {(name.benchmark, name.base, name.statistic): name for name in names}
    for benchmark in loads or results.benchmarks:
        for base, statistic in _SPEED if loads else _BESIDE:
            name = found.get((benchmark, base, statistic))
            if name is not None and _worth(results, name):
                yield name
    if loads:
        rest = [name for name in results.benchmarks if name not in loads]
        costs = [found[name, "cost", ""] for name in rest if (name, "cost", "") in found]
        yield from (name for name in costs if _worth(results, name))


def _worth(results: Results, name: MetricName) -> bool:
    """Leave out an unknown cost, and a first answer token that is the first token in every target."""
    values = [estimate.value if estimate else None for estimate in _estimates(results, name.full)]
    if name.base == "ttfa":
        return values != [e.value if e else None for e in _estimates(results, _sibling(name, "ttft"))]
    return name.base != "cost" or any(value is not None for value in values)


def _sibling(name: MetricName, base: str) -> str:
    return f"{name.benchmark}.{base}.{name.statistic}"


def _estimates(results: Results, full: str) -> list[Estimate | None]:
    return [target.metrics.get(full) for target in results.targets]


def _row(results: Results, name: MetricName) -> Row:
    estimates = _estimates(results, name.full)
    scale = numbers.scale_of(_known(estimates))
    words = f"  {name.slice}" if name.slice else f"{name.benchmark} {name.label}"
    return Row(
        label=f"{words} ({scale.unit})" if scale.unit and not name.slice else words,
        cells=["-" if one is None or not one.n else numbers.show(one, scale).line for one in estimates],
    )


def _known(estimates: Iterable[Estimate | None]) -> list[Estimate]:
    return [one for one in estimates if one is not None]
