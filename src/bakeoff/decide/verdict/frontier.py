"""Which targets another one is shown to dominate: at least as good on every axis, and better on one.

Axes are quality, latency and cost. Better on one axis means that the paired comparison shows it; at least as
good on the others means a value that is not worse. Where one target lacks an axis that the other has, neither
dominates: what was not measured is not assumed.
"""

from collections.abc import Sequence

import msgspec

from bakeoff.decide.verdict.field import Evidence, shown_above, value_of
from bakeoff.decide.verdict.turned import compared
from bakeoff.decide.wording import listed
from bakeoff.records import TargetResult

_LATENCIES = ("ttft", "e2e")


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be good at: a metric, and whether more of it is better."""

    metric: str
    higher: bool


class Frontier(msgspec.Struct, frozen=True, kw_only=True):
    """The targets that none is shown to dominate, and for each other one those that dominate it."""

    names: list[str]
    dominated: dict[str, list[str]]


def frontier(evidence: Evidence) -> Frontier:
    """Return who is dominated by whom; everybody is on the frontier where there is no axis."""
    axes = find_axes(evidence)
    dominated = {
        one.name: by
        for one in evidence.targets
        if (by := [other.name for other in evidence.targets if _dominates(evidence, axes, other, one)])
    }
    return Frontier(names=[t.name for t in evidence.targets if t.name not in dominated], dominated=dominated)


def find_axes(evidence: Evidence) -> list[Axis]:
    """Return the axes that were measured: the deciding metric, latencies of loads, and costs."""
    metrics = dict.fromkeys(name for target in evidence.targets for name in target.metrics)
    axes = [] if evidence.quality is None else [Axis(metric=evidence.quality, higher=True)]
    axes += [
        Axis(metric=name, higher=False)
        for one in evidence.measured
        for name in (f"{one.name}.{latency}" for latency in _LATENCIES)
        if name in metrics
    ]
    return axes + [Axis(metric=name, higher=False) for name in metrics if name.endswith(".cost")]


def missing_axes(evidence: Evidence) -> list[str]:
    """Return what the verdict knows nothing of, in words: quality, latency under load, or cost."""
    known = {c.target for c in evidence.costs if c.per_1k_requests is not None} | {
        t.name
        for t in evidence.targets
        for name, estimate in t.metrics.items()
        if name.endswith(".cost") and estimate.value is not None
    }
    found = [] if evidence.quality is not None else ["quality: nothing was graded"]
    if not evidence.measured:
        found.append("latency under load: no benchmark is measured")
    why: dict[str, list[str]] = {}
    for target in evidence.targets:
        if target.name not in known:
            why.setdefault(_unpriced(evidence, target), []).append(target.name)
    found += [f"cost of {listed(names)}: {reason}" for reason, names in why.items()]
    return found


def _unpriced(evidence: Evidence, target: TargetResult) -> str:
    """Return why a target's cost is unknown, without its own name, so that equal reasons are one."""
    notes = [c.note for c in evidence.costs if c.target == target.name and c.note]
    if not notes:
        return "no price is known"
    return notes[0].removeprefix("unknown: ").removeprefix(f"`{target.model}` has ")


def _dominates(evidence: Evidence, axes: Sequence[Axis], a: TargetResult, b: TargetResult) -> bool:
    if a.name == b.name:
        return False
    better = known = False
    for axis in axes:
        left, right = value_of(a, axis.metric), value_of(b, axis.metric)
        if left is None or right is None:
            if left is None and right is None:
                continue
            return False
        known = True
        if left != right and (left < right) == axis.higher:
            return False
        better = better or _shown_better(evidence, axis, a.name, b.name)
    return known and better


def _shown_better(evidence: Evidence, axis: Axis, a: str, b: str) -> bool:
    first, second = (a, b) if axis.higher else (b, a)
    return shown_above(compared(evidence.comparisons, axis.metric, first, second), evidence.rule.level)
