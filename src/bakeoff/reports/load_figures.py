"""The charts of a load benchmark: over its stages, and of each stage over time."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from bakeoff.charts.activity import Pulse, activity_chart
from bakeoff.charts.boxes import BoxRow, box_chart
from bakeoff.charts.scatter import Cloud, scatter_chart
from bakeoff.charts.throughput import LoadPoint, throughput_chart
from bakeoff.charts.timeline import Lane, timeline_chart
from bakeoff.records.view import StageView
from bakeoff.reports.figures import Figure, latency_figures
from bakeoff.reports.load import Load
from bakeoff.reports.load_points import load_points

BOX_ROWS = 60
_BOXES = {
    "ttft": "Time to first token",
    "itl": "Inter-token latency",
    "chunk_gap": "Gap between events",
    "e2e": "End-to-end time",
}
_CURVES = {"ttft": "Time to first token", "tpot": "Time per output token", "e2e": "End-to-end time"}


def curve_figures(load: Load) -> list[Figure]:
    """Return the throughput-latency curves, where some target has two stages or more."""
    per_target = Counter(result.target for result in load.results)
    if max(per_target.values(), default=0) < 2:
        return []
    slos = {line.metric: line for line in load.view.slos if line.benchmark == load.benchmark}
    figures: list[Figure] = []
    told = False
    for metric, words in _CURVES.items():
        if metric == "tpot" and metric not in slos:
            continue
        drawn = load_points(load.results, load.view.names, metric, slos=list(slos.values()))
        title = f"{words} against throughput: {load.benchmark}"
        slo = slos.get(metric)
        figures.append(
            Figure(
                key=f"throughput-{metric}-{load.key}",
                title=title,
                caption="Read it as the chart above."
                if told
                else _curve_words(drawn.points, asked=bool(slos)),
                svg=throughput_chart(
                    drawn.points,
                    title=title,
                    y_label=f"{words.lower()}, {drawn.statistic}",
                    slo=None if slo is None else slo.seconds,
                    asked=bool(slos),
                ),
                measured=load.measured(),
            )
        )
        told = True
    return figures


def _curve_words(points: Sequence[LoadPoint], *, asked: bool) -> str:
    words = "Each point is a stage, from light to heavy load; further right and lower is better."
    if any(point.low is not None for point in points):
        words += " Upright lines are intervals."
    if asked:
        words += (
            " Dotted line down: the highest rate at which the share of requests that met every latency "
            "target is surely high enough."
        )
    if any(point.knee for point in points):
        words += " Ringed: the knee, where rate divided by mean end-to-end time is largest."
    if any(not point.valid for point in points):
        words += " A red cross is an invalid stage; it counts for nothing here."
    return words


def box_figures(load: Load) -> list[Figure]:
    """Return the box plots of each latency over all stages."""
    figures: list[Figure] = []
    for metric, words in _BOXES.items():
        rows = [
            BoxRow(
                stage=one.stage,
                target=one.target,
                series=load.series(one.target),
                box=box,
                valid=one.target not in load.invalid(one.stage),
            )
            for one in load.stages
            for box in one.boxes
            if box.metric == metric
        ]
        if not rows:
            continue
        caption = "Box: the middle half with its median. Lines: least and greatest. "
        caption += "Only complete answers have a time."
        if any(row.box.requests is not None for row in rows):
            most = max(row.box.requests or 0 for row in rows)
            caption += f" From at most {most} evenly chosen requests of each stage, all gaps of each."
        if len(rows) > BOX_ROWS:
            caption += f" {len(rows) - BOX_ROWS} further rows are left out; their stages are in the table."
        title = f"{words} by stage: {load.benchmark}"
        chart = box_chart(rows[:BOX_ROWS], title=title)
        figures.append(
            Figure(
                key=f"boxes-{metric}-{load.key}",
                title=title,
                caption=caption,
                svg=chart,
                measured=load.measured(),
            )
        )
    return figures


def _over_time(load: Load, stage: str, stages: Sequence[StageView], key: str) -> list[Figure]:
    steady = {one.target: one for one in load.results if one.stage == stage}
    pulses: list[Pulse] = []
    for one in stages:
        if one.activity is not None:
            result = steady.get(one.target)
            pulses.append(
                Pulse(
                    target=one.target,
                    series=load.series(one.target),
                    activity=one.activity,
                    steady_from=None if result is None else result.steady_from,
                    steady_to=None if result is None else result.steady_to,
                )
            )
    lanes = [
        Lane(target=one.target, series=load.series(one.target), timeline=one.timeline)
        for one in stages
        if one.timeline is not None
    ]
    title = f"Load over time: {load.benchmark}, stage {stage}"
    rows = f"Requests over time: {load.benchmark}, stage {stage}"
    shaded = " Shaded: the steady window." if any(one.steady_from is not None for one in pulses) else ""
    return [
        Figure(
            key=f"activity-{key}",
            title=title,
            caption=f"Time counts from the first due request; failed requests are in flight too.{shaded}",
            svg=activity_chart(pulses, title=title),
        ),
        Figure(
            key=f"timeline-{key}",
            title=rows,
            caption="A row is a request, ordered by when it was due; the mark is its first token. "
            "Where there are too many, rows are chosen evenly over the stage. In a stage much longer than "
            "its requests each row starts at its own due time, and the stage runs downwards.",
            svg=timeline_chart(lanes, title=rows),
        ),
    ]


def _scatter(load: Load, stage: str, stages: Sequence[StageView], key: str) -> list[Figure]:
    clouds = [
        Cloud(target=one.target, series=load.series(one.target), cells=one.cells)
        for one in stages
        if one.cells is not None
    ]
    if not clouds:
        return []
    title = f"Time to first token over prompt length: {load.benchmark}, stage {stage}"
    joined = any(cloud.cells.cells for cloud in clouds)
    caption = (
        "A dot is a request." if not joined else "Near requests share a dot; a larger one stands for more."
    )
    return [
        Figure(
            key=f"scatter-{key}",
            title=title,
            caption=f"{caption} A rise to the right is the cost of reading the prompt.",
            svg=scatter_chart(clouds, title=title),
        )
    ]


def stage_figures(load: Load, stage: str, key: str) -> list[Figure]:
    """Return the charts of one stage; `key` ends the names of their files."""
    stages = [one for one in load.stages if one.stage == stage]
    figures = [
        *latency_figures(load.view, load.benchmark, stage, key),
        *_over_time(load, stage, stages, key),
        *_scatter(load, stage, stages, key),
    ]
    measured = load.measured(stage)
    return [msgspec.structs.replace(figure, measured=measured) for figure in figures]
