"""A forecast as tables: what it can show, and what it takes."""

import math

from bakeoff.cli._forecast_sums import duration, usd_text
from bakeoff.cli._terminal import table
from bakeoff.decide.forecast.floors import PlannedFloor
from bakeoff.decide.forecast.power import PlannedComparison, PlannedLoad, Scenario
from bakeoff.run.effort import Effort
from bakeoff.run.planning import Forecast


def can_table(found: Forecast) -> str:
    """Return what comparisons and loads can show; pairs that share their assumptions are one row."""
    rows = dict.fromkeys(_can_row(row, one) for row in found.comparisons for one in row.scenarios)
    floors, loads = [_floor_row(one) for one in found.floors], [_load_row(one) for one in found.loads]
    parts = [
        table(
            ("metric", "cases", "pairs", "if they disagree on", "smallest gap", "cases for your margin"),
            [*rows],
        )
        if rows
        else "",
        table(("metric", "cases", "floor", "right to show it", "true share that shows it"), floors)
        if floors
        else "",
        table(
            ("load", "requests", "asked attainment", "may miss it", "percentiles with an upper bound"), loads
        )
        if loads
        else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _floor_row(one: PlannedFloor) -> tuple[str, ...]:
    worth = "" if one.icc is None else f" (worth {one.effective:,.0f})"
    return (
        one.metric,
        f"{one.n:,}{worth}",
        f"{100 * one.floor:g} %",
        "cannot be shown" if one.passes is None else f"{one.passes:,}",
        "none" if one.share is None else f"{math.ceil(1000 * one.share - 1e-9) / 10:g} %",
    )


def _load_row(one: PlannedLoad) -> tuple[str, ...]:
    if one.attainment is None:
        asked, misses = "none", ""
    else:
        asked = f"{100 * one.attainment:g} %"
        misses = "cannot be proved" if one.misses is None else f"{one.misses:,}"
    return (one.benchmark, f"{one.requests:,}", asked, misses, ", ".join(one.percentiles) or "none")


def _can_row(row: PlannedComparison, one: Scenario) -> tuple[str, ...]:
    assumed = one.source == "assumed"
    worth = "" if one.icc is None else f" (worth {one.effective:,.0f})"
    return (
        row.metric,
        f"{row.n:,}{worth}",
        f"any of {row.family}" if assumed and row.family > 1 else f"{row.a}, {row.b}",
        f"{round(100 * one.disagreement, 1):g} % ({one.source})",
        "none" if one.gap is None else f"{round(100 * one.gap, 1):g} points",
        "no margin" if one.needed is None else f"{one.needed:,} for {round(100 * row.margin, 1):g} points",
    )


def effort_table(found: Forecast) -> str:
    """Return calls, tokens, money and time by benchmark and target."""
    header = ("benchmark", "target", "calls", "prompt tokens", "answer tokens", "USD", "time")
    return table(header, [_effort_row(each) for each in found.efforts])


def _effort_row(one: Effort) -> tuple[str, ...]:
    bound = "unknown" if one.output_most is None else f"up to {one.output_most:,}"
    return (
        one.benchmark,
        one.target,
        ("up to " if one.at_most else "")
        + f"{one.calls:,}"
        + (f" ({one.warmup:,} warm-up)" if one.warmup else ""),
        f"{one.prompt_tokens:,}",
        bound if one.output_tokens is None else f"about {one.output_tokens:,}, {bound}",
        "by the hour" if one.hourly else usd_text(one.usd, one.usd_most),
        "unknown" if one.seconds is None else duration(one.seconds),
    )
