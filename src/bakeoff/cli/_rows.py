"""Which of a run's metrics a terminal shows, and in which order; the report has all."""

from collections.abc import Iterator, Sequence

import msgspec

from bakeoff.charts import numbers
from bakeoff.records import Estimate, Results
from bakeoff.reports.names import MetricName, parse

MOST = 25
_FEWEST_SLICES = 6
_BOUNDS = ("_lowest", "_highest", "_answered")
_LATENCY = ("ttft.p50", "ttft.p95", "ttfa.p50", "tpot.p50", "e2e.p50", "e2e.p95")
_SPEED = ("slo_rate.", "slo_attainment.", *_LATENCY, "request_rate.", "output_token_rate.", "cost.")
_UNITS = {"tokens/s": "tok/s", "requests/s": "req/s"}
_BESIDE = ["ttft.p50", "e2e.p50", "cost."]  # without a load test the pace is that of our own loop


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: a metric and a cell for each target."""

    label: str
    cells: list[str]


def rows(results: Results) -> tuple[list[Row], int]:
    """Return the rows, and how many slices were left out for room."""
    names = _names(results)
    quality = [name for name in names if name.quality and not name.slice and not name.base.endswith(_BOUNDS)]
    slices = [name for name in names if name.quality and name.slice and not _whole(results, name)]
    speed = list(_speed(results, names))
    cut = max(len(slices) - max(MOST - len(quality) - len(speed), _FEWEST_SLICES), 0)
    chosen = [*quality, *slices[: len(slices) - cut], *speed]
    made = [_row(results, name) for name in chosen]
    return [row for row in made if any(cell != "-" for cell in row.cells)], cut


def _names(results: Results) -> list[MetricName]:
    full = dict.fromkeys(name for target in results.targets for name in target.metrics)
    return [parse(name, list(results.benchmarks)) for name in full]


def _speed(results: Results, names: Sequence[MetricName]) -> Iterator[MetricName]:
    loads = [name for name, facts in results.benchmarks.items() if facts.get("measured")]
    found = {(name.benchmark, f"{name.base}.{name.statistic}"): name for name in names}
    for benchmark in loads or results.benchmarks:
        for wanted in _SPEED if loads else _BESIDE:
            name = found.get((benchmark, wanted))
            if name is not None and _worth(results, name):
                yield name
    for name in names:
        if loads and name.base == "cost" and name.benchmark not in loads and _worth(results, name):
            yield name


def _worth(results: Results, name: MetricName) -> bool:
    """Leave out an unknown cost, a ttfa that is the ttft, and a far percentile of too few samples."""
    if name.statistic not in {"", "mean", "p50"}:
        return any(one.high is not None for one in _known(_estimates(results, name.full)))
    values = [estimate.value if estimate else None for estimate in _estimates(results, name.full)]
    if name.base == "ttfa":
        tokens = _estimates(results, f"{name.benchmark}.ttft.{name.statistic}")
        return values != [estimate.value if estimate else None for estimate in tokens]
    return name.base != "cost" or any(value is not None for value in values)


def _whole(results: Results, name: MetricName) -> bool:
    """Tell whether a slice holds every case, and so says nothing new."""
    of_all = _known(_estimates(results, name.full.partition("@")[0]))
    return [one.n for one in of_all] == [one.n for one in _known(_estimates(results, name.full))]


def _estimates(results: Results, full: str) -> list[Estimate | None]:
    return [target.metrics.get(full) for target in results.targets]


def _row(results: Results, name: MetricName) -> Row:
    estimates = _estimates(results, name.full)
    scale = numbers.scale_of(_known(estimates))
    unit = f" ({_UNITS.get(scale.unit, scale.unit)})" if scale.unit else ""
    words = f"{name.benchmark} {name.base} {name.statistic}".rstrip() + unit
    return Row(
        label=f"  {name.slice}" if name.slice else words,
        cells=["-" if one is None or not one.n else numbers.show(one, scale).line for one in estimates],
    )


def _known(estimates: list[Estimate | None]) -> list[Estimate]:
    return [one for one in estimates if one is not None]
