"""Estimates of one target: shares and means with intervals, times as quantiles, rates over the window."""

import math
from array import array
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from bakeoff import plugins
from bakeoff.decide.gather.collect import Answers, CaseValues, cluster_names, slices
from bakeoff.extend import SampleMetric, StageMetric
from bakeoff.records import BenchmarkSpec, Case, Estimate, SloSpec, Target
from bakeoff.stats.intervals import clopper_pearson, mean_clustered, quantile_interval, wilson
from bakeoff.stats.quantiles import quantile

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_COUNTED = frozenset({"tokens", "USD"})


def answer_estimates(
    answers: Answers, benchmark: BenchmarkSpec, cases: dict[str, Case], level: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the estimates of graded answers: the whole, and each slice.

    `<metric>` counts a sample without a grade as the benchmark's policy says; `<metric>_answered` leaves it
    out, and `_lowest` and `_highest` bound what any policy could give, where all values are shares.
    """
    parts = slices(cases.values())
    for scorer, scores in answers.graded.items():
        metric = next(iter(scores.values())).metric if scores else scorer
        name = f"{benchmark.name}.{metric}"
        whole = answers.values(scorer, cases, errors_count=benchmark.errors_count)
        yield name, share_estimate(whole.values, whole.clusters, level, binary=whole.binary)
        if whole.missing:
            total = whole.graded + whole.missing
            answered = answers.values(scorer, cases, errors_count=False)
            yield (
                f"{name}_answered",
                share_estimate(answered.values, answered.clusters, level, binary=answered.binary),
            )
            if all(0 <= value <= 1 for value in answered.values):
                lowest, highest = whole.right / total, (whole.right + whole.missing) / total
                yield f"{name}_lowest", Estimate(value=lowest, unit="share", n=total, level=level)
                yield f"{name}_highest", Estimate(value=highest, unit="share", n=total, level=level)
        for label, estimate in _slice_estimates(whole, parts, cases, level):
            yield f"{name}@{label}", estimate


def _slice_estimates(
    whole: CaseValues, parts: Mapping[str, frozenset[str]], cases: Mapping[str, Case], level: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the estimate of each slice in which some case has a value."""
    if not parts:
        return
    places = {name: place for place, name in enumerate(whole.cases)}
    for label, members in parts.items():
        kept = sorted(places[name] for name in members if name in places)
        if kept:
            names, values = [whole.cases[at] for at in kept], [whole.values[at] for at in kept]
            binary = whole.several.keys().isdisjoint(members) and set(values) <= {0.0, 1.0}
            yield label, share_estimate(values, cluster_names(names, cases), level, binary=binary)


def share_estimate(
    values: Sequence[float], clusters: Sequence[str] | None, level: float, *, binary: bool
) -> Estimate:
    """Return a mean with its interval: Wilson for pass or fail, else t; robust where cases cluster.

    Where all values are 0 or all are 1 there is no spread for t; Wilson's interval then counts each cluster,
    or each case, once.
    """
    n = len(values)
    if n == 0:
        return Estimate(value=None, unit="share", n=0, level=level, note="no graded sample")
    if min(values) < 0 or max(values) > 1:
        return _mean_score(values, clusters if clusters is not None else range(n), level)
    if clusters is not None or not binary:
        return _mean_share(values, clusters if clusters is not None else range(n), level)
    return _wilson_share(values, level)


def _wilson_share(values: Sequence[float], level: float) -> Estimate:
    n, right = len(values), round(sum(values))
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


def _mean_share(values: Sequence[float], clusters: Sequence[Hashable], level: float) -> Estimate:
    wide = mean_clustered(values, clusters, level=level)
    how = "t" if wide.groups == wide.n else f"t over {wide.groups} clusters"
    if wide.low is not None and wide.high is not None:
        low, high = max(0.0, wide.low), min(1.0, wide.high)
    elif set(values) in ({0.0}, {1.0}):
        interval = wilson(wide.groups if values[0] else 0, wide.groups, level=level)
        low, high, how = interval.low, interval.high, f"no spread, Wilson over {wide.groups}"
    else:
        low, high, how = None, None, "no spread to judge by"
    return Estimate(value=wide.mean, unit="share", n=wide.n, low=low, high=high, level=level, note=how)


def _mean_score(values: Sequence[float], clusters: Sequence[Hashable], level: float) -> Estimate:
    """Return the mean of a score that is no share, as scripts of users may give."""
    wide = mean_clustered(values, clusters, level=level)
    note = "t" if wide.groups == wide.n else f"t over {wide.groups} clusters"
    return Estimate(
        value=wide.mean, unit="score", n=wide.n, low=wide.low, high=wide.high, level=level, note=note
    )


def metric_estimates(
    answers: Answers, benchmark: BenchmarkSpec, target: Target, slo: SloSpec | None, level: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the estimates of every metric of the family over a target's samples.

    Rates are given for a measured load only: elsewhere the targets take turns, and the window of one would
    hold the time of the others.
    """
    for metric in _metrics(benchmark, slo):
        name = f"{benchmark.name}.{metric.name}"
        if hasattr(metric, "reduce"):
            whole: StageMetric = metric
            if benchmark.measured:
                yield name, whole.reduce(iter(answers.samples))
            elif metric.name in benchmark.metrics:
                note = "rates are of a load: set `measured: true`"
                yield name, Estimate(value=None, unit=whole.unit, n=0, level=level, note=note)
            continue
        single: SampleMetric = metric
        measured = [single.measure(sample, target) for sample in answers.samples]
        values = array("d", [value for value in measured if value is not None])
        asked: list[str] = []
        if single.unit in _COUNTED:
            asked = [
                sample.case
                for sample, value in zip(answers.samples, measured, strict=True)
                if value is not None
            ]
        if all(map(math.isfinite, values)):
            yield from spread(name, single.unit, values, asked, level)
        else:
            note = "a value is NaN or infinite"
            yield name, Estimate(value=None, unit=single.unit, n=len(values), level=level, note=note)


def _metrics(benchmark: BenchmarkSpec, slo: SloSpec | None) -> Iterator[Any]:
    """Yield metrics of both kinds, as plugins are found."""
    for name in benchmark.metrics or plugins.names("metrics"):
        if name != "slo_attainment":
            yield plugins.create("metrics", name, {})
    if slo is not None:
        limits = {"ttft": slo.ttft, "ttfa": slo.ttfa, "tpot": slo.tpot, "e2e": slo.e2e}
        yield plugins.create("metrics", "slo_attainment", limits)


def spread(
    name: str, unit: str, values: "array[float]", asked: list[str], level: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the estimates of one metric over a target's samples.

    Args:
        name: of the metric, benchmark included.
        unit: shares get an exact interval, counts and costs a mean, times quantiles.
        values: one per sample that has one.
        asked: the case of each value, for counts and costs.
        level: confidence of the intervals.
    """
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
        # Repeats of one case are no independent values.
        mean = mean_clustered(values, asked, level=level)
        note = "t" if mean.groups == n else f"t over {mean.groups} cases"
        low = mean.low
        if low is not None and low < 0 <= min(values):
            # The mean of what is never below 0 is not either, however far one long prompt spreads it.
            low = 0.0
        yield (
            name,
            Estimate(value=mean.mean, unit=unit, n=n, low=low, high=mean.high, level=level, note=note),
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
