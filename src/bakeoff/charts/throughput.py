"""Throughput against latency: one line per target over its load stages, with what can be recommended."""

from collections.abc import Sequence
from itertools import groupby

import msgspec

from bakeoff.charts import frame, numbers, scale, svg

TOP = 30
BOTTOM = 290
_LEGEND_ROW = 20
_NEAR = 3.0


class LoadPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of one target; points of a target stand in the order of the load, lightest first.

    Attributes:
        rate: requests per second that were answered.
        latency: seconds; `low` and `high` are its interval.
        n: requests behind the latency.
        valid: the client was not the limit.
        knee: more load buys less than it costs from here on.
        meets: the highest rate that surely meets the latency targets.
    """

    target: str
    series: int
    stage: str
    rate: float
    latency: float
    n: int
    low: float | None = None
    high: float | None = None
    valid: bool = True
    knee: bool = False
    meets: bool = False


def _plot(points: Sequence[LoadPoint], slo: float | None) -> frame.Plot:
    tall = [
        value for point in points for value in (point.latency, point.low, point.high) if value is not None
    ]
    if slo is not None and slo <= _NEAR * max(tall):
        tall.append(slo)
    across = scale.linear(0.0, max(point.rate for point in points) * 1.05, frame.LEFT, frame.RIGHT)
    return frame.Plot(
        x=across,
        y=scale.spread(min(tall), max(tall), BOTTOM, TOP),
        across=numbers.Scale(factor=1.0, unit="requests/s"),
        up=numbers.scale_for("s", tall),
    )


def _words(point: LoadPoint, up: numbers.Scale) -> str:
    interval = ""
    if point.low is not None and point.high is not None:
        interval = f" [{numbers.number(point.low * up.factor)}, {numbers.number(point.high * up.factor)}]"
    latency = f"{numbers.number(point.latency * up.factor)}{interval} {up.unit}"
    invalid = "" if point.valid else ", invalid"
    return f"{point.stage}: {latency} at {numbers.number(point.rate)} requests/s, n={point.n:,}{invalid}"


def _point(point: LoadPoint, plot: frame.Plot) -> str:
    x, y = plot.x.at(point.rate), plot.y.at(point.latency)
    tip = f"{point.target}, {_words(point, plot.up)}"
    if not point.valid:
        cross = f'<path d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10" class="lost"/>'
        return svg.group([cross], svg.series_class(point.series), tip)
    parts: list[str] = []
    if point.low is not None and point.high is not None:
        parts.append(svg.line(x, plot.y.at(point.low), x, plot.y.at(point.high), "whisker"))
    if point.knee:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" class="ring"/>')
    if point.meets:
        parts.append(f'<path d="M{x:.1f} {BOTTOM}V{y + 9:.1f}" class="drop"/>')
    parts.append(svg.mark(point.series, x, y))
    return svg.group(parts, svg.series_class(point.series), tip)


def _line(points: Sequence[LoadPoint], plot: frame.Plot) -> str:
    series = points[0].series
    places = [f"{plot.x.at(p.rate):.1f} {plot.y.at(p.latency):.1f}" for p in points if p.valid]
    if len(places) < 2:
        return ""
    path = f'<path d="M{"L".join(places)}" class="curve d{series // 2 % 4}"/>'
    return svg.group([path], svg.series_class(series))


def _summary(points: Sequence[LoadPoint], *, asked: bool) -> str:
    parts: list[str] = []
    meets = next((point for point in points if point.meets), None)
    knee = next((point for point in points if point.knee), None)
    if meets is not None:
        parts.append(f"target met up to {numbers.number(meets.rate)}/s ({svg.clip(meets.stage, 16)})")
    elif asked:
        parts.append("target met by no stage")
    if knee is not None:
        parts.append(f"knee at {numbers.number(knee.rate)}/s ({svg.clip(knee.stage, 16)})")
    lost = sum(not point.valid for point in points)
    if lost:
        parts.append(f"{lost} invalid")
    return " · ".join(parts) or f"{len(points)} {'stage' if len(points) == 1 else 'stages'}"


def _legend(points: Sequence[LoadPoint], y: float, words: str) -> str:
    series = points[0].series
    parts = [
        f'<path d="M{frame.LEFT} {y:.1f}h26" class="curve d{series // 2 % 4}"/>',
        svg.mark(series, frame.LEFT + 13, y),
        svg.text(frame.LEFT + 36, y + 4, svg.clip(points[0].target, 24)),
        svg.text(frame.LEFT + 210, y + 4, words, cls="soft num"),
    ]
    return svg.group(parts, svg.series_class(series))


def throughput_chart(
    points: Sequence[LoadPoint], *, title: str, y_label: str, slo: float | None = None, asked: bool = False
) -> str:
    """Draw latency upwards over the rate that was reached.

    Args:
        points: grouped by target.
        title: what the chart shows.
        y_label: the latency and its statistic.
        slo: the latency target, in seconds.
        asked: latency targets were set, so it is said where no stage meets them.
    """
    if not points:
        return svg.empty(title, "No stage has both a rate and this latency, so there is nothing to draw.")
    plot = _plot(points, slo)
    body = [*frame.ticks_up(plot), *frame.ticks_across(plot, top=TOP, label="requests/s answered")]
    body.append(svg.text(8, 14, f"{y_label} ({plot.up.unit})", cls="soft"))
    if slo is not None and plot.y.low <= slo <= plot.y.high:
        body += frame.target_across(plot, slo)
    elif slo is not None:
        label = f"target {slo * plot.up.factor:,.4g} {plot.up.unit}, far above every stage"
        body.append(svg.text(frame.RIGHT, 14, label, cls="slo-text", anchor="end"))
    y = BOTTOM + 56.0
    descs: list[str] = []
    for name, group in groupby(points, key=lambda point: point.target):
        own = list(group)
        words = _summary(own, asked=asked)
        body.append(_line(own, plot))
        body += [_point(point, plot) for point in own]
        body.append(_legend(own, y, words))
        descs.append(f"{name}: {words}; " + "; ".join(_words(point, plot.up) for point in own))
        y += _LEGEND_ROW
    return svg.document(y, title, ". ".join(descs), body)
