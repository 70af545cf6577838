"""The speed of each load benchmark: stages, percentiles and charts, chosen once for all formats."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from bakeoff.charts import numbers
from bakeoff.charts.activity import Pulse, activity_chart
from bakeoff.charts.boxes import BoxRow, box_chart
from bakeoff.charts.scatter import Cloud, scatter_chart
from bakeoff.charts.throughput import LoadPoint, throughput_chart
from bakeoff.charts.timeline import Lane, timeline_chart
from bakeoff.records import StageCheck, StageResult
from bakeoff.records.view import RunView, StageView
from bakeoff.reports import percentiles
from bakeoff.reports.figures import Figure, latency_figures
from bakeoff.reports.load_points import load_points
from bakeoff.reports.stage_table import StageTable, stage_table

STAGES = 12
BOX_ROWS = 60
_BOXES = {
    "ttft": "Time to first token",
    "itl": "Inter-token latency",
    "chunk_gap": "Gap between events",
    "e2e": "End-to-end time",
}
_CURVES = {"ttft": "Time to first token", "tpot": "Time per output token", "e2e": "End-to-end time"}
_STAMPS = {"kernel": "the kernel's receive times", "read": "the time of each read"}
_COUNTERS = {"server": "the server", "nobody": "nobody"}


class InvalidStage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage whose client was the limit, why, and what to do."""

    stage: str
    target: str
    reasons: list[str]


class StageCharts(msgspec.Struct, frozen=True, kw_only=True):
    """The charts of one stage, all targets in each."""

    stage: str
    figures: list[Figure]


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """One load benchmark; `left` stages have no charts of their own."""

    benchmark: str
    invalid: list[InvalidStage]
    table: StageTable | None
    percentiles: list[percentiles.PercentileTable]
    figures: list[Figure]
    stages: list[StageCharts]
    left: int = 0

    def drawn(self) -> list[Figure]:
        """Return all charts of the benchmark."""
        return [*self.figures, *(figure for stage in self.stages for figure in stage.figures)]


class _Load(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one benchmark; `key` makes the names of its files."""

    view: RunView
    benchmark: str
    key: str
    results: list[StageResult]
    stages: list[StageView]
    checks: list[StageCheck]

    def series(self, target: str) -> int:
        return self.view.names.index(target)

    def measured(self, stage: str | None = None) -> str:
        """Say how the numbers of a stage, or of all, were measured."""
        stages = [one for one in self.stages if stage in (None, one.stage)]
        checks = [one for one in self.checks if stage in (None, one.stage)]
        parts = [
            _who("Stamped by", _STAMPS, (one.stamped_by for one in stages)),
            _who("Tokens counted by", _COUNTERS, (one.counted_by for one in stages)),
            _client(checks, whole=stage is not None),
        ]
        return " ".join(part for part in parts if part)


def _who(what: str, words: dict[str, str], counts: Iterable[dict[str, int]]) -> str:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    if not total:
        return ""
    named = [words.get(name, name) for name in total]
    if len(total) > 1:
        named = [f"{name} ({count:,})" for name, count in zip(named, total.values(), strict=True)]
    return f"{what} {', '.join(named)}."


def _fact(checks: Sequence[StageCheck], name: str) -> float | None:
    found = [value for one in checks if isinstance(value := one.facts.get(name), (int, float))]
    return max(found, default=None)


def _client(checks: Sequence[StageCheck], *, whole: bool) -> str:
    if not checks:
        return "The client was not checked."
    cpu = _fact(checks, "cpu_share")
    delay, lag = _fact(checks, "loop_delay_p99_s"), _fact(checks, "lag_p99_s")
    parts = [
        None if cpu is None else f"{cpu:.0%} of a core",
        None if delay is None else f"event-loop delay p99 {numbers.quantity(delay, 's')}",
        None if lag is None else f"lag p99 {numbers.quantity(lag, 's')}",
    ]
    known = [part for part in parts if part is not None]
    if not known:
        return ""
    most = "" if whole and len(checks) == 1 else ", at most"
    return f"Client{most}: {', '.join(known)}."


def _curves(load: _Load) -> list[Figure]:
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


def _boxes(load: _Load) -> list[Figure]:
    figures: list[Figure] = []
    for metric, words in _BOXES.items():
        rows = [
            BoxRow(stage=one.stage, target=one.target, series=load.series(one.target), box=box)
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


def _over_time(load: _Load, stage: str, stages: Sequence[StageView], key: str) -> list[Figure]:
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
            "Where there are too many, rows are chosen evenly over the stage.",
            svg=timeline_chart(lanes, title=rows),
        ),
    ]


def _scatter(load: _Load, stage: str, stages: Sequence[StageView], key: str) -> list[Figure]:
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


def _stage(load: _Load, stage: str, key: str) -> StageCharts:
    stages = [one for one in load.stages if one.stage == stage]
    figures = [
        *latency_figures(load.view, load.benchmark, stage, key),
        *_over_time(load, stage, stages, key),
        *_scatter(load, stage, stages, key),
    ]
    measured = load.measured(stage)
    return StageCharts(
        stage=stage,
        figures=[msgspec.structs.replace(figure, measured=measured) for figure in figures],
    )


def _check(view: RunView, stage: StageResult) -> StageCheck | None:
    if stage.client is not None:
        return stage.client
    where = (stage.benchmark, stage.target, stage.stage)
    return next((c for c in view.results.checks if (c.benchmark, c.target, c.stage) == where), None)


def _load(view: RunView, benchmark: str, key: str) -> _Load:
    names = set(view.names)
    results = [
        msgspec.structs.replace(stage, client=_check(view, stage))
        for stage in view.results.stages
        if stage.benchmark == benchmark and stage.target in names
    ]
    order = list(dict.fromkeys(stage.stage for stage in results))
    results.sort(key=lambda stage: (order.index(stage.stage), view.names.index(stage.target)))
    return _Load(
        view=view,
        benchmark=benchmark,
        key=key,
        results=results,
        stages=[stage for stage in view.stages if stage.benchmark == benchmark],
        checks=[check for check in view.results.checks if check.benchmark == benchmark]
        or [result.client for result in results if result.client is not None],
    )


def _speed(load: _Load) -> Speed:
    stages = list(dict.fromkeys(stage.stage for stage in load.stages))
    return Speed(
        benchmark=load.benchmark,
        invalid=[
            InvalidStage(
                stage=check.stage,
                target=check.target,
                reasons=list(check.reasons) or ["no reason was given"],
            )
            for check in load.checks
            if not check.valid
        ],
        table=stage_table(load.results) if load.results else None,
        percentiles=percentiles.tables(load.results),
        figures=[*_curves(load), *_boxes(load)],
        stages=[_stage(load, stage, f"{load.key}-{place}") for place, stage in enumerate(stages[:STAGES], 1)],
        left=max(len(stages) - STAGES, 0),
    )


def speeds(view: RunView) -> list[Speed]:
    """Return a section for every load benchmark of which there is something to show."""
    found: list[Speed] = []
    for place, benchmark in enumerate(view.loads, 1):
        load = _load(view, benchmark, str(place))
        if load.results or load.stages:
            found.append(_speed(load))
    return found
