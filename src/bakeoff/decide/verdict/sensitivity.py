"""What the choice hangs on: which rule, dropped, would change it, and how far prices may move."""

from collections.abc import Callable, Iterator

import msgspec

from bakeoff.decide.verdict.equivalents import Cheaper
from bakeoff.decide.verdict.field import Evidence
from bakeoff.records import BudgetRule, DecideSpec, QualityRule, Verdict

Deciding = Callable[[Evidence], Verdict]


def changes(evidence: Evidence, verdict: Verdict, decide: Deciding) -> list[str]:
    """Say which part of the rule changes the choice when it is left out.

    Args:
        evidence: with the whole rule.
        verdict: by the whole rule.
        decide: the deciding itself, on other evidence.
    """
    found: list[str] = []
    for name, rule in _weaker(evidence.rule):
        other = decide(msgspec.structs.replace(evidence, rule=rule))
        if (other.choice, other.state) != (verdict.choice, verdict.state):
            found.append(f"without the {name}: {_outcome(other)}")
    return found


def price_limit(cheaper: Cheaper) -> str:
    """Say how far the price of a choice made by cost may rise."""
    return f"{cheaper.name} stays the cheaper one until it costs {cheaper.times:.2g} times as much as now"


def _outcome(verdict: Verdict) -> str:
    if verdict.choice is not None:
        sure = "" if verdict.state == "pass" else f" ({verdict.state})"
        return f"{verdict.choice} would be chosen{sure}"
    if verdict.state == "fail":
        return "no target would meet the rules"
    return "no target could be chosen"


def _weaker(rule: DecideSpec) -> Iterator[tuple[str, DecideSpec]]:
    """Yield the rule without one of its parts, with that part's name."""
    if rule.slo is not None:
        yield "latency target", msgspec.structs.replace(rule, slo=None)
    if rule.budget is not None and rule.budget != BudgetRule():
        yield "budget", msgspec.structs.replace(rule, budget=None)
    if rule.quality.at_least is not None:
        yield "quality floor", _quality(rule, at_least=None)
    if rule.quality.margin:
        yield "accepted loss of quality", _quality(rule, margin=0.0)
    for one in rule.rules:
        others = tuple(other for other in rule.rules if other is not one)
        yield f"rule on {one.metric}", msgspec.structs.replace(rule, rules=others)
    if rule.incumbent is not None:
        yield "incumbent's advantage", msgspec.structs.replace(rule, incumbent=None)


def _quality(rule: DecideSpec, **changed: object) -> DecideSpec:
    quality: QualityRule = msgspec.structs.replace(rule.quality, **changed)
    return msgspec.structs.replace(rule, quality=quality)
