"""Time to first token over prompt length: each request, or the cells that many requests fall into."""

from collections.abc import Sequence

import msgspec

from bakeoff.charts import frame, numbers, scale, svg
from bakeoff.records.view import Cells

TOP = 30
BOTTOM = 280
_LEGEND_ROW = 20
_SIZES = ((1, 3.5), (4, 5.0), (16, 7.0), (64, 9.0), (256, 11.5), (1024, 14.0))


class Cloud(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one target."""

    target: str
    series: int
    cells: Cells


def _size(count: int) -> float:
    return max(size for least, size in _SIZES if count >= least)


def _dots(cloud: Cloud, plot: frame.Plot) -> str:
    by_size: dict[float, list[str]] = {}
    cells = cloud.cells
    for tokens, seconds, count in zip(cells.tokens, cells.seconds, cells.counts, strict=True):
        dot = f"M{plot.x.at(tokens):.0f} {plot.y.at(seconds):.0f}h0"
        by_size.setdefault(_size(count), []).append(dot)
    paths = [
        f'<path d="{"".join(dots)}" class="cloud" stroke-width="{size}"/>'
        for size, dots in sorted(by_size.items())
    ]
    return svg.group(paths, svg.series_class(cloud.series), f"{cloud.target}: {_words(cloud)}")


def _words(cloud: Cloud) -> str:
    cells = cloud.cells
    words = f"{cells.n:,} requests"
    if not cells.cells:
        return words
    return f"{words} in {len(cells.counts)} dots, up to {max(cells.counts):,} in one"


def scatter_chart(clouds: Sequence[Cloud], *, title: str) -> str:
    """Draw time to first token upwards over prompt tokens; a larger dot stands for more requests."""
    drawn = [cloud for cloud in clouds if cloud.cells.tokens]
    if not drawn:
        return svg.empty(title, "No request has both a token count and a first token.")
    tokens = [value for cloud in drawn for value in cloud.cells.tokens]
    seconds = [value for cloud in drawn for value in cloud.cells.seconds]
    plot = frame.Plot(
        x=scale.spread(min(tokens), max(tokens), frame.LEFT, frame.RIGHT),
        y=scale.spread(min(seconds), max(seconds), BOTTOM, TOP),
        across=numbers.Scale(factor=1.0, unit="tokens"),
        up=numbers.scale_for("s", seconds),
    )
    body = [*frame.ticks_up(plot), *frame.ticks_across(plot, top=TOP, label="prompt tokens")]
    body.append(svg.text(8, 14, f"time to first token ({plot.up.unit})", cls="soft"))
    body += [_dots(cloud, plot) for cloud in drawn]
    y = BOTTOM + 56.0
    for cloud in drawn:
        dot = f'<path d="M{frame.LEFT + 5} {y:.1f}h0" class="cloud" stroke-width="9"/>'
        name = svg.text(frame.LEFT + 18, y + 4, svg.clip(cloud.target, 30))
        words = svg.text(frame.LEFT + 230, y + 4, _words(cloud), cls="soft num")
        body.append(svg.group([dot, name, words], svg.series_class(cloud.series)))
        y += _LEGEND_ROW
    desc = "; ".join(f"{cloud.target}: {_words(cloud)}" for cloud in drawn)
    return svg.document(y, title, desc, body)
