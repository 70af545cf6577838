"""Estimates of one target: shares and means with intervals, times as quantiles, rates over the window."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

from bakeoff import plugins
from bakeoff.decide.collect import Answers, case_values
from bakeoff.extend import SampleMetric, StageMetric
from bakeoff.records import BenchmarkSpec, Case, Estimate, SloSpec, Target
from bakeoff.stats.intervals import clopper_pearson, mean_clustered, mean_t, quantile_interval, wilson
from bakeoff.stats.quantiles import quantile

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_COUNTED = frozenset({"tokens", "USD"})


def answer_estimates(
    answers: Answers, benchmark: BenchmarkSpec, cases: dict[str, Case], level: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the estimates of graded answers: the whole, and each slice.

    `<metric>` counts a sample without a grade as the benchmark's policy says; `<metric>_answered` leaves it
    out, and `_lowest` and `_highest` bound what any policy could give.
    """
    for scorer, scores in answers.scores.items():
        metric = next(iter(scores.values())).metric if scores else scorer
        name = f"{benchmark.name}.{metric}"
        whole = case_values(scores, cases, errors_count=benchmark.errors_count)
        yield name, share_estimate(whole.values, whole.clusters, level, binary=whole.binary)
        if whole.missing:
            total = whole.graded + whole.missing
            answered = case_values(scores, cases, errors_count=False)
            yield (
                f"{name}_answered",
                share_estimate(answered.values, answered.clusters, level, binary=answered.binary),
            )
            yield f"{name}_lowest", Estimate(value=whole.right / total, unit="share", n=total, level=level)
            highest = (whole.right + whole.missing) / total
            yield f"{name}_highest", Estimate(value=highest, unit="share", n=total, level=level)
        for label, members in slices(cases.values()).items():
            part = case_values(scores, cases, errors_count=benchmark.errors_count, keep=members)
            if part.values:
                yield f"{name}@{label}", share_estimate(part.values, part.clusters, level, binary=part.binary)


def share_estimate(
    values: Sequence[float], clusters: Sequence[str] | None, level: float, *, binary: bool
) -> Estimate:
    """Return a mean with its interval: Wilson for pass or fail, else t; robust where cases cluster."""
    n = len(values)
    if n == 0:
        return Estimate(value=None, unit="share", n=0, level=level, note="no graded sample")
    if clusters is not None:
        wide = mean_clustered(values, clusters, level=level)
        note = f"{wide.groups} clusters"
        return Estimate(
            value=wide.mean, unit="share", n=n, low=wide.low, high=wide.high, level=level, note=note
        )
    if binary:
        right = round(sum(values))
        interval = wilson(right, n, level=level)
        return Estimate(
            value=right / n,
            unit="share",
            n=n,
            low=interval.low,
            high=interval.high,
            level=level,
            note="Wilson",
        )
    mean = mean_t(values, level=level)
    return Estimate(value=mean.mean, unit="share", n=n, low=mean.low, high=mean.high, level=level, note="t")


def slices(cases: Iterable[Case]) -> dict[str, frozenset[str]]:
    """Return the cases of every slice, named `category=…`."""
    found: dict[str, set[str]] = {}
    for case in cases:
        for name, value in case.slices.items():
            found.setdefault(f"{name}={value}", set()).add(case.id)
    return {label: frozenset(members) for label, members in found.items()}


def metric_estimates(
    answers: Answers, benchmark: BenchmarkSpec, target: Target, slo: SloSpec | None, level: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the estimates of every metric of the family over a target's samples."""
    for metric in _metrics(benchmark, slo):
        name = f"{benchmark.name}.{metric.name}"
        if hasattr(metric, "reduce"):
            yield name, metric.reduce(iter(answers.samples))
            continue
        values = array("d")
        for sample in answers.samples:
            value = metric.measure(sample, target)
            if value is not None:
                values.append(value)
        yield from _spread(name, metric.unit, values, level)


def _metrics(benchmark: BenchmarkSpec, slo: SloSpec | None) -> list[SampleMetric | StageMetric]:
    chosen = benchmark.metrics or [name for name in plugins.names("metrics") if name != "slo_attainment"]
    made: list[SampleMetric | StageMetric] = [
        plugins.create("metrics", name, {}) for name in chosen if name != "slo_attainment"
    ]
    if slo is not None:
        limits = {"ttft": slo.ttft, "ttfa": slo.ttfa, "tpot": slo.tpot, "e2e": slo.e2e}
        made.append(plugins.create("metrics", "slo_attainment", limits))
    return made


def _spread(name: str, unit: str, values: "array[float]", level: float) -> Iterator[tuple[str, Estimate]]:
    n = len(values)
    if n == 0:
        yield name, Estimate(value=None, unit=unit, n=0, level=level, note="no sample has this value")
    elif unit == "share":
        met = round(sum(values))
        interval = clopper_pearson(met, n, level=level)
        yield (
            name,
            Estimate(
                value=met / n, unit=unit, n=n, low=interval.low, high=interval.high, level=level, note="exact"
            ),
        )
    elif unit in _COUNTED:
        mean = mean_t(values, level=level)
        yield (
            name,
            Estimate(value=mean.mean, unit=unit, n=n, low=mean.low, high=mean.high, level=level, note="t"),
        )
    else:
        ordered = sorted(values)
        for label, share in QUANTILES.items():
            ranks = quantile_interval(ordered, share, level=level)
            yield (
                f"{name}.{label}",
                Estimate(
                    value=quantile(ordered, share),
                    unit=unit,
                    n=n,
                    low=ranks.low,
                    high=ranks.high,
                    level=level,
                    note="order statistics",
                ),
            )
