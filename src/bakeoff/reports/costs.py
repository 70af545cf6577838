"""What the targets cost, as the rows that every format shares."""

from collections.abc import Callable, Iterator

import msgspec

from bakeoff.charts.numbers import UNKNOWN
from bakeoff.records import BreakEven, Results, TargetCost


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One target in one benchmark; `cells` are in the order of the columns, `note` explains them."""

    target: str
    benchmark: str
    cells: list[str]
    note: str


class CostTable(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of costs; a column is left out where no row has a figure for it."""

    columns: list[str]
    rows: list[CostRow]


def cost_table(results: Results) -> CostTable | None:
    """Return the costs; None where there is no price at all, because every figure would be unknown."""
    rows = [row for row in results.costs if row.prices or row.per_1k_requests is not None or row.capacity]
    if not rows:
        return None
    shown = {name: [cell(row) for row in rows] for name, cell in _COLUMNS.items()}
    kept = {name: cells for name, cells in shown.items() if any(one != UNKNOWN for one in cells)}
    return CostTable(
        columns=list(kept),
        rows=[
            CostRow(
                target=row.target,
                benchmark=row.benchmark,
                cells=[cells[at] for cells in kept.values()],
                note="; ".join([row.note, *_break_even(row), *_prices(row)]),
            )
            for at, row in enumerate(rows)
        ],
    )


def usd(amount: float | None) -> str:
    """Return an amount with four significant digits."""
    if amount is None:
        return UNKNOWN
    if amount >= 1000:
        return f"${amount:,.0f}"
    return f"${amount:.4g}" if amount >= 1e-4 or amount == 0 else f"${amount:.2e}"


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return usd(value)
    return f"{usd(value)} [{usd(low)}, {usd(high)}]"


def _rate(rate: float | None) -> str:
    return UNKNOWN if rate is None else f"{rate:.4g}"


def _rate_within(rate: float | None, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return _rate(rate)
    return f"{_rate(rate)} [{_rate(low)}, {_rate(high)}]"


def _least(row: TargetCost) -> str:
    """Return the lowest rate from which hosting is always cheaper than another target, with that target."""
    known = [one for one in row.break_even if one.always_from is not None]
    cheapest = min(known, key=lambda one: one.always_from or 0.0, default=None)
    return UNKNOWN if cheapest is None else f"{_always(cheapest)} ({cheapest.against})"


def _always(one: BreakEven) -> str:
    """Return the rate above which hosting is always cheaper, with the interval of the throughput."""
    if one.always_from_low is None or (one.always_from_high is None and not one.may_never):
        return _rate(one.always_from)
    high = "never" if one.may_never else _rate(one.always_from_high)
    return f"{_rate(one.always_from)} [{_rate(one.always_from_low)}, {high}]"


def _ends(one: BreakEven) -> str:
    """Say how the uncertainty of the throughput moves a break-even; of what it does not move, that, too."""
    if one.always_from_low is None:
        return " (the throughput's uncertainty is unknown)"
    if one.may_never:
        return f" ({_rate(one.always_from_low)} to never, by the 95 % interval of the throughput)"
    if one.always_from_low == one.always_from_high:
        return " (throughout the 95 % interval of the throughput)"
    ends = f"{_rate(one.always_from_low)} to {_rate(one.always_from_high)}"
    return f" ({ends}, by the 95 % interval of the throughput)"


_COLUMNS: dict[str, Callable[[TargetCost], str]] = {
    "per 1,000 requests": lambda row: _with_interval(
        row.per_1k_requests, row.per_1k_requests_low, row.per_1k_requests_high
    ),
    "per 1,000 successes": lambda row: _with_interval(
        row.per_1k_successes, row.per_1k_successes_low, row.per_1k_successes_high
    ),
    "per 1M output tokens": lambda row: usd(row.per_1m_tokens),
    "per month": lambda row: usd(row.per_month),
    "requests/s of a server": lambda row: _rate_within(row.capacity, row.capacity_low, row.capacity_high),
    "servers": lambda row: UNKNOWN if row.replicas is None else f"{row.replicas:,}",
    "always cheaper above (requests/s)": _least,
}


def _break_even(row: TargetCost) -> Iterator[str]:
    for one in row.break_even:
        if one.from_rate is None:
            yield f"cheaper than {one.against}: {one.note or 'unknown'}"
        elif one.always_from == one.from_rate:
            yield f"cheaper than {one.against} above {_rate(one.from_rate)} requests/s{_ends(one)}"
        else:
            yield (
                f"cheaper than {one.against} from {_rate(one.from_rate)} requests/s on, and always above "
                f"{_rate(one.always_from)}, because servers come whole{_ends(one)}"
            )


def _prices(row: TargetCost) -> Iterator[str]:
    for used in row.prices:
        given = [
            f"{name} ${amount:f}"
            for name in used.price.__struct_fields__
            if (amount := getattr(used.price, name)) is not None and name in _CLASSES
        ]
        dates = (f" since {used.since}" if used.since else "") + (
            f" until {used.until}" if used.until else ""
        )
        count = len(used.price.tiers)
        tiers = f", {count} tier{'s' if count > 1 else ''} for long prompts" if count else ""
        source = f" ({used.source})" if used.source else ""
        yield f"price of {used.model} from {used.origin}{dates}{source}: {', '.join(given) or 'none'}{tiers}"


_CLASSES = frozenset({"input", "cached_input", "cache_write", "output", "reasoning", "request", "gpu_hour"})
