"""A small dot and whisker for a table cell; the number beside it says the same in words."""

import msgspec

from bakeoff.charts import scale, svg

WIDTH = 88
HEIGHT = 14


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A value with its interval."""

    value: float
    low: float | None = None
    high: float | None = None


def whisker(span: Span, low: float, high: float, *, series: int | None = None, zero: bool = False) -> str:
    """Draw a span on an axis from `low` to `high`; `zero` marks where nothing differs."""
    axis = scale.linear(low, high, 6, WIDTH - 6)
    middle = HEIGHT / 2
    body = [svg.line(2, middle, WIDTH - 2, middle, "grid")]
    if zero:
        body.append(svg.line(axis.at(0), 0, axis.at(0), HEIGHT, "axis"))
    if span.low is not None and span.high is not None:
        body.append(svg.line(axis.at(span.low), middle, axis.at(span.high), middle, "whisker"))
    body.append(svg.mark(series or 0, axis.at(span.value), middle, 3.5))
    colour = f" {svg.series_class(series)}" if series is not None else ""
    return (
        f'<svg class="bk cell{colour}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'aria-hidden="true">{"".join(body)}</svg>'
    )
