"""Hard constraints of the decision rule: met, missed, or not yet certain."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from bakeoff.records import Constraint, DecideSpec, Estimate, TargetResult

State = Literal["met", "missed", "open"]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A measured benchmark and what the rules ask of it.

    Attributes:
        attainment: share of requests that must meet the latency targets.
        at_rate: requests per second at which they must; None for any load.
        rate: requests per second that were sent; None where the answers set the pace.
        targets: who is asked; all of them where none is named.
    """

    name: str
    attainment: float
    at_rate: float | None = None
    rate: float | None = None
    targets: Sequence[str] = ()


def check_constraints(
    result: TargetResult, rule: DecideSpec, measured: Sequence[Measured]
) -> list[Constraint]:
    """Return how a target stands to the rule's constraints.

    Args:
        result: the target's estimates.
        rule: its `slo` applies to every measured benchmark, its `budget` to every benchmark with a cost.
        measured: the measured benchmarks.
    """
    found: list[Constraint] = []
    if rule.slo is not None:
        for one in measured:
            if one.targets and result.name not in one.targets:
                continue
            estimate = result.metrics.get(f"{one.name}.slo_attainment")
            found.append(_slo(result.name, one, estimate))
        if not measured:
            text = f"{result.name}: latency was not measured, as no benchmark has `measured: true`"
            found.append(Constraint(target=result.name, name="latency target", state="open", text=text))
    if rule.budget is not None and rule.budget.usd_per_1k_requests is not None:
        ceiling = float(rule.budget.usd_per_1k_requests)
        costs = {name: e for name, e in result.metrics.items() if name.endswith(".cost")}
        found += [_budget(result.name, name, estimate, ceiling) for name, estimate in costs.items()]
        if not costs:
            found.append(_unknown_cost(result.name))
    return found


def _slo(target: str, one: Measured, estimate: Estimate | None) -> Constraint:
    name = f"{one.name} latency target"
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return Constraint(
            target=target, name=name, state="open", text=f"{target}: attainment unknown in {one.name}"
        )
    state: State = (
        "met" if estimate.low >= one.attainment else "missed" if estimate.high < one.attainment else "open"
    )
    text = (
        f"{estimate.value:.1%} of {estimate.n} requests ({100 * estimate.level:g}% interval "
        f"{estimate.low:.1%} to {estimate.high:.1%}), asked {100 * one.attainment:g}%"
    )
    if one.at_rate is not None and not _speaks(state, one.rate, one.at_rate):
        state = "open"
        how = "answers set the pace" if one.rate is None else f"sent at {one.rate:g}/s"
        text += f" at {one.at_rate:g}/s, but {how}"
    words = {"met": "meets", "missed": "misses", "open": "may or may not meet"}[state]
    text = f"{target} {words} the latency target in {one.name}: {text}"
    return Constraint(target=target, name=name, state=state, text=text)


def _speaks(state: State, rate: float | None, at_rate: float) -> bool:
    """Tell whether an outcome at one rate holds at another: met also below it, missed also above it."""
    if rate is None:
        return False
    return rate >= at_rate if state == "met" else rate <= at_rate


def _budget(target: str, metric: str, estimate: Estimate, ceiling: float) -> Constraint:
    if estimate.value is None:
        return _unknown_cost(target)
    per_1k = 1000 * estimate.value
    low, high = (1000 * (estimate.value if x is None else x) for x in (estimate.low, estimate.high))
    state: State = "met" if high <= ceiling else "missed" if low > ceiling else "open"
    if estimate.n < 2:
        state = "open"
    words = {"met": "is within", "missed": "is over", "open": "may or may not be within"}[state]
    benchmark = metric.rsplit(".", 1)[0]
    text = (
        f"{target} {words} the budget in {benchmark}: ${per_1k:.4g} per 1,000 requests, asked ${ceiling:g} "
        f"(n = {estimate.n})"
    )
    return Constraint(target=target, name="budget", state=state, text=text)


def _unknown_cost(target: str) -> Constraint:
    text = f"{target}: its cost is unknown, for want of a price or of token counts"
    return Constraint(target=target, name="budget", state="open", text=text)
