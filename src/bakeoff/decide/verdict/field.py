"""What a verdict is made from, and what its comparisons say of two targets."""

from collections.abc import Sequence

import msgspec

from bakeoff.decide.verdict.constraints import Measured
from bakeoff.decide.verdict.turned import compared
from bakeoff.records import Comparison, DecideSpec, StageCheck, TargetCost, TargetResult


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict is made from.

    Attributes:
        quality: name of the metric that decides, None where nothing was graded.
        measured: the measured benchmarks.
        partial: targets with more errors than tolerated, each with its share.
        costs: what the targets cost, as far as that is known.
    """

    targets: Sequence[TargetResult]
    comparisons: Sequence[Comparison]
    checks: Sequence[StageCheck]
    rule: DecideSpec
    quality: str | None
    measured: Sequence[Measured]
    partial: dict[str, float]
    costs: Sequence[TargetCost] = ()


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """The targets that quality may choose from, and what is said with any choice.

    Attributes:
        known: those within the rules that have a value, best first.
        unvalued: names within the rules that have no value.
        open_ones: names for which some rule is neither met nor missed for certain.
    """

    evidence: Evidence
    metric: str
    known: list[TargetResult]
    unvalued: list[str]
    open_ones: set[str]
    reasons: list[str]

    @property
    def names(self) -> list[str]:
        """Return the names of the known ones, best first."""
        return [target.name for target in self.known]

    def row(self, a: str, b: str) -> Comparison | None:
        """Return the comparison of two targets on the deciding metric, `a` first."""
        return compared(self.evidence.comparisons, self.metric, a, b)

    def beats(self, a: str, b: str) -> bool:
        """Tell whether the paired comparison shows `a` to be better than `b`."""
        return shown_above(self.row(a, b), self.evidence.rule.level)

    def unbeaten(self, targets: Sequence[TargetResult]) -> list[TargetResult]:
        """Return those that no other of them beats, in order; none where they beat each other in a circle."""
        return [t for t in targets if not any(self.beats(other.name, t.name) for other in targets)]


def shown_above(row: Comparison | None, level: float) -> bool:
    """Tell whether a comparison shows its first target to be above the second.

    The adjusted test says so, the interval leaves 0 out, and both point the same way.
    """
    if row is None or row.difference is None or row.p_adjusted is None:
        return False
    clear = row.p_adjusted < 1 - level and (row.low is None or row.low > 0)
    return clear and row.difference > 0


def value_of(target: TargetResult, metric: str) -> float | None:
    """Return a target's value of a metric."""
    estimate = target.metrics.get(metric)
    return None if estimate is None else estimate.value


def ungraded(target: TargetResult, metric: str) -> bool:
    """Tell whether the value stands for failed samples only."""
    answered = target.metrics.get(f"{metric}_answered")
    return answered is not None and answered.value is None


def share_graded(target: TargetResult, metric: str) -> float:
    """Return which part of the samples behind a value was answered and graded; the rest counts as wrong."""
    answered, whole = target.metrics.get(f"{metric}_answered"), target.metrics.get(metric)
    if answered is None or whole is None or not whole.n:
        return 1.0
    return 0.0 if answered.value is None else answered.n / whole.n


def share_cut(target: TargetResult, metric: str) -> float:
    """Return which part of a benchmark's answers ended at the token limit."""
    counts = target.outcomes.get(metric.rpartition(".")[0], {})
    total = sum(counts.values())
    return counts.get("truncated", 0) / total if total else 0.0
