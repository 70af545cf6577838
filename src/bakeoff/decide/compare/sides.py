"""One target's side of a comparison of grades: a value per case, and how far it can be relied on."""

from collections.abc import Mapping, Sequence, Set

import msgspec

from bakeoff.decide.gather.collect import Answers
from bakeoff.records import Case


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one target is compared with.

    Attributes:
        metric: the metric's own name, with the slice where it is one.
        values: by case, repeats averaged, in sending order.
        clusters: the cluster of each of these cases, where cases have one.
        lost: how many answers to a case have no grade and count as wrong.
        several: how many answers count for a case, where these are several.
        unusable: grades that are NaN or infinite.
        answered: some answer has a grade.
    """

    target: str
    metric: str
    values: dict[str, float]
    clusters: list[str] | None = None
    lost: dict[str, int] = {}
    several: dict[str, int] = {}
    unusable: int = 0
    answered: bool = True

    @property
    def binary(self) -> bool:
        """Tell whether each case was passed or failed, once."""
        return not self.several and set(self.values.values()) <= {0.0, 1.0}

    @property
    def shares(self) -> bool:
        """Tell whether all values are shares of right answers."""
        return all(0.0 <= value <= 1.0 for value in self.values.values())

    def clusters_of(self, names: Sequence[str]) -> list[str] | None:
        """Return the clusters of these of its cases."""
        if self.clusters is None or len(names) == len(self.values):
            return self.clusters
        known = dict(zip(self.values, self.clusters, strict=True))
        return [known[name] for name in names]


def make_side(
    target: str, answers: Answers, scorer: str, cases: Mapping[str, Case], *, errors_count: bool
) -> Side:
    """Return a target's side.

    Args:
        target: its name.
        answers: of the target.
        scorer: whose scores are meant; there are some.
        cases: of the benchmark.
        errors_count: count an answer without a grade as wrong; otherwise leave it out.
    """
    found = answers.values(scorer, cases, errors_count=errors_count)
    return Side(
        target=target,
        metric=next(iter(answers.graded[scorer].values())).metric,
        values=dict(zip(found.cases, found.values, strict=True)),
        clusters=found.clusters,
        lost=found.lost,
        several=found.several,
        unusable=found.unusable,
        answered=found.graded > 0,
    )


def part_of(side: Side, label: str, members: Set[str]) -> Side:
    """Return the part of a side that belongs to a slice."""
    values = {case: value for case, value in side.values.items() if case in members}
    lost = {case: count for case, count in side.lost.items() if case in members}
    several = {case: count for case, count in side.several.items() if case in members}
    return msgspec.structs.replace(
        side,
        metric=f"{side.metric}@{label}",
        values=values,
        clusters=side.clusters_of(list(values)),
        lost=lost,
        several=several,
        answered=sum(lost.values()) < len(values) - len(several) + sum(several.values()),
    )
