"""results.csv, stages.csv and costs.csv: rows of figures, load stages and costs, for spreadsheets."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from bakeoff.charts.svg import visible
from bakeoff.records import StageResult
from bakeoff.records.view import RunView
from bakeoff.reports.doubts import doubt, why
from bakeoff.reports.names import parse

COLUMNS = ("target", "metric", "value", "low", "high", "n", "unit", "level", "note", "valid")
_ALONE = (
    "benchmark",
    "target",
    "stage",
    "valid",
    "reasons",
    "load",
    "outcomes",
    "asked_rate",
    "request_rate",
    "output_token_rate",
    "goodput",
    "seconds",
    "concurrency_mean",
    "slo_attainment",
    "slo_attainment_low",
    "slo_attainment_high",
    "slo_attainment_n",
)
_SPREAD = ("ttft", "ttfa", "itl", "chunk_gap", "tpot", "e2e", "service", "lag")
_FACTS = ("n", "mean", "p50", "p90", "p95", "p99", "p999", "min", "max")
STAGE_COLUMNS = (*_ALONE, *(f"{metric}_{fact}" for metric in _SPREAD for fact in _FACTS))

COST_COLUMNS = (
    "target",
    "benchmark",
    "basis",
    "per_1k_requests",
    "per_1k_requests_low",
    "per_1k_requests_high",
    "per_1m_tokens",
    "per_1k_successes",
    "per_1k_successes_low",
    "per_1k_successes_high",
    "per_month",
    "traffic",
    "capacity",
    "capacity_below",
    "replicas",
    "utilisation",
    "note",
    "capacity_low",
    "capacity_high",
)

_Cell = str | int | float | None


class CsvReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures with full precision; an empty cell is unknown; `valid` is false where the client lagged."""

    def write(self, view: RunView, folder: Path) -> Path:
        """Write `results.csv`, `costs.csv`, and `stages.csv` where a load was measured."""
        stages = folder / "stages.csv"
        stages.unlink(missing_ok=True)
        if view.results.stages:
            _write(stages, STAGE_COLUMNS, (list(_stage(view, one)) for one in view.results.stages))
        costs = folder / "costs.csv"
        costs.unlink(missing_ok=True)
        if view.results.costs:
            rows = ([getattr(one, name) for name in COST_COLUMNS] for one in view.results.costs)
            _write(costs, COST_COLUMNS, rows)
        path = folder / "results.csv"
        _write(path, COLUMNS, _figures(view))
        return path


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[_Cell]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(visible(cell) if isinstance(cell, str) else cell for cell in row)


def _word(*, yes: bool) -> str:
    return "true" if yes else "false"


def _figures(view: RunView) -> Iterator[Sequence[_Cell]]:
    for target in view.results.targets:
        for metric, one in target.metrics.items():
            reason = doubt(view, target.name, parse(metric, view.benchmarks), one)
            note = "; ".join(part for part in (one.note, reason) if part)
            yield (
                *(target.name, metric, one.value, one.low, one.high, one.n, one.unit, one.level, note),
                _word(yes=not reason),
            )


def _stage(view: RunView, stage: StageResult) -> Iterator[_Cell]:
    place = (stage.benchmark, stage.target, stage.stage)
    checks = (c for c in view.results.checks if (c.benchmark, c.target, c.stage) == place)
    check = stage.client or next(checks, None)
    yield from place
    yield None if check is None else _word(yes=check.valid)
    yield None if check is None or check.valid else why(check)
    yield msgspec.json.encode(stage.load).decode()
    yield msgspec.json.encode(stage.outcomes).decode()
    yield from (stage.asked_rate, stage.request_rate, stage.output_token_rate, stage.goodput)
    yield from (stage.seconds, stage.concurrency_mean)
    met = stage.slo_attainment
    yield from (None,) * 4 if met is None else (met.value, met.low, met.high, met.n)
    for metric in _SPREAD:
        one = getattr(stage, metric)
        yield from (None if one is None else getattr(one, fact) for fact in _FACTS)
