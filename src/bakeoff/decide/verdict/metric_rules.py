"""Rules on single metrics: a floor, a ceiling, and the largest accepted loss against the incumbent."""

from collections.abc import Iterator, Sequence

from bakeoff.decide.verdict.chances import chance_at_least, chance_at_most, difference_at_least
from bakeoff.decide.verdict.turned import compared, lowest, turned
from bakeoff.decide.wording import points, usd_text
from bakeoff.plugins import suggest
from bakeoff.records import Comparison, Constraint, Estimate, TargetResult
from bakeoff.records.rule import MetricRule

VERBS = {"met": "meets", "missed": "misses", "open": "may or may not meet"}
_MORE_IS_BETTER = frozenset({"share", "requests/s", "tokens/s"})
_LESS_IS_BETTER = frozenset({"s", "USD", "tokens"})
_BY_VALUE = frozenset({"requests/s", "tokens/s", "USD", "tokens"})
"""Units whose estimates have no interval where nothing varies, or as rates over one window."""


def metric_constraints(
    result: TargetResult, rule: MetricRule, incumbent: str | None, comparisons: Sequence[Comparison]
) -> Iterator[Constraint]:
    """Yield one constraint for each part of the rule."""
    estimate = result.metrics.get(rule.metric)
    if rule.at_least is not None:
        yield _bound(result, rule.metric, estimate, rule.at_least, least=True)
    if rule.at_most is not None:
        yield _bound(result, rule.metric, estimate, rule.at_most, least=False)
    if rule.margin is not None and result.name != incumbent:
        yield _margin(result, rule.metric, rule.margin, incumbent, comparisons)


def state_of(low: float | None, high: float | None, bound: float, *, least: bool) -> str:
    """Return met or missed where the whole interval lies on one side of a floor or a ceiling, else open."""
    if least:
        met, missed = low is not None and low >= bound, high is not None and high < bound
    else:
        met, missed = high is not None and high <= bound, low is not None and low > bound
    return "met" if met else "missed" if missed else "open"


def bounds_of(estimate: Estimate) -> tuple[float | None, float | None]:
    """Return the interval; of a rate, or of two equal amounts and more, the value stands for it."""
    if estimate.low is None and estimate.high is None and estimate.unit in _BY_VALUE and estimate.n > 1:
        return estimate.value, estimate.value
    return estimate.low, estimate.high


def figure(value: float, unit: str) -> str:
    """Return a measured value in words."""
    if unit == "share":
        return f"{value:.1%}"
    return usd_text(value) if unit == "USD" else f"{value:.4g} {unit}".removesuffix(" score")


def _bound(
    result: TargetResult, metric: str, estimate: Estimate | None, bound: float, *, least: bool
) -> Constraint:
    unit = estimate.unit if estimate is not None else ""
    asked = f"{100 * bound:g}%" if unit == "share" else f"{bound:g} {unit}".strip().removesuffix(" score")
    name = f"{metric} at {'least' if least else 'most'} {asked}"
    if estimate is None or estimate.value is None:
        text = f"{result.name}: {metric} is unknown{_why(result, metric, estimate)}"
        return Constraint(target=result.name, name=name, state="open", text=text)
    state = state_of(*bounds_of(estimate), bound, least=least)
    chance = (chance_at_least if least else chance_at_most)(estimate, bound)
    text = (
        f"{result.name} {VERBS[state]} the rule {name}: {figure(estimate.value, unit)} ({_spread(estimate)})"
    )
    return Constraint(target=result.name, name=name, state=state, text=text, chance=chance)


def _why(result: TargetResult, metric: str, estimate: Estimate | None) -> str:
    if estimate is not None:
        return f": {estimate.note}" if estimate.note else ""
    parts = [name for name in result.metrics if name.startswith(f"{metric}.")]
    if parts:
        return f"; name one of {', '.join(f'`{part}`' for part in parts)}"
    benchmark = metric.partition(".")[0]
    asked = any(metric.startswith(f"{name}.") for name in result.outcomes)
    if result.outcomes and not asked:
        return f", as it was not asked `{benchmark}`"
    near = suggest(metric, list(result.metrics))
    return f", as nothing measured it.{near}" if near else ", as nothing measured it"


def _spread(estimate: Estimate) -> str:
    unit, low, high = estimate.unit, estimate.low, estimate.high
    if low is None and high is None:
        return f"no interval, n = {estimate.n}"
    ends = " to ".join("unknown" if end is None else figure(end, unit) for end in (low, high))
    return f"{100 * estimate.level:g}% interval {ends}, n = {estimate.n}"


def _margin(
    result: TargetResult,
    metric: str,
    margin: float,
    incumbent: str | None,
    comparisons: Sequence[Comparison],
) -> Constraint:
    unit = _unit(result, metric)
    asked = f"{100 * margin:g} points" if unit == "share" else f"{margin:g} {unit}".strip()
    name = f"{metric} loss at most {asked}"
    row = None if incumbent is None else compared(comparisons, metric, result.name, incumbent)
    obstacle = _obstacle(metric, unit, incumbent, row, comparisons)
    if obstacle or row is None:
        return Constraint(target=result.name, name=name, state="open", text=f"{result.name}: {obstacle}")
    gain = turned(row) if unit in _LESS_IS_BETTER else row
    challengers = sum(one.metric == metric and incumbent in {one.a, one.b} for one in comparisons)
    state = state_of(lowest(gain, challengers), gain.high, -margin, least=True)
    text = (
        f"{result.name} {VERBS[state]} the rule {name} against {incumbent}: "
        f"{row.a} minus {row.b} is {_difference(row, unit)}"
    )
    chance = difference_at_least(gain, -margin)
    return Constraint(target=result.name, name=name, state=state, text=text, chance=chance)


def _obstacle(
    metric: str, unit: str, incumbent: str | None, row: Comparison | None, rows: Sequence[Comparison]
) -> str:
    """Return why no loss can be told; empty where it can."""
    if incumbent is None:
        return f"the accepted loss on {metric} needs an incumbent: name one in `decide.incumbent`"
    if row is None or row.difference is None:
        mean = metric.rpartition(".")[0]
        hint = f"; latencies are compared by their means: name `{mean}`"
        known = any(other.metric == mean for other in rows)
        return f"nothing compares it with {incumbent} on {metric}{hint if known else ''}"
    if unit not in _MORE_IS_BETTER | _LESS_IS_BETTER:
        return f"it is not known whether more of {metric} is better, so no loss can be told"
    return ""


def _unit(result: TargetResult, metric: str) -> str:
    """Return the unit of a metric, or of its percentiles."""
    for name, estimate in result.metrics.items():
        if name == metric or name.startswith(f"{metric}."):
            return estimate.unit
    return ""


def _difference(row: Comparison, unit: str) -> str:
    def told(value: float | None) -> str:
        if value is None:
            return "unknown"
        return points(value) if unit == "share" else f"{value:+.4g}"

    name = "points" if unit == "share" else unit
    ends = f"{100 * row.level:g}% interval {told(row.low)} to {told(row.high)}"
    return f"{told(row.difference)} {name} ({ends}, n = {row.n})"
