"""Hard constraints of the decision rule: met, missed, or not yet certain."""

from typing import Literal

import msgspec

from bakeoff.records import DecideSpec, Estimate, TargetResult

State = Literal["met", "missed", "open"]


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """How one target stands to one constraint, with the numbers in words."""

    target: str
    name: str
    state: State
    text: str


def check_constraints(result: TargetResult, rule: DecideSpec, measured: list[str]) -> list[Constraint]:
    """Return how a target stands to the rule's constraints.

    Args:
        result: the target's estimates.
        rule: its `slo` applies to every measured benchmark, its `budget` to every benchmark with a cost.
        measured: names of the measured benchmarks.
    """
    found: list[Constraint] = []
    if rule.slo is not None:
        for benchmark in measured:
            estimate = result.metrics.get(f"{benchmark}.slo_attainment")
            found.append(_slo(result.name, benchmark, estimate, rule.slo.attainment))
    if rule.budget is not None and rule.budget.usd_per_1k_requests is not None:
        ceiling = float(rule.budget.usd_per_1k_requests)
        costs = {name: e for name, e in result.metrics.items() if name.endswith(".cost")}
        found += [_budget(result.name, name, estimate, ceiling) for name, estimate in costs.items()]
    return found


def _slo(target: str, benchmark: str, estimate: Estimate | None, asked: float) -> Constraint:
    name = f"{benchmark} latency target"
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return Constraint(
            target=target, name=name, state="open", text=f"{target}: attainment unknown in {benchmark}"
        )
    state: State = "met" if estimate.low >= asked else "missed" if estimate.high < asked else "open"
    words = {"met": "meets", "missed": "misses", "open": "may or may not meet"}[state]
    text = (
        f"{target} {words} the latency target in {benchmark}: {estimate.value:.1%} of {estimate.n} requests "
        f"({estimate.level:.0%} interval {estimate.low:.1%} to {estimate.high:.1%}), asked {asked:.0%}"
    )
    return Constraint(target=target, name=name, state=state, text=text)


def _budget(target: str, metric: str, estimate: Estimate, ceiling: float) -> Constraint:
    if estimate.value is None:
        return Constraint(
            target=target,
            name="budget",
            state="open",
            text=f"{target}: its price is unknown, so its cost is too",
        )
    per_1k = 1000 * estimate.value
    low, high = (1000 * (estimate.value if x is None else x) for x in (estimate.low, estimate.high))
    state: State = "met" if high <= ceiling else "missed" if low > ceiling else "open"
    words = {"met": "is within", "missed": "is over", "open": "may or may not be within"}[state]
    benchmark = metric.rsplit(".", 1)[0]
    text = f"{target} {words} the budget in {benchmark}: ${per_1k:.4g} per 1,000 requests, asked ${ceiling:g}"
    return Constraint(target=target, name="budget", state=state, text=text)
