"""The frame around a plot: grid lines, the labels of both axes, the line of a latency target."""

import msgspec

from bakeoff.charts import numbers, scale, svg

LEFT = 60
RIGHT = 700
_LABEL_GAP = 52


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """Two axes, `y` upwards, and the units in which each is labelled."""

    x: scale.Axis
    y: scale.Axis
    across: numbers.Scale
    up: numbers.Scale

    @property
    def bottom(self) -> float:
        """Return the pixel of the lower edge."""
        return self.y.start


def ticks_up(plot: Plot) -> list[str]:
    """Return the horizontal grid lines with their labels, those too near to each other left out."""
    body: list[str] = []
    last = plot.y.start + 100.0
    for tick in plot.y.ticks:
        at = plot.y.at(tick)
        body.append(svg.line(LEFT, at, RIGHT, at, "grid"))
        if last - at >= 14:
            label = f"{tick * plot.up.factor:,.6g}"
            body.append(svg.text(LEFT - 8, at + 4, label, cls="soft num", anchor="end"))
            last = at
    return body


def ticks_across(plot: Plot, *, top: float, label: str) -> list[str]:
    """Return the vertical grid lines from `top` down with their labels, and the axis's own label."""
    body: list[str] = []
    last = -100.0
    for tick in plot.x.ticks:
        at = plot.x.at(tick)
        body.append(svg.line(at, top, at, plot.bottom, "grid"))
        if at - last >= _LABEL_GAP:
            words = f"{tick * plot.across.factor:,.6g}"
            body.append(svg.text(at, plot.bottom + 16, words, cls="soft num", anchor="middle"))
            last = at
    body.append(svg.text(RIGHT, plot.bottom + 33, label, cls="soft", anchor="end"))
    return body


def target_across(plot: Plot, value: float) -> list[str]:
    """Return the horizontal line of a latency target with its label."""
    at = plot.y.at(value)
    label = f"target {value * plot.up.factor:,.4g} {plot.up.unit}"
    # Curves start low and on the left; near the upper edge the label has no room above its line.
    below = at - plot.y.end < 20
    return [
        svg.line(LEFT, at, RIGHT, at, "slo"),
        svg.text(LEFT + 8, at + (15 if below else -6), label, cls="slo-text"),
    ]
