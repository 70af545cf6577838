"""Latency as cumulative curves: which share of all requests was answered within which time."""

from bisect import bisect_left
from collections.abc import Sequence

from bakeoff.charts import numbers, scale, svg
from bakeoff.records.view import Curve

LEFT = 52
RIGHT = 700
TOP = 16
HEIGHT = 230
_LEGEND_ROW = 20
_NEAR = 3.0
_FINE = 2.5


def _quantile(curve: Curve, share: float) -> float | None:
    """Return the time within which `share` of all requests was answered, None where it never was."""
    place = bisect_left(curve.shares, share - 1e-12)
    return curve.seconds[place] if place < len(curve.seconds) else None


def _path(curve: Curve, axis: scale.Axis, bottom: float) -> str:
    at, height = axis.at(curve.seconds[0]), bottom
    steps = [f"M{at:.1f} {height:.1f}"]
    last = len(curve.seconds) - 1
    for place, (seconds, share) in enumerate(zip(curve.seconds, curve.shares, strict=True)):
        x, y = axis.at(seconds), bottom - share * HEIGHT
        # Steps too small to be seen are taken together with the next ones.
        if x - at < _FINE and height - y < _FINE and place not in (0, last):
            continue
        steps.append(f"H{x:.1f}V{y:.1f}")
        at, height = x, y
    steps.append(f"H{RIGHT}")
    return "".join(steps)


def _words(curve: Curve, shown: numbers.Scale) -> str:
    parts: list[str] = []
    for share in (0.5, 0.95):
        value = _quantile(curve, share)
        if value is not None:
            parts.append(f"{share:.0%} within {numbers.number(value * shown.factor)} {shown.unit}")
    parts.append(f"{curve.n:,} of {curve.total:,} answered")
    return " · ".join(parts)


def _frame(axis: scale.Axis, bottom: float, shown: numbers.Scale) -> list[str]:
    body = [
        part
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        for part in (
            svg.line(LEFT, bottom - share * HEIGHT, RIGHT, bottom - share * HEIGHT, "grid"),
            svg.text(LEFT - 8, bottom - share * HEIGHT + 4, f"{share:.0%}", cls="soft num", anchor="end"),
        )
    ]
    last = -100.0
    for tick in axis.ticks:
        x = axis.at(tick)
        body.append(svg.line(x, TOP, x, bottom, "grid"))
        if x - last >= 44:
            body.append(
                svg.text(x, bottom + 16, f"{tick * shown.factor:,.6g}", cls="soft num", anchor="middle")
            )
            last = x
    body.append(svg.text(RIGHT, bottom + 32, shown.unit, cls="soft", anchor="end"))
    return body


def _slo(axis: scale.Axis, slo: float, bottom: float, shown: numbers.Scale) -> list[str]:
    x = axis.at(slo)
    right = x < (LEFT + RIGHT) / 2
    label = f"target {slo * shown.factor:,.4g} {shown.unit}"
    return [
        svg.line(x, TOP, x, bottom, "slo"),
        svg.text(
            x + (6 if right else -6), bottom - 8, label, cls="slo-text", anchor="start" if right else "end"
        ),
    ]


def _far(slo: float, bottom: float, shown: numbers.Scale) -> str:
    label = f"target {slo * shown.factor:,.4g} {shown.unit}, further right"
    return svg.text(RIGHT - 6, bottom - 8, label, cls="slo-text", anchor="end")


def _legend(curve: Curve, series: int, y: float, shown: numbers.Scale) -> str:
    parts = [
        f'<path d="M{LEFT} {y:.1f}h26" class="curve d{series // 2 % 4}"/>',
        svg.mark(series, LEFT + 13, y),
        svg.text(LEFT + 36, y + 4, svg.clip(curve.target, 30)),
        svg.text(LEFT + 250, y + 4, _words(curve, shown), cls="soft num"),
    ]
    return svg.group(parts, svg.series_class(series))


def latency_chart(
    curves: Sequence[Curve], targets: Sequence[str], *, title: str, slo: float | None = None
) -> str:
    """Draw one cumulative curve per target, with the latency target as a line."""
    drawn = [curve for curve in curves if curve.seconds]
    if not drawn:
        return svg.empty(title, "No request was answered, so there is no latency to draw.")
    every = [second for curve in drawn for second in (curve.seconds[0], curve.seconds[-1])]
    # A target far beyond every answer would press the curves into a corner; it is named instead.
    near = slo is not None and 0 < slo <= _NEAR * max(every)
    bounds = [*every, slo] if slo is not None and near else every
    axis = scale.spread(min(bounds), max(bounds), LEFT, RIGHT)
    shown = numbers.scale_for("s", bounds)
    bottom = TOP + HEIGHT
    body = _frame(axis, bottom, shown)
    if slo is not None:
        body += _slo(axis, slo, bottom, shown) if near else [_far(slo, bottom, shown)]
    for curve in drawn:
        series = targets.index(curve.target)
        path = f'<path d="{_path(curve, axis, bottom)}" class="curve d{series // 2 % 4}"/>'
        where = _quantile(curve, 0.5)
        dots = [] if where is None else [svg.mark(series, axis.at(where), bottom - HEIGHT / 2)]
        tip = f"{curve.target}: {_words(curve, shown)}"
        body.append(svg.group([path, *dots], svg.series_class(series), tip))
    y = bottom + 50.0
    for curve in curves:
        body.append(_legend(curve, targets.index(curve.target), y, shown))
        y += _LEGEND_ROW
    desc = "; ".join(f"{curve.target}: {_words(curve, shown)}" for curve in curves)
    if slo is not None:
        desc += f"; target {numbers.quantity(slo, 's')}"
    return svg.document(y, title, desc, body)
