"""Outcomes of all requests as stacked bars: what came back, and what did not."""

from collections.abc import Mapping, Sequence

import msgspec

from bakeoff.charts import svg

LEFT = 190
RIGHT = 470
ROW = 24
_KINDS = {
    "ok": "ok",
    "truncated": "cut",
    "empty": "cut",
    "refused": "cut",
    "filtered": "cut",
    "cancelled": "none",
}
_TINY = 1.5


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of one target in one benchmark."""

    target: str
    series: int
    counts: Mapping[str, int]


def _ordered(counts: Mapping[str, int]) -> list[str]:
    order = {"ok": 0, "cut": 1, "bad": 2, "none": 3}
    return sorted(
        (name for name, count in counts.items() if count), key=lambda n: order[_KINDS.get(n, "bad")]
    )


def _bar(bar: Bar, y: float) -> str:
    total = sum(bar.counts.values())
    names = _ordered(bar.counts)
    parts = [
        svg.text(LEFT - 22, y + 4, svg.clip(bar.target, 24), anchor="end"),
        svg.mark(bar.series, LEFT - 13, y, 3.5),
    ]
    x = float(LEFT)
    for name in names:
        width = max(bar.counts[name] / total * (RIGHT - LEFT), _TINY)
        parts.append(svg.rect(x, y - 7, min(width, RIGHT - x), 14, f"o-{_KINDS.get(name, 'bad')}"))
        x = min(x + width, RIGHT - _TINY)
    words = " · ".join(f"{bar.counts[name]:,} {name}" for name in names) or "nothing was sent"
    parts.append(svg.text(RIGHT + 12, y + 4, svg.clip(words, 37), cls="num"))
    return svg.group(parts, svg.series_class(bar.series), f"{bar.target}: {words}")


def outcome_chart(bars: Sequence[Bar], *, title: str) -> str:
    """Draw one stacked bar per target; every outcome is also written out as a count."""
    if not bars:
        return svg.empty(title, "Nothing was sent.")
    y = 18.0
    body: list[str] = []
    for bar in bars:
        body.append(_bar(bar, y))
        y += ROW
    for place, (kind, words) in enumerate(
        (
            ("ok", "complete answer"),
            ("cut", "answer cut, empty or refused"),
            ("bad", "failed"),
            ("none", "cancelled"),
        )
    ):
        x = 10 + (0, 130, 345, 410)[place]
        body.append(svg.rect(x, y + 1, 10, 10, f"o-{kind}"))
        body.append(svg.text(x + 15, y + 10, words, cls="soft"))
    desc = "; ".join(
        f"{bar.target}: " + ", ".join(f"{bar.counts[name]} {name}" for name in _ordered(bar.counts))
        for bar in bars
    )
    return svg.document(y + 24, title, desc, body)
