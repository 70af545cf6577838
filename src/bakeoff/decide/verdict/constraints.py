"""How a target stands to the decision rule: each part met, missed, or not yet certain, and how likely.

A part is met or missed where the whole interval lies on its side. Its chance is that it holds, given the
samples: for shares of counted cases by a Jeffreys prior, for means by the normal curve of their interval.
"""

from collections.abc import Iterator, Sequence

import msgspec

from bakeoff.decide.verdict.budgets import budget_constraints
from bakeoff.decide.verdict.chances import chance_at_least
from bakeoff.decide.verdict.metric_rules import VERBS, metric_constraints, state_of
from bakeoff.records import Comparison, Constraint, DecideSpec, Estimate, TargetCost, TargetResult
from bakeoff.records.rule import MetricRule


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
    result: TargetResult,
    rule: DecideSpec,
    measured: Sequence[Measured],
    *,
    costs: Sequence[TargetCost] = (),
    comparisons: Sequence[Comparison] = (),
    quality: str | None = None,
) -> list[Constraint]:
    """Return how a target stands to every part of the rule.

    Args:
        result: the target's estimates.
        rule: its `slo` applies to every measured benchmark, its `budget` to every benchmark with a cost.
        measured: the measured benchmarks.
        costs: what targets cost, for the ceilings that no single metric tells.
        comparisons: for losses against the incumbent.
        quality: the metric that decides where the rule names none.
    """
    return [
        *_metric_rules(result, rule, comparisons, quality),
        *_latency(result, rule, measured),
        *budget_constraints(result, rule, costs),
    ]


def _metric_rules(
    result: TargetResult, rule: DecideSpec, comparisons: Sequence[Comparison], quality: str | None
) -> Iterator[Constraint]:
    floor, metric = rule.quality.at_least, rule.quality.metric or quality
    if floor is not None and metric is None:
        text = f"{result.name}: no metric decides, as nothing was graded; name one in `decide.quality.metric`"
        yield Constraint(
            target=result.name, name=f"quality at least {100 * floor:g}%", state="open", text=text
        )
    elif floor is not None and metric is not None:
        asked = MetricRule(metric=metric, at_least=floor)
        yield from metric_constraints(result, asked, rule.incumbent, comparisons)
    for one in rule.rules:
        yield from metric_constraints(result, one, rule.incumbent, comparisons)


def _latency(result: TargetResult, rule: DecideSpec, measured: Sequence[Measured]) -> Iterator[Constraint]:
    if rule.slo is None:
        return
    asked = [one for one in measured if not one.targets or result.name in one.targets]
    for one in asked:
        yield _slo(result.name, one, result.metrics.get(f"{one.name}.slo_attainment"))
    if not asked:
        why = (
            "no benchmark that measures it asks this target"
            if measured
            else "no benchmark has `measured: true`"
        )
        text = f"{result.name}: latency was not measured, as {why}"
        yield Constraint(target=result.name, name="latency target", state="open", text=text)


def _slo(target: str, one: Measured, estimate: Estimate | None) -> Constraint:
    name = f"{one.name} latency target"
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        text = f"{target}: attainment unknown in {one.name}"
        return Constraint(target=target, name=name, state="open", text=text)
    state = state_of(estimate.low, estimate.high, one.attainment, least=True)
    chance = chance_at_least(estimate, one.attainment)
    text = (
        f"{estimate.value:.1%} of {estimate.n} requests ({100 * estimate.level:g}% interval "
        f"{estimate.low:.1%} to {estimate.high:.1%}), asked {100 * one.attainment:g}%"
    )
    if one.at_rate is not None and not _speaks(state, one.rate, one.at_rate):
        chance = chance if one.rate == one.at_rate else None
        state = "open"
        how = "answers set the pace" if one.rate is None else f"sent at {one.rate:g}/s"
        text += f" at {one.at_rate:g}/s, but {how}"
    text = f"{target} {VERBS[state]} the latency target in {one.name}: {text}"
    return Constraint(target=target, name=name, state=state, text=text, chance=chance)


def _speaks(state: str, rate: float | None, at_rate: float) -> bool:
    """Tell whether an outcome at one rate holds at another: met also below it, missed also above it."""
    if rate is None:
        return False
    return rate >= at_rate if state == "met" else rate <= at_rate
