"""Box plots: least, quartiles and greatest of a latency, a row for each stage and target."""

from collections.abc import Sequence

import msgspec

from bakeoff.charts import numbers, scale, svg
from bakeoff.records.view import Box

LEFT = 190
RIGHT = 540
ROW = 20
_HEAD = 22
_EDGE = 10


class BoxRow(msgspec.Struct, frozen=True, kw_only=True):
    """The box of one target in one stage; `series` is its place among the targets.

    `valid` is false where the client was the limit.
    """

    stage: str
    target: str
    series: int
    box: Box
    valid: bool = True


def _words(box: Box, shown: numbers.Scale) -> str:
    low, q1, middle, q3, high = (
        numbers.number(value * shown.factor) for value in (box.min, box.q1, box.median, box.q3, box.max)
    )
    return f"{low} | {q1} | {middle} | {q3} | {high} {shown.unit}, n={box.n:,}"


def _count(row: BoxRow, y: float) -> str:
    words = f"n={row.box.n:,}"
    if row.valid:
        return svg.text(svg.WIDTH - _EDGE, y, words, cls="soft num", anchor="end")
    return svg.text(svg.WIDTH - _EDGE, y, f"invalid, {words}", cls="bad-text num", anchor="end")


def _row(row: BoxRow, y: float, axis: scale.Axis, shown: numbers.Scale) -> str:
    box = row.box
    low, q1, middle, q3, high = (axis.at(v) for v in (box.min, box.q1, box.median, box.q3, box.max))
    half = 5.5
    reach = f"M{low:.1f} {y - 4:.1f}v8M{low:.1f} {y:.1f}H{q1:.1f}"
    reach += f"M{q3:.1f} {y:.1f}H{high:.1f}M{high:.1f} {y - 4:.1f}v8"
    parts = [
        svg.text(LEFT - 22, y + 4, svg.clip(row.target, 24), anchor="end"),
        svg.mark(row.series, LEFT - 13, y, 3.5),
        f'<path d="{reach}" class="thin"/>',
        svg.rect(q1, y - half, max(q3 - q1, 1.0), 2 * half, "box"),
        svg.line(middle, y - half, middle, y + half, "median"),
        svg.text(RIGHT + 14, y + 4, numbers.number(box.median * shown.factor), cls="num"),
        _count(row, y + 4),
    ]
    tip = f"{row.target}, {row.stage}: {_words(box, shown)}"
    return svg.group(parts, svg.series_class(row.series), tip)


def box_chart(rows: Sequence[BoxRow], *, title: str) -> str:
    """Draw one box per row, rows of one stage under its name."""
    if not rows:
        return svg.empty(title, "No request has this time, so there is nothing to draw.")
    bounds = [value for row in rows for value in (row.box.min, row.box.max)]
    axis = scale.spread(max(min(bounds), 0.0), max(bounds), LEFT, RIGHT)
    shown = numbers.scale_for("s", bounds)
    stages = list(dict.fromkeys(row.stage for row in rows))
    bottom = float(_HEAD * len(stages) + ROW * len(rows))
    body = [svg.line(axis.at(tick), _HEAD, axis.at(tick), bottom, "grid") for tick in axis.ticks]
    body.append(svg.text(RIGHT + 14, 14, "median", cls="soft"))
    y = 0.0
    for stage in stages:
        own = [row for row in rows if row.stage == stage]
        body.append(svg.text(_EDGE, y + 16, svg.clip(stage, 26), cls="head"))
        y += _HEAD
        for row in own:
            body.append(_row(row, y + ROW / 2, axis, shown))
            y += ROW
    last = -100.0
    for tick in axis.ticks:
        if axis.at(tick) - last >= 48:
            last = axis.at(tick)
            label = f"{tick * shown.factor:,.6g}"
            body.append(svg.text(last, y + 16, label, cls="soft num", anchor="middle"))
    body.append(svg.text(RIGHT + 34, y + 16, shown.unit, cls="soft"))
    desc = "; ".join(
        f"{row.target}, {row.stage}: {numbers.number(row.box.median * shown.factor)}"
        + ("" if row.valid else " (invalid)")
        for row in rows
    )
    return svg.document(y + 26, title, f"Medians in {shown.unit}: {desc}", body)
