"""Ceilings of cost: per thousand requests, per thousand successes, and per month of the stated traffic."""

from collections.abc import Iterator, Sequence

import msgspec

from bakeoff.decide.verdict.chances import chance_at_most
from bakeoff.decide.verdict.metric_rules import state_of
from bakeoff.decide.wording import usd_text
from bakeoff.records import Constraint, DecideSpec, Estimate, TargetCost, TargetResult

_WORDS = {"met": "is within", "missed": "is over", "open": "may or may not be within"}


class _Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """One ceiling.

    Attributes:
        what: what the amount is for, in words.
        field: of a target's cost.
    """

    what: str
    field: str
    usd: float


def budget_constraints(
    result: TargetResult, rule: DecideSpec, costs: Sequence[TargetCost]
) -> Iterator[Constraint]:
    """Yield how a target stands to each ceiling, in each benchmark whose cost is known."""
    rows = [row for row in costs if row.target == result.name]
    for ceiling in _ceilings(rule):
        found = list(_amounts(result, ceiling, rows, rule.level))
        yield from (_held(result.name, ceiling, benchmark, amount) for benchmark, amount in found)
        if not found:
            yield _unknown(result.name, ceiling, rule, rows)


def _ceilings(rule: DecideSpec) -> Iterator[_Ceiling]:
    if rule.budget is None:
        return
    budget = rule.budget
    for what, field, usd in (
        ("per 1,000 requests", "per_1k_requests", budget.usd_per_1k_requests),
        ("per 1,000 successes", "per_1k_successes", budget.usd_per_1k_successes),
        ("per month", "per_month", budget.usd_per_month),
    ):
        if usd is not None:
            yield _Ceiling(what=what, field=field, usd=float(usd))


def _amounts(
    result: TargetResult, ceiling: _Ceiling, rows: Sequence[TargetCost], level: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the amount in each benchmark that has one, with the interval that its requests give it."""
    requests = {
        name.removesuffix(".cost"): estimate
        for name, estimate in result.metrics.items()
        if name.endswith(".cost") and estimate.value is not None
    }
    by_name = {row.benchmark: row for row in rows}
    for benchmark in dict.fromkeys([*requests, *by_name]):
        cost, row = requests.get(benchmark), by_name.get(benchmark)
        # A row without an amount knows of requests whose price is not known; the metric leaves these out.
        whole = row is None or row.per_1k_requests is not None
        if ceiling.field == "per_1k_requests" and cost is not None and whole:
            yield benchmark, _scaled(cost, 1000.0)
        elif row is not None and getattr(row, ceiling.field) is not None:
            yield benchmark, _amount(row, ceiling, cost, level)


def _amount(row: TargetCost, ceiling: _Ceiling, cost: Estimate | None, level: float) -> Estimate:
    value: float = getattr(row, ceiling.field)
    if ceiling.field == "per_month" and row.basis == "tokens" and cost is not None and cost.value:
        return _scaled(cost, value / cost.value)
    return Estimate(
        value=value,
        unit="USD",
        n=0,
        low=getattr(row, f"{ceiling.field}_low", None),
        high=getattr(row, f"{ceiling.field}_high", None),
        level=level,
        note=row.note,
    )


def _scaled(cost: Estimate, factor: float) -> Estimate:
    def times(value: float | None) -> float | None:
        return None if value is None else value * factor

    return msgspec.structs.replace(cost, value=times(cost.value), low=times(cost.low), high=times(cost.high))


def _held(target: str, ceiling: _Ceiling, benchmark: str, amount: Estimate) -> Constraint:
    assert amount.value is not None
    low, high = amount.low, amount.high
    if low is None and high is None and amount.n != 1:
        # Equal costs have no spread, and a server's hour has none either; one request tells of no mean.
        low = high = amount.value
    state = state_of(low, high, ceiling.usd, least=False)
    text = (
        f"{target} {_WORDS[state]} the budget in {benchmark}: {usd_text(amount.value)} {ceiling.what}, "
        f"asked {usd_text(ceiling.usd)} ({_basis(amount)})"
    )
    return Constraint(
        target=target,
        name=f"{benchmark} budget {ceiling.what}",
        state=state,
        text=text,
        chance=chance_at_most(amount, ceiling.usd),
    )


def _basis(amount: Estimate) -> str:
    """Return what an amount stands on: its interval, n, or the words that came with it."""
    parts: list[str] = []
    if amount.low is not None or amount.high is not None:
        ends = ("unknown" if end is None else usd_text(end) for end in (amount.low, amount.high))
        parts.append(f"{100 * amount.level:g}% interval {' to '.join(ends)}")
    stands_on = f"n = {amount.n}" if amount.n else amount.note
    return ", ".join([*parts, *([stands_on] if stands_on else [])]) or "no interval"


def _unknown(target: str, ceiling: _Ceiling, rule: DecideSpec, rows: Sequence[TargetCost]) -> Constraint:
    notes = dict.fromkeys(row.note.removeprefix("unknown: ") for row in rows if row.note)
    if ceiling.field == "per_month" and rule.traffic is None:
        why = "the traffic is not stated; add `decide.traffic`"
    else:
        why = "; ".join(notes) or "there is no price, or no token counts"
    text = f"{target}: its cost {ceiling.what} is unknown: {why}"
    return Constraint(target=target, name=f"budget {ceiling.what}", state="open", text=text)
