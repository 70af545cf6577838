"""Requests over time: one thin row per request, from its due time to its end, the first token marked.

Where a stage is so long that its requests would be dots, every row starts at its own due time instead.
"""

from collections.abc import Iterable, Sequence

import msgspec

from bakeoff.charts import numbers, scale, svg
from bakeoff.records.view import Timeline

LEFT = 20
RIGHT = 700
MOST_ROWS = 200
_HEAD = 24
_TALLEST = 8.0
_PANEL = 225.0
_LONG = 40  # so many times the longest request, and a stage leaves it less than 17 pixels
_THINNEST = 0.25  # narrower than what can be seen
_KINDS = (
    ("wait", "waiting to be sent"),
    ("first", "until the first token"),
    ("rest", "until the end"),
    ("lost", "failed"),
)


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one target."""

    target: str
    series: int
    timeline: Timeline


def _chosen(count: int, most: int) -> Sequence[int]:
    """Return at most `most` places out of `count`, evenly spread."""
    if count <= most:
        return range(count)
    return [place * count // most for place in range(most)]


def _span(lines: Sequence[Timeline]) -> tuple[float, float]:
    """Return the end of the last request, and how long the longest took, in seconds."""
    ends = [0.0]
    longest = 0.0
    for line in lines:
        for due, sent, done in zip(line.due, line.sent, line.done, strict=True):
            end = max(moment for moment in (due, sent, done) if moment is not None)
            ends.append(end)
            longest = max(longest, end - due)
    return max(ends), longest


def _since_due(line: Timeline) -> Timeline:
    def shifted(column: Sequence[float | None]) -> list[float | None]:
        pairs = zip(column, line.due, strict=True)
        return [None if moment is None else moment - due for moment, due in pairs]

    return msgspec.structs.replace(
        line,
        due=[0.0] * len(line.due),
        sent=shifted(line.sent),
        first=shifted(line.first),
        done=shifted(line.done),
    )


def _stretch(axis: scale.Axis, row: int, start: float | None, end: float | None) -> str:
    if start is None or end is None:
        return ""
    left = axis.at(start)
    width = axis.at(end) - left
    return f"M{left:.1f} {row}h{width:.1f}" if width >= _THINNEST else ""


def _paths(line: Timeline, places: Iterable[int], axis: scale.Axis) -> list[str]:
    """Return a path for each kind of time, with rows one unit high and row 0 at height 0."""
    found: dict[str, list[str]] = {kind: [] for kind, _ in _KINDS}
    ticks: list[str] = []
    for row, place in enumerate(places):
        due, sent, first, done = line.due[place], line.sent[place], line.first[place], line.done[place]
        found["wait"].append(_stretch(axis, row, due, sent if sent is not None else done))
        if not line.ok[place]:
            found["lost"].append(_stretch(axis, row, sent, done))
            continue
        found["first"].append(_stretch(axis, row, sent, first if first is not None else done))
        found["rest"].append(_stretch(axis, row, first, done))
        if first is not None:
            ticks.append(f"M{axis.at(first):.1f} {row}v1")
    body = [
        f'<path d="{joined}" class="g-{kind}" stroke-width=".72"/>'
        for kind, _ in _KINDS
        if (joined := "".join(found[kind]))
    ]
    if ticks:
        body.append(f'<path d="{"".join(ticks)}" class="g-tick" transform="translate(0 -.5)"/>')
    return body


def _lane(lane: Lane, axis: scale.Axis, top: float, most: int) -> tuple[list[str], float, str]:
    line = lane.timeline
    places = _chosen(len(line.due), most)
    step = min(_TALLEST, _PANEL / max(len(places), 1))
    words = (
        f"{len(places):,} of {line.total:,} requests"
        if line.total > len(places)
        else (f"all {line.total:,} requests")
    )
    bottom = top + _HEAD + step * len(places)
    body = [svg.line(axis.at(tick), top + _HEAD, axis.at(tick), bottom, "grid") for tick in axis.ticks]
    parts = [
        svg.mark(lane.series, LEFT + 5, top + 12),
        svg.text(LEFT + 16, top + 16, svg.clip(lane.target, 40), cls="head"),
        svg.text(RIGHT, top + 16, words, cls="soft num", anchor="end"),
        f'<g transform="translate(0 {top + _HEAD + step / 2:.2f}) scale(1 {step:.3g})">'
        + "".join(_paths(line, places, axis))
        + "</g>",
    ]
    body.append(svg.group(parts, svg.series_class(lane.series), f"{lane.target}: {words}"))
    return body, bottom, words


def _key(y: float) -> list[str]:
    body: list[str] = []
    for place, (kind, words) in enumerate(_KINDS):
        x = LEFT + (0, 150, 305, 420)[place]
        body.append(f'<path d="M{x} {y - 4:.1f}h16" class="g-{kind}" stroke-width="6"/>')
        body.append(svg.text(x + 22, y, words, cls="soft"))
    return [svg.group(body, "key")]


def timeline_chart(lanes: Sequence[Lane], *, title: str) -> str:
    """Draw at most 200 requests over all lanes, evenly chosen; each lane says how many of how many."""
    drawn = [lane for lane in lanes if lane.timeline.due]
    if not drawn:
        return svg.empty(title, "No request was sent, so there is nothing to draw.")
    end, longest = _span([lane.timeline for lane in drawn])
    since_due = end > _LONG * longest > 0
    if since_due:
        end = longest
        drawn = [msgspec.structs.replace(lane, timeline=_since_due(lane.timeline)) for lane in drawn]
    axis = scale.linear(0.0, max(end, 1e-6), LEFT, RIGHT, count=7)
    shown = numbers.scale_for("s", [end])
    y = 0.0
    body: list[str] = []
    descs: list[str] = []
    for lane in drawn:
        parts, y, words = _lane(lane, axis, y, MOST_ROWS // len(drawn))
        body += parts
        descs.append(f"{lane.target}: {words}")
        y += 6
    body += [
        svg.text(
            axis.at(tick), y + 12, f"{tick * shown.factor:,.6g}", cls="soft num",
            anchor="start" if tick == 0 else "middle",
        )
        for tick in axis.ticks if axis.at(tick) < RIGHT - 8
    ]  # fmt: skip
    unit = f"{shown.unit} since each request was due" if since_due else shown.unit
    body.append(svg.text(RIGHT, y + 28, unit, cls="soft", anchor="end"))
    body += _key(y + 44)
    return svg.document(y + 56, title, f"Evenly chosen requests by due time. {'; '.join(descs)}.", body)
