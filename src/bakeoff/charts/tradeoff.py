"""Quality against cost or latency: a point with whiskers per target, the Pareto front marked."""

from collections.abc import Sequence

import msgspec

from bakeoff.charts import numbers, scale, svg
from bakeoff.records import Estimate

LEFT = 60
RIGHT = 520
TOP = 34
BOTTOM = 300
_LABEL = 548
_GAP = 17


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One target: `x` is better when small, `y` when large."""

    target: str
    series: int
    x: Estimate
    y: Estimate


class _Spot(msgspec.Struct, frozen=True, kw_only=True):
    point: Point
    x: float
    y: float


def _known(points: Sequence[Point]) -> list[_Spot]:
    return [
        _Spot(point=point, x=point.x.value, y=point.y.value)
        for point in points
        if point.x.value is not None and point.y.value is not None
    ]


def _front(spots: Sequence[_Spot]) -> list[_Spot]:
    """Return the spots that no other beats on one axis without losing on the other, by x."""
    best: list[_Spot] = []
    for spot in sorted(spots, key=lambda one: (one.x, -one.y)):
        if not best or spot.y > best[-1].y or (spot.x == best[-1].x and spot.y == best[-1].y):
            best.append(spot)
    return best


def pareto(points: Sequence[Point]) -> list[str]:
    """Return the targets on the front, cheapest first, judged by point values."""
    return [spot.point.target for spot in _front(_known(points))]


def _axes(spots: Sequence[_Spot]) -> tuple[scale.Axis, scale.Axis]:
    bounds = [
        bound
        for spot in spots
        for bound in (spot.x, spot.point.x.low, spot.point.x.high)
        if bound is not None
    ]
    x = scale.spread(min(bounds), max(bounds), LEFT, RIGHT)
    if spots[0].point.y.unit == "share":
        return x, scale.linear(0.0, 1.0, BOTTOM, TOP)
    tall = [bound for spot in spots for bound in (spot.y, spot.point.y.high) if bound is not None]
    return x, scale.linear(min(0.0, *tall), max(tall), BOTTOM, TOP)


def _labels(spots: Sequence[_Spot], y: scale.Axis) -> list[float]:
    """Return the heights of the labels in the right column: near their points, never overlapping."""
    order = sorted(range(len(spots)), key=lambda place: y.at(spots[place].y))
    heights = [0.0] * len(spots)
    last = TOP - _GAP + 4.0
    for place in order:
        last = max(y.at(spots[place].y), last + _GAP)
        heights[place] = last
    floor = max(BOTTOM, TOP + _GAP * (len(spots) - 1) + 4.0)
    for place in reversed(order):
        heights[place] = min(heights[place], floor)
        floor = heights[place] - _GAP
    return heights


def _frame(x: scale.Axis, y: scale.Axis, shown: tuple[numbers.Scale, numbers.Scale]) -> list[str]:
    body: list[str] = []
    across, up = shown
    for tick in y.ticks:
        at = y.at(tick)
        body.append(svg.line(LEFT, at, RIGHT, at, "grid"))
        body.append(svg.text(LEFT - 8, at + 4, f"{tick * up.factor:,.6g}", cls="soft num", anchor="end"))
    last = -100.0
    for tick in x.ticks:
        at = x.at(tick)
        body.append(svg.line(at, TOP, at, BOTTOM, "grid"))
        if at - last >= 52:
            label = f"{tick * across.factor:,.6g}"
            body.append(svg.text(at, BOTTOM + 16, label, cls="soft num", anchor="middle"))
            last = at
    return body


def _spot(spot: _Spot, label: float, axes: tuple[scale.Axis, scale.Axis], *, front: bool) -> str:
    x, y = axes
    left, top = x.at(spot.x), y.at(spot.y)
    point = spot.point
    parts = [f'<path d="M{left:.1f} {top:.1f}L{RIGHT + 8} {label:.1f}H{_LABEL - 6}" class="curve leader"/>']
    if point.x.low is not None and point.x.high is not None:
        parts.append(svg.line(x.at(point.x.low), top, x.at(point.x.high), top, "whisker"))
    if point.y.low is not None and point.y.high is not None:
        parts.append(svg.line(left, y.at(point.y.low), left, y.at(point.y.high), "whisker"))
    if front:
        parts.append(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="9" class="ring"/>')
    parts.append(svg.mark(point.series, left, top, 5.5))
    parts.append(svg.mark(point.series, _LABEL, label, 4))
    parts.append(svg.text(_LABEL + 10, label + 4, svg.clip(point.target, 24)))
    return svg.group(parts, svg.series_class(point.series), _words(point))


def _words(point: Point) -> str:
    y = numbers.show(point.y, numbers.scale_of([point.y]))
    x = numbers.show(point.x, numbers.scale_of([point.x]))
    across, up = numbers.scale_of([point.x]).unit, numbers.scale_of([point.y]).unit
    return f"{point.target}: {y.value} {y.interval} {up} at {x.value} {x.interval} {across}"


def _why(points: Sequence[Point], x_label: str, y_label: str) -> str:
    if all(point.x.value is None for point in points):
        return f"{x_label} is unknown for every target"
    if all(point.y.value is None for point in points):
        return f"{y_label} is unknown for every target"
    return f"no target has both {x_label} and {y_label}"


def tradeoff_chart(points: Sequence[Point], *, title: str, x_label: str, y_label: str) -> str:
    """Draw quality upwards against a cost or a latency, the best targets lying top left."""
    spots = _known(points)
    if not spots:
        return svg.empty(title, f"There is nothing to draw: {_why(points, x_label, y_label)}.")
    axes = _axes(spots)
    x, y = axes
    across = numbers.scale_of([spot.point.x for spot in spots])
    up = numbers.scale_of([spot.point.y for spot in spots])
    front = _front(spots)
    body = _frame(x, y, (across, up))
    steps = f"M{x.at(front[0].x):.1f} {y.at(front[0].y):.1f}"
    steps += "".join(f"H{x.at(spot.x):.1f}V{y.at(spot.y):.1f}" for spot in front[1:])
    body.append(f'<path d="{steps}H{RIGHT}" class="front"/>')
    heights = _labels(spots, y)
    body += [
        _spot(spot, label, axes, front=spot in front) for spot, label in zip(spots, heights, strict=True)
    ]
    body.append(svg.text(LEFT, BOTTOM + 36, f"{x_label} ({across.unit}), smaller is better", cls="soft"))
    body.append(svg.text(8, 14, f"{y_label} ({up.unit})", cls="soft"))
    missing = [point.target for point in points if all(spot.point is not point for spot in spots)]
    lost = f"Not drawn, because unknown: {', '.join(missing)}." if missing else ""
    if lost:
        body.append(svg.text(LEFT, BOTTOM + 54, svg.clip(lost, 90), cls="soft"))
    words = "; ".join(_words(spot.point) for spot in spots)
    desc = f"{words}. On the front: {', '.join(pareto(points))}. {lost}"
    height = max(BOTTOM + (64.0 if lost else 46.0), max(heights) + 12)
    return svg.document(height, title, desc, body)
