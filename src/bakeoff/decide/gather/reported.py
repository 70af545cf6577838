"""Numbers of an imported run that another tool reported without the samples behind them."""

from collections.abc import Iterable, Sequence

import msgspec

from bakeoff.records import Estimate, Event, TargetResult
from bakeoff.records.imported import ImportFacts, Reported


def import_facts(events: Iterable[Event]) -> list[ImportFacts]:
    """Return what the run was imported from; nothing for a run of our own."""
    return [msgspec.convert(event.facts, ImportFacts) for event in events if event.kind == "imported"]


def with_reported(targets: Sequence[TargetResult], facts: Sequence[ImportFacts]) -> list[TargetResult]:
    """Return the results with the reported numbers beside what the samples give.

    A reported number stands where the samples give none, or where it stands for more of them.
    """
    reported = [one for fact in facts for one in fact.reported]
    return [_completed(target, [one for one in reported if one.target == target.name]) for target in targets]


def _completed(target: TargetResult, reported: Sequence[Reported]) -> TargetResult:
    if not reported:
        return target
    metrics, outcomes = dict(target.metrics), dict(target.outcomes)
    for one in reported:
        for name, estimate in one.metrics.items():
            _put(metrics, f"{one.benchmark}.{name}", estimate)
        if not outcomes.get(one.benchmark) and one.outcomes:
            outcomes[one.benchmark] = dict(one.outcomes)
    return msgspec.structs.replace(target, metrics=metrics, outcomes=outcomes)


def _put(metrics: dict[str, Estimate], name: str, estimate: Estimate) -> None:
    known = metrics.get(name)
    if known is None or known.value is None or known.n < estimate.n:
        metrics[name] = estimate
        whole = name.rpartition(".")[0]
        # Without a sample the metric stands as one unknown, which its statistics now make known.
        if whole in metrics and metrics[whole].value is None:
            del metrics[whole]
