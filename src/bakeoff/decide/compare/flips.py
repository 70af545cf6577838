"""The cases on which targets differ: what one gets right and another does not."""

from collections.abc import Mapping, Sequence

import msgspec

from bakeoff.decide.gather.collect import Collected
from bakeoff.records import BenchmarkSpec, Case


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A case on which targets differ: each one's value, 0 to 1, or None where it has none."""

    benchmark: str
    metric: str
    case: str
    values: dict[str, float | None]

    def gap(self, a: str, b: str) -> float:
        """Return how far `a` is above `b`; 0 where one of them has no value."""
        one, other = self.values.get(a), self.values.get(b)
        return 0.0 if one is None or other is None else one - other


def find_flips(
    collected: Collected,
    benchmark: BenchmarkSpec,
    cases: Mapping[str, Case],
    names: Sequence[str],
    *,
    against: str | None = None,
) -> list[Flip]:
    """Return the cases on which targets differ, the widest apart first.

    Args:
        collected: graded answers.
        benchmark: whose cases are looked at.
        cases: of the benchmark.
        names: the targets.
        against: only the cases on which some target differs from this one.
    """
    values: dict[tuple[str, str], dict[str, float]] = {}
    for name in names:
        answers = collected.get((benchmark.name, name))
        if answers is None:
            continue
        for scorer, scores in answers.scores.items():
            if scores:
                metric = next(iter(scores.values())).metric
                each = answers.values(scorer, cases, errors_count=benchmark.errors_count)
                for case, value in zip(each.cases, each.values, strict=True):
                    values.setdefault((metric, case), {})[name] = value
    found = [
        Flip(
            benchmark=benchmark.name,
            metric=metric,
            case=case,
            values={name: by_name.get(name) for name in names},
        )
        for (metric, case), by_name in values.items()
        if len(set(by_name.values())) > 1
    ]
    if against is not None:
        found = [flip for flip in found if any(flip.gap(name, against) for name in names)]
    return sorted(found, key=_closeness)


def _closeness(flip: Flip) -> float:
    known = [value for value in flip.values.values() if value is not None]
    return min(known) - max(known)
