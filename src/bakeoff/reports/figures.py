"""The charts of a run, chosen once for all formats."""

import msgspec

from bakeoff.charts.latency import latency_chart
from bakeoff.charts.outcomes import Bar, outcome_chart
from bakeoff.charts.quality import Dot, Panel, quality_chart
from bakeoff.charts.tradeoff import Point, tradeoff_chart
from bakeoff.records import Estimate
from bakeoff.records.view import RunView
from bakeoff.reports.tables import MetricRow, cost_row, latency_row, levels, metric_rows, quality_row

PANELS = 24
STAGES = 8
_UNKNOWN = Estimate(value=None, unit="", n=0)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A chart with what a reader must know; `key` names its file, `measured` says how its numbers came."""

    key: str
    title: str
    caption: str
    svg: str
    measured: str = ""


def _panel(view: RunView, row: MetricRow) -> Panel:
    label = f"{row.name.benchmark} {row.name.label}" + (f" · {row.name.slice}" if row.name.slice else "")
    unit = next((one.unit for one in row.estimates if one is not None), "")
    missing = Estimate(value=None, unit=unit, n=0)
    return Panel(
        label=label,
        dots=[
            Dot(target=name, series=series, estimate=estimate or missing)
            for series, (name, estimate) in enumerate(zip(view.names, row.estimates, strict=True))
        ],
    )


def _quality(view: RunView) -> list[Figure]:
    rows = [row for row in metric_rows(view) if row.name.quality]
    figures: list[Figure] = []
    for key, title, sliced in (("quality", "Quality", False), ("slices", "Quality by slice", True)):
        chosen = [row for row in rows if bool(row.name.slice) == sliced]
        for place, unit in enumerate(dict.fromkeys(row.scale.unit for row in chosen)):
            panels = [_panel(view, row) for row in chosen if row.scale.unit == unit]
            left = f" {len(panels) - PANELS} more are in the table below." if len(panels) > PANELS else ""
            figures.append(
                Figure(
                    key=f"{key}-{place + 1}" if place else key,
                    title=title,
                    caption=f"Dot: estimate. Line: {levels(view)} interval. "
                    f"Overlapping lines do not settle a comparison; the paired differences do.{left}",
                    svg=quality_chart(panels[:PANELS], title=title),
                )
            )
    return figures


def _tradeoff(view: RunView) -> list[Figure]:
    quality = quality_row(view)
    if quality is None:
        return []
    y_label = f"{quality.name.benchmark} {quality.name.label}"
    figures: list[Figure] = []
    for key, word, row in (
        ("tradeoff-latency", "latency", latency_row(view)),
        ("tradeoff-cost", "cost", cost_row(view)),
    ):
        title = f"Quality against {word}"
        points = [
            Point(
                target=name,
                series=series,
                x=(row.estimates[series] if row else None) or _UNKNOWN,
                y=quality.estimates[series] or _UNKNOWN,
            )
            for series, name in enumerate(view.names)
        ]
        x_label = f"{row.name.benchmark} {row.name.label}" if row else word
        figures.append(
            Figure(
                key=key,
                title=title,
                caption="Ringed: no other target is better on both axes, by point values; "
                f"lines are {levels(view)} intervals.",
                svg=tradeoff_chart(points, title=title, x_label=x_label, y_label=y_label),
            )
        )
    return figures


def latency_figures(view: RunView, benchmark: str, stage: str, key: str) -> list[Figure]:
    """Return the cumulative curves of one stage; `key` ends the names of their files."""
    slos = {(line.benchmark, line.metric): line.seconds for line in view.slos}
    figures: list[Figure] = []
    for metric, words in (("ttft", "Time to first token"), ("e2e", "End-to-end time")):
        title = f"{words}: {benchmark}" + (f", stage {stage}" if stage != "main" else "")
        chosen = [c for c in view.curves if (c.benchmark, c.stage, c.metric) == (benchmark, stage, metric)]
        figures.append(
            Figure(
                key=f"latency-{metric}-{key}",
                title=title,
                caption="Share of all requests that were answered within a time; further left is faster. "
                "A request that failed never counts as answered.",
                svg=latency_chart(chosen, view.names, title=title, slo=slos.get((benchmark, metric))),
            )
        )
    return figures


def _latency(view: RunView) -> list[Figure]:
    """Return the latency of graded benchmarks, where no load was measured that has its own section."""
    stages = list(dict.fromkeys((curve.benchmark, curve.stage) for curve in view.curves))
    if any(benchmark in view.loads for benchmark, _ in stages):
        return []
    return [
        figure
        for place, (benchmark, stage) in enumerate(stages[:STAGES])
        for figure in latency_figures(view, benchmark, stage, str(place + 1))
    ]


def _outcomes(view: RunView) -> list[Figure]:
    benchmarks = list(dict.fromkeys(name for target in view.results.targets for name in target.outcomes))
    figures: list[Figure] = []
    for place, benchmark in enumerate(benchmarks):
        title = f"Outcomes: {benchmark}"
        bars = [
            Bar(target=target.name, series=series, counts=target.outcomes[benchmark])
            for series, target in enumerate(view.results.targets)
            if benchmark in target.outcomes
        ]
        figures.append(
            Figure(
                key=f"outcomes-{place + 1}",
                title=title,
                caption="Every request that was sent.",
                svg=outcome_chart(bars, title=title),
            )
        )
    return figures


def figures(view: RunView) -> list[Figure]:
    """Return the run's charts beside those of its load sections, in reading order."""
    return [*_quality(view), *_tradeoff(view), *_latency(view), *_outcomes(view)]
