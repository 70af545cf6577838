"""Quality with intervals: a dot and its whisker per target, in a panel per benchmark or slice."""

from collections.abc import Sequence

import msgspec

from bakeoff.charts import numbers, scale, svg
from bakeoff.records import Estimate

ROW = 22
LEFT = 190
RIGHT = 500
_EDGE = 10


class Dot(msgspec.Struct, frozen=True, kw_only=True):
    """One target's estimate; `series` is its place among the targets."""

    target: str
    series: int
    estimate: Estimate


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Estimates that stand under one heading."""

    label: str
    dots: list[Dot]


def _axis(panels: Sequence[Panel], unit: str) -> scale.Axis:
    bounds = [
        bound
        for panel in panels
        for dot in panel.dots
        for bound in (dot.estimate.value, dot.estimate.low, dot.estimate.high)
        if bound is not None
    ]
    if unit == "share" or not bounds:
        return scale.linear(0.0, 1.0, LEFT, RIGHT)
    return scale.linear(min(0.0, *bounds), max(bounds), LEFT, RIGHT)


def _dot(dot: Dot, y: float, axis: scale.Axis, shown: numbers.Scale) -> str:
    estimate = dot.estimate
    words = numbers.show(estimate, shown)
    parts = [
        svg.text(LEFT - 22, y + 4, svg.clip(dot.target, 24), anchor="end"),
        svg.mark(dot.series, LEFT - 13, y, 3.5),
    ]
    if estimate.value is None:
        parts.append(svg.text(axis.start, y + 4, numbers.UNKNOWN, cls="soft"))
    else:
        if estimate.low is not None and estimate.high is not None:
            parts.append(svg.line(axis.at(estimate.low), y, axis.at(estimate.high), y, "whisker"))
        parts.append(svg.mark(dot.series, axis.at(estimate.value), y))
        parts.append(svg.text(RIGHT + 14, y + 4, f"{words.value} {words.interval}", cls="num"))
    parts.append(svg.text(svg.WIDTH - _EDGE, y + 4, f"n={words.n}", cls="soft num", anchor="end"))
    return svg.group(parts, svg.series_class(dot.series), f"{dot.target}: {words.line} {shown.unit}")


def quality_chart(panels: Sequence[Panel], *, title: str) -> str:
    """Draw dots with whiskers for panels of estimates that share one unit."""
    dots = [dot for panel in panels for dot in panel.dots]
    if not dots:
        return svg.empty(title, "No quality was measured in this run.")
    unit = dots[0].estimate.unit
    axis = _axis(panels, unit)
    shown = numbers.scale_of([dot.estimate for dot in dots])
    height = 12 + sum(26 + ROW * len(panel.dots) for panel in panels)
    body: list[str] = []
    y = 8.0
    for panel in panels:
        body.append(svg.text(_EDGE, y + 16, svg.clip(panel.label, 60), cls="head"))
        y += 26
        end = y + ROW * len(panel.dots)
        body += [svg.line(axis.at(tick), y, axis.at(tick), end, "grid") for tick in axis.ticks]
        for dot in panel.dots:
            body.append(_dot(dot, y + ROW / 2, axis, shown))
            y += ROW
    body += [
        svg.text(axis.at(tick), height + 16, f"{tick * shown.factor:,.6g}", cls="soft num", anchor="middle")
        for tick in axis.ticks
    ]
    body.append(svg.text(RIGHT + 20, height + 16, shown.unit, cls="soft"))
    desc = "; ".join(
        f"{panel.label}: "
        + ", ".join(f"{dot.target} {numbers.show(dot.estimate, shown).line}" for dot in panel.dots)
        for panel in panels
    )
    return svg.document(height + 26, title, f"{desc}. Values in {shown.unit}.", body)
