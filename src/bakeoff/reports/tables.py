"""The tables of a run, as words and numbers that every format shares."""

from collections.abc import Iterable, Mapping
from typing import cast

import msgspec

from bakeoff.charts import numbers
from bakeoff.charts.numbers import Scale, Shown
from bakeoff.records import OUTCOMES, Comparison, Estimate
from bakeoff.records.view import RunView
from bakeoff.reports.doubts import doubt, why
from bakeoff.reports.names import COUNTS, MetricName, parse

HEADLINE_MOST = 7
_LATENCY_FIRST = ("ttft", "e2e", "ttfa", "tpot", "service")


class MetricRow(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over all targets; an estimate is None where the target has none.

    Attributes:
        doubts: for each target, why its figure says nothing about the server; empty where it does.
    """

    name: MetricName
    scale: Scale
    estimates: list[Estimate | None]
    doubts: list[str]

    @property
    def low(self) -> float:
        """Return the lower end of what the row's intervals span, 0 for shares."""
        return 0.0 if self.scale.unit == "%" else min(0.0, *self._bounds(), 0.0)

    @property
    def high(self) -> float:
        """Return the upper end of what the row's intervals span, 1 for shares."""
        return 1.0 if self.scale.unit == "%" else max([*self._bounds(), 0.0]) or 1.0

    def _bounds(self) -> list[float]:
        known = [one for one in self.estimates if one is not None]
        return [v for one in known for v in (one.value, one.low, one.high) if v is not None]

    def shown(self) -> list[Shown]:
        """Return the row's cells as text; a missing estimate is unknown with n=0."""
        missing = Estimate(value=None, unit="", n=0)
        return [numbers.show(one or missing, self.scale) for one in self.estimates]


class ComparisonRow(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison in words."""

    comparison: Comparison
    name: MetricName
    difference: str
    interval: str
    unit: str
    p: str
    p_adjusted: str
    reading: str


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes of one target in one benchmark; the counts stand in the order of the table's columns."""

    target: str
    series: int
    benchmark: str
    counts: list[int]
    total: int


class OutcomeTable(msgspec.Struct, frozen=True, kw_only=True):
    """All outcomes that occurred, and the rows that count them."""

    columns: list[str]
    rows: list[OutcomeRow]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A line of how the run was measured."""

    name: str
    value: str


def metric_rows(view: RunView) -> list[MetricRow]:
    """Return every metric of the run: benchmarks in order, within them whole ones before slices."""
    names: dict[str, None] = {}
    for target in view.results.targets:
        names.update(dict.fromkeys(target.metrics))
    parsed = [parse(name, view.benchmarks) for name in names]
    order = {name: place for place, name in enumerate(view.benchmarks)}
    parsed.sort(key=lambda one: (order.get(one.benchmark, len(order)), bool(one.slice), not one.quality))
    return [metric_row(view, name) for name in parsed]


def metric_row(view: RunView, name: MetricName) -> MetricRow:
    """Return one metric over all targets."""
    estimates = [target.metrics.get(name.full) for target in view.results.targets]
    return MetricRow(
        name=name,
        scale=numbers.scale_of([one for one in estimates if one is not None]),
        estimates=estimates,
        doubts=[doubt(view, each, name, one) for each, one in zip(view.names, estimates, strict=True)],
    )


def _first(rows: Iterable[MetricRow], bases: Iterable[str], statistics: Iterable[str]) -> MetricRow | None:
    """Return the first row of a metric in the first statistic that the samples can bear, else in any."""
    listed, wanted = list(rows), list(statistics)
    for base in bases:
        found = [
            row
            for statistic in wanted
            for row in listed
            if row.name.base == base and row.name.statistic == statistic
        ]
        if found:
            return next(filter(_borne, found), found[0])
    return None


def _borne(row: MetricRow) -> bool:
    """Tell whether a row is no far percentile of so few samples that it has no interval."""
    far = row.name.statistic not in {"", "mean", "p50"}
    return not far or any(one is not None and one.high is not None for one in row.estimates)


def latency_row(view: RunView) -> MetricRow | None:
    """Return the latency that stands for speed: of a load benchmark if there is one, its 95th percentile."""
    rows = [row for row in metric_rows(view) if not row.name.slice]
    under_load = [row for row in rows if row.name.benchmark in view.loads]
    return _first(under_load or rows, _LATENCY_FIRST, ("p95", "p50", ""))


def cost_row(view: RunView) -> MetricRow | None:
    """Return the cost, of a quality benchmark first."""
    rows = [row for row in metric_rows(view) if not row.name.slice]
    rows.sort(key=lambda row: row.name.benchmark in view.loads)
    return _first(rows, ("cost", "cost_per_1k"), ("", "mean"))


def quality_row(view: RunView) -> MetricRow | None:
    """Return the quality metric that decides, or the first one."""
    rows = [row for row in metric_rows(view) if row.name.quality and not row.name.slice]
    named = [row for row in rows if row.name.full == view.quality_metric]
    return next(iter(named or rows), None)


def _met(rows: Iterable[MetricRow]) -> MetricRow | None:
    """Return how well the latency targets were met: the highest rate within them, where some stage was."""
    listed = list(rows)
    rate = _first(listed, ("slo_rate",), ("",))
    if rate is not None and any(one is not None and one.value is not None for one in rate.estimates):
        return rate
    return _first(listed, ("slo_attainment",), ("",))


def headline(view: RunView) -> list[MetricRow]:
    """Return the few metrics that answer most questions, at most one per kind of speed and cost."""
    rows = [row for row in metric_rows(view) if not row.name.slice]
    under_load = [row for row in rows if row.name.benchmark in view.loads] or rows
    deciding = quality_row(view)
    quality = [row for row in rows if row.name.quality and row is not deciding]
    chosen = [
        *([deciding] if deciding else []),
        *[row for row in quality if deciding is None or row.name.full != deciding.name.full][:2],
        _met(under_load),
        _first(under_load, ("ttft",), ("p95", "p50", "")),
        _first(under_load, ("e2e",), ("p95", "p50", "")),
        _first(under_load, ("output_token_rate", "request_rate"), ("", "mean")),
        cost_row(view),
    ]
    kept = [row for row in chosen if row is not None]
    if not kept:
        kept = [row for row in rows if row.name.base not in COUNTS]
    return kept[:HEADLINE_MOST]


_BETTER_WHEN_SMALL = {"s": "faster", "USD": "cheaper"}


def _reading(comparison: Comparison, unit: str) -> str:
    if comparison.difference is None or comparison.low is None or comparison.high is None:
        return "cannot tell: no interval"
    if comparison.low <= 0 <= comparison.high:
        return "cannot tell apart: the interval holds 0"
    word = _BETTER_WHEN_SMALL.get(unit)
    first = (comparison.low > 0) == (word is None)
    words = f"{comparison.a if first else comparison.b} is {word or 'higher'}"
    if comparison.p_adjusted is not None and comparison.p_adjusted > 1 - comparison.level:
        return f"{words}, but not beyond doubt once all comparisons are counted"
    return words


def _unit(view: RunView, metric: str) -> str:
    """Return a compared metric's unit; a comparison of means has quantiles as its estimates."""
    for target in view.results.targets:
        for name, estimate in target.metrics.items():
            if name == metric or name.startswith(f"{metric}."):
                return estimate.unit
    return ""


def comparison_rows(view: RunView) -> list[ComparisonRow]:
    """Return all comparisons in words; a difference of shares is in percentage points."""
    rows: list[ComparisonRow] = []
    for one in view.results.comparisons:
        unit = _unit(view, one.metric)
        scale = numbers.scale_for(unit, [one.difference, one.low, one.high])
        shown = numbers.show(
            Estimate(value=one.difference, low=one.low, high=one.high, unit=unit, n=one.n), scale
        )
        signed = one.difference is not None and one.difference > 0
        rows.append(
            ComparisonRow(
                comparison=one,
                name=parse(one.metric, view.benchmarks),
                difference=f"+{shown.value}" if signed else shown.value,
                interval=shown.interval,
                unit="points" if unit == "share" else scale.unit,
                p=numbers.probability(one.p),
                p_adjusted=numbers.probability(one.p_adjusted),
                reading=_reading(one, unit),
            )
        )
    return rows


def outcome_table(view: RunView) -> OutcomeTable:
    """Return the counts of all outcomes; `ok` and `error` always have a column."""
    seen = {
        outcome
        for target in view.results.targets
        for counts in target.outcomes.values()
        for outcome, count in counts.items()
        if count
    } | {"ok", "error"}
    columns = [name for name in OUTCOMES if name in seen] + sorted(seen - set(OUTCOMES))
    rows = [
        OutcomeRow(
            target=target.name,
            series=series,
            benchmark=benchmark,
            counts=[counts.get(column, 0) for column in columns],
            total=sum(counts.values()),
        )
        for series, target in enumerate(view.results.targets)
        for benchmark, counts in target.outcomes.items()
    ]
    return OutcomeTable(columns=columns, rows=rows)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return numbers.UNKNOWN
    return msgspec.json.encode(value).decode() if isinstance(value, list) else str(value)


def _flat(prefix: str, values: Mapping[str, object]) -> list[Fact]:
    facts: list[Fact] = []
    for key, value in values.items():
        name = f"{prefix} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            facts += _flat(name, cast("Mapping[str, object]", value))  # a JSON object's keys are text
        else:
            facts.append(Fact(name=name, value=_value(value)))
    return facts


def levels(view: RunView) -> str:
    """Return the confidence levels of all intervals in the run, such as "95 %"."""
    found = {
        one.level for target in view.results.targets for one in target.metrics.values() if one.low is not None
    } | {one.level for one in view.results.comparisons}
    return " / ".join(f"{level * 100:.4g} %" for level in sorted(found or {0.95}))


def facts(view: RunView) -> list[Fact]:
    """Return how the run was measured: plan, denominators, machine, versions, stages."""
    results = view.results
    return [
        Fact(name="run", value=results.run),
        Fact(name="plan hash", value=results.plan_hash),
        Fact(name="denominators", value=results.policy or numbers.UNKNOWN),
        Fact(name="intervals", value=f"{levels(view)} confidence"),
        *_flat("", {key: value for key, value in results.environment.items() if key != "command"}),
        *_flat("", results.benchmarks),
    ]


def warnings(view: RunView) -> list[str]:
    """Return the run's warnings and what was found wrong with its load stages, each with its fix."""
    found = list(view.results.warnings)
    for check in view.results.checks:
        if not check.valid:
            where = f"{check.benchmark} / {check.target} / {check.stage}"
            found.append(f"stage {where} is invalid: {why(check)}")
    return found
