"""One stage of a load as a row of a table, or as a line of a log. Latencies are milliseconds."""

from collections.abc import Sequence

from bakeoff.engine.live import StageCounts
from bakeoff.stats.histogram import Histogram, PackedHistogram

_SHARES = (0.5, 0.9, 0.99)
_WIDTHS = (
    {"stage": 26, "done": 13, "in flight": 10, "req/s": 9, "tok/s": 10}
    | {"ttft ms p50": 13, "ttft p90": 10, "ttft p99": 10}
    | {"e2e ms p50": 12, "e2e p90": 9, "e2e p99": 9, "left": 8}
)
_LEFT_OUT = ("e2e p90", "ttft p90", "in flight", "tok/s", "left", "req/s", "ttft p99", "e2e p99")
"""What a narrow terminal does not show, in this order."""


def table_header(columns: int) -> str:
    """Return the names of the columns that fit."""
    return _line(_shown(columns), _shown(columns))[: columns - 1]


def table_row(counts: StageCounts, now: int, columns: int) -> str:
    """Return one row, cut to the terminal."""
    values = (
        " · ".join((counts.target, counts.stage)),
        *_progress(counts, now),
        *_times(counts.ttft),
        *_times(counts.e2e),
        _left(counts, now),
    )
    cells = dict(zip(_WIDTHS, values, strict=True))
    shown = _shown(columns)
    row = _line(shown, [cells[name] for name in shown])
    return "  ".join(filter(None, (row, _failed(counts))))[: columns - 1]


def plain_line(counts: StageCounts, now: int) -> str:
    """Return a stage as a line of a log."""
    done, in_flight, requests, tokens = _progress(counts, now)
    left = _left(counts, now)
    parts = [
        f"{' · '.join(counts.key)}: {done}",
        f"{in_flight} in flight" if in_flight != "0" else "",
        _failed(counts),
        f"{requests} requests/s",
        f"{tokens} tokens/s",
        *(
            "{} p50 {} p90 {} p99 {} ms".format(name, *_times(getattr(counts, name)))
            for name in ("ttft", "e2e")
        ),
        f"{left} left" if left else "",
    ]
    return ", ".join(filter(None, parts))


def _progress(counts: StageCounts, now: int) -> tuple[str, str, str, str]:
    """Return what is done, what is in flight, requests and tokens per second since the stage began."""
    seconds = max(now - counts.began, 1) / 1e9
    tokens = "?" if counts.tokens is None else f"{counts.tokens / seconds:,.0f}"
    in_flight = max(0, counts.sent - counts.ended)
    return f"{counts.done:,}/{counts.total:,}", f"{in_flight:,}", f"{counts.ended / seconds:,.1f}", tokens


def _times(packed: PackedHistogram) -> list[str]:
    """Return percentiles of what was answered, `-` where nothing was."""
    if packed.min is None:
        return ["-" for _ in _SHARES]
    found = Histogram.unpack(packed).quantiles(_SHARES)
    return [f"{ns / 1e6:,.1f}" if ns < 1e9 else f"{ns / 1e6:,.0f}" for ns in found]


def _left(counts: StageCounts, now: int) -> str:
    """Return how long it will take: by the rate so far, and no longer than the stage's own limit."""
    passed, missing = max(now - counts.began, 1) / 1e9, counts.total - counts.done
    ways = [missing * passed / counts.ended] if counts.ended else []
    ways += [max(0.0, counts.seconds - passed)] if counts.seconds is not None else []
    if missing <= 0 or not ways:
        return ""
    seconds = round(min(ways))
    return f"{seconds // 60}m{seconds % 60:02}s" if seconds >= 60 else f"{seconds}s"


def _failed(counts: StageCounts) -> str:
    """Return how many answers were none, by outcome."""
    return " ".join(f"{count:,} {name}" for name, count in sorted(counts.outcomes.items()) if name != "ok")


def _shown(columns: int) -> list[str]:
    shown = list(_WIDTHS)
    for name in _LEFT_OUT:
        if sum(_WIDTHS[each] for each in shown) < columns:
            break
        shown.remove(name)
    return shown


def _line(names: Sequence[str], cells: Sequence[str]) -> str:
    stage, *others = (cell.rjust(_WIDTHS[name]) for name, cell in zip(names, cells, strict=True))
    return "".join((stage.lstrip()[:25].ljust(_WIDTHS["stage"]), *others))
