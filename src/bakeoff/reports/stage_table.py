"""The table of load stages: what was asked, what came back, how fast; one row per stage and target."""

from collections.abc import Callable, Sequence

import msgspec

from bakeoff.charts import numbers
from bakeoff.charts.numbers import Scale
from bakeoff.records import OUTCOMES, Distribution, StageResult
from bakeoff.reports.percentiles import distribution, repeats, scale_of, short


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A value with lines below it; `known` is false where the value is a word."""

    value: str
    lines: list[str] = []
    known: bool = True

    @property
    def line(self) -> str:
        """Return all of the cell in one line."""
        return ", ".join([self.value, *self.lines])


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of one target; the cells stand in the order of the table's columns."""

    stage: str
    load: str
    target: str
    valid: bool
    reasons: list[str]
    cells: list[Cell]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A heading with its unit, and the name of the metric that defines it."""

    label: str
    unit: str = ""
    metric: str = ""


class StageTable(msgspec.Struct, frozen=True, kw_only=True):
    """The stages of one benchmark."""

    columns: list[Column]
    rows: list[StageRow]


_Made = tuple[Column, list[Cell]]
UNKNOWN = Cell(value=numbers.UNKNOWN, known=False)


def load_words(stage: StageResult) -> str:
    """Return a load's kind and options in words."""
    options = [f"{name}={_plain(value)}" for name, value in stage.load.items() if name != "kind"]
    return " ".join([str(stage.load.get("kind", "")), *options]).strip() or numbers.UNKNOWN


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _requests(stages: Sequence[StageResult]) -> _Made:
    order = {name: place for place, name in enumerate(OUTCOMES)}
    cells: list[Cell] = []
    for stage in stages:
        names = sorted(stage.outcomes, key=lambda name: order.get(name, len(order)))
        lines = [f"{stage.outcomes[name]:,} {name}" for name in names if stage.outcomes[name]]
        cells.append(Cell(value=f"{sum(stage.outcomes.values()):,}", lines=lines))
    return Column(label="requests"), cells


def _achieved(stages: Sequence[StageResult]) -> _Made:
    cells: list[Cell] = []
    for stage in stages:
        if stage.request_rate is None:
            cells.append(UNKNOWN)
            continue
        lines = [] if stage.seconds is None else [f"over {numbers.quantity(stage.seconds, 's')}"]
        if stage.asked_rate:
            lines.insert(0, f"{stage.request_rate / stage.asked_rate:.1%} of asked")
        cells.append(Cell(value=numbers.number(stage.request_rate), lines=lines))
    return Column(label="answered", unit="req/s", metric="request_rate"), cells


def _number(
    stages: Sequence[StageResult], column: Column, value: Callable[[StageResult], float | None]
) -> _Made | None:
    """Return a column of plain numbers, None where no stage has one."""
    values = [value(stage) for stage in stages]
    if all(one is None for one in values):
        return None
    return column, [UNKNOWN if one is None else Cell(value=numbers.number(one)) for one in values]


def _asked(stages: Sequence[StageResult]) -> _Made | None:
    made = _number(stages, Column(label="asked", unit="req/s"), lambda stage: stage.asked_rate)
    if made is None:
        return None
    loop = Cell(value="closed loop", known=False)
    cells = [loop if stage.closed_loop else cell for stage, cell in zip(stages, made[1], strict=True)]
    return made[0], cells


def _latency(stages: Sequence[StageResult], metric: str, label: str, shares: Sequence[str]) -> _Made | None:
    """Return a column of percentiles, None where no stage has the metric."""
    found = [distribution(stage, metric) for stage in stages]
    known = [one for one in found if one is not None]
    if not known or repeats(stages, metric):
        return None
    scale: Scale = scale_of("s", known)
    cells: list[Cell] = []
    for stage, one in zip(stages, found, strict=True):
        if one is None:
            cells.append(UNKNOWN)
            continue
        first, *rest = [(name, short(one, name, scale)) for name in shares]
        lines = [f"{name} {cell.value}" for name, cell in rest]
        # The number of complete answers stands in the row already; another n is told where it belongs.
        if one.n != stage.outcomes.get("ok", 0):
            lines.append(f"n={one.n:,}")
        cells.append(Cell(value=first[1].value, lines=lines, known=first[1].known))
    return Column(label=f"{label} {shares[0]}", unit=scale.unit, metric=metric), cells


def _attainment(stages: Sequence[StageResult]) -> _Made | None:
    if all(stage.slo_attainment is None for stage in stages):
        return None
    scale = Scale(factor=100.0, unit="%")
    cells: list[Cell] = []
    for stage in stages:
        if stage.slo_attainment is None or stage.slo_attainment.value is None:
            cells.append(UNKNOWN)
            continue
        shown = numbers.show(stage.slo_attainment, scale)
        cells.append(
            Cell(value=shown.value, lines=[part for part in (shown.interval, f"n={shown.n}") if part])
        )
    return Column(label="target met", unit="%", metric="slo_attainment"), cells


def _server_columns(stages: Sequence[StageResult]) -> list[_Made | None]:
    return [
        _server_latency(stages, "ttft", Column(label="server ttft p50", metric="server_ttft")),
        _server_latency(stages, "tpot", Column(label="server tpot p50", metric="server_tpot")),
        _server_latency(
            stages, "ttft_overhead", Column(label="ttft beyond server p50", metric="ttft_overhead")
        ),
        _gauge(stages, "running", Column(label="server running", unit="mean")),
        _gauge(stages, "waiting", Column(label="server waiting", unit="mean")),
        _gauge(stages, "kv_cache_usage", Column(label="server KV cache", unit="%"), factor=100.0),
    ]


def _server_latency(stages: Sequence[StageResult], name: str, column: Column) -> _Made | None:
    """Return a column of what the server says of itself, beside the client's; None where no server does."""
    found: list[Distribution | None] = [
        None if stage.server is None else getattr(stage.server, name) for stage in stages
    ]
    known = [one for one in found if one is not None]
    if not known:
        return None
    scale = scale_of("s", known)
    cells = [UNKNOWN if one is None else _server_cell(one, scale) for one in found]
    return msgspec.structs.replace(column, unit=scale.unit), cells


def _server_cell(one: Distribution, scale: Scale) -> Cell:
    first, *rest = [(name, short(one, name, scale)) for name in ("p50", "p95")]
    lines = [f"{name} {cell.value}" for name, cell in rest]
    return Cell(value=first[1].value, lines=lines, known=first[1].known)


def _gauge(stages: Sequence[StageResult], name: str, column: Column, factor: float = 1.0) -> _Made | None:
    """Return a column of a gauge of the server's `/metrics`: its mean, and its peak below."""
    pages = [stage.server.metrics if stage.server else None for stage in stages]
    found = [page.gauges.get(name) if page else None for page in pages]
    if all(one is None or not one.peak for one in found):
        return None
    cells = [
        UNKNOWN
        if one is None
        else Cell(
            value=numbers.number(factor * one.mean),
            lines=[f"peak {numbers.number(factor * one.peak)}", f"n={one.n:,}"],
        )
        for one in found
    ]
    return column, cells


def stage_table(stages: Sequence[StageResult]) -> StageTable:
    """Return the table; columns that no stage has are left out."""
    made = [
        _asked(stages),
        _achieved(stages),
        _requests(stages),
        _attainment(stages),
        _number(
            stages,
            Column(label="goodput", unit="req/s", metric="goodput"),
            lambda stage: stage.goodput,
        ),
        _latency(stages, "ttft", "ttft", ("p50", "p95", "p99")),
        _latency(stages, "itl", "itl", ("p50", "p95", "p99")),
        _latency(stages, "chunk_gap", "event gap", ("p50", "p95", "p99")),
        _latency(stages, "tpot", "tpot", ("p50", "p95")),
        _latency(stages, "e2e", "e2e", ("p50", "p95", "p99")),
        _number(
            stages,
            Column(label="output", unit="tokens/s", metric="output_token_rate"),
            lambda stage: stage.output_token_rate,
        ),
        _number(stages, Column(label="in flight", unit="mean"), lambda stage: stage.concurrency_mean),
        *_server_columns(stages),
    ]
    chosen = [one for one in made if one is not None]
    rows = [
        StageRow(
            stage=stage.stage,
            load=load_words(stage),
            target=stage.target,
            valid=stage.valid,
            reasons=[] if stage.client is None else list(stage.client.reasons),
            cells=[cells[place] for _, cells in chosen],
        )
        for place, stage in enumerate(stages)
    ]
    return StageTable(columns=[column for column, _ in chosen], rows=rows)
