"""Distributions of load stages as words: a percentile that its samples cannot support is no number."""

import math
from collections.abc import Sequence

import msgspec

from bakeoff.charts import numbers
from bakeoff.charts.numbers import Scale
from bakeoff.records import Distribution, StageResult

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
PRINTED = {"p999": "p99.9"}
_METRICS = {
    "ttft": "Time to first token",
    "ttfa": "Time to first answer token",
    "itl": "Inter-token latency",
    "chunk_gap": "Gap between events",
    "tpot": "Time per output token",
    "e2e": "End-to-end time",
    "service": "Service time, from sending",
    "lag": "Client lag",
    "prompt_tokens": "Prompt tokens",
    "cached_tokens": "Cached prompt tokens",
    "output_tokens": "Output tokens",
}
_FINEST = {"s": 6, "ms": 3, "tokens": 2}  # decimals; gaps are stored in whole microseconds
_SAME_AS = {"ttfa": "ttft", "chunk_gap": "itl"}
_TOKENS = frozenset({"prompt_tokens", "cached_tokens", "output_tokens"})


class Percentile(msgspec.Struct, frozen=True, kw_only=True):
    """One cell: a number with its interval where it has one, or what it would need."""

    value: str
    interval: str = ""
    known: bool = True


class PercentileRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of one target; the cells stand in the order of `COLUMNS`."""

    stage: str
    target: str
    valid: bool
    n: str
    cells: list[Percentile]


class PercentileTable(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over all stages, in one unit."""

    metric: str
    label: str
    unit: str
    rows: list[PercentileRow]


COLUMNS = ("mean", *(PRINTED.get(name, name) for name in SHARES), "min", "max")


def needed(share: float, level: float = 0.95) -> int:
    """Return how many samples it takes until a percentile's interval ends below the greatest of them.

    The greatest of n lies below the percentile with probability share^n; that must not exceed
    (1 - level) / 2. With fewer, the samples cannot say how large the percentile is.
    """
    return math.ceil(math.log((1 - level) / 2) / math.log(share))


def supported(one: Distribution, name: str) -> bool:
    """Tell whether the distribution has enough values for a percentile."""
    return one.n >= needed(SHARES[name], one.level)


def percentile(one: Distribution, name: str, scale: Scale) -> Percentile:
    """Return a percentile as words, on the given scale."""
    if not supported(one, name):
        need = needed(SHARES[name], one.level)
        return Percentile(value=f"needs n ≥ {need:,}", known=False)
    bounds = one.bounds.get(name)
    value: float = getattr(one, name)
    low, high = (None, None) if bounds is None else (bounds.low, bounds.high)
    if low is None or high is None:
        return Percentile(value=numbers.number(value * scale.factor))
    value, low, high = (bound * scale.factor for bound in (value, low, high))
    digits = min(numbers.places(value, low, high), _FINEST.get(scale.unit, _FINEST["s"]))
    interval = f"[{numbers.plain(low, digits)}, {numbers.plain(high, digits)}]"
    return Percentile(value=numbers.plain(value, digits), interval=interval)


def short(one: Distribution, name: str, scale: Scale) -> Percentile:
    """Return a percentile in three digits and without its interval, for where there is little room."""
    if not supported(one, name):
        return percentile(one, name, scale)
    value: float = getattr(one, name)
    return Percentile(value=numbers.number(value * scale.factor))


def distribution(stage: StageResult, metric: str) -> Distribution | None:
    """Return a stage's distribution of a metric, None also where it has no value."""
    one: Distribution | None = getattr(stage, metric)
    return one if one is not None and one.n else None


def repeats(stages: Sequence[StageResult], metric: str) -> bool:
    """Tell whether a metric says in every stage what a plainer one says already."""
    same = _SAME_AS.get(metric)
    return same is not None and all(getattr(stage, metric) == getattr(stage, same) for stage in stages)


def scale_of(unit: str, found: Sequence[Distribution]) -> Scale:
    """Return one scale for distributions that stand beside each other: that of the smallest median."""
    return numbers.scale_for(unit, [min((one.p50 for one in found), default=None)])


def tables(stages: Sequence[StageResult]) -> list[PercentileTable]:
    """Return a table for every metric that some stage has."""
    found: list[PercentileTable] = []
    for metric, label in _METRICS.items():
        rows = [(stage, one) for stage in stages if (one := distribution(stage, metric)) is not None]
        if not rows or repeats(stages, metric):
            continue
        scale = scale_of("tokens" if metric in _TOKENS else "s", [one for _, one in rows])
        table = PercentileTable(
            metric=metric,
            label=label,
            unit=scale.unit,
            rows=[_row(stage, one, scale) for stage, one in rows],
        )
        found.append(table)
    return found


def _row(stage: StageResult, one: Distribution, scale: Scale) -> PercentileRow:
    def plain(value: float) -> Percentile:
        return Percentile(value=numbers.number(value * scale.factor))

    return PercentileRow(
        stage=stage.stage,
        target=stage.target,
        valid=stage.valid,
        n=f"{one.n:,}",
        cells=[
            plain(one.mean),
            *(percentile(one, name, scale) for name in SHARES),
            plain(one.min),
            plain(one.max),
        ],
    )
