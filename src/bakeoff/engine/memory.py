"""What earlier processes of a run left, read back from its records, so that a resume asks nothing twice."""

from collections.abc import Iterable, Mapping, Set

import msgspec

from bakeoff.plan import intents
from bakeoff.records import Case, Event, Plan, Sample
from bakeoff.records.steps import StepResult
from bakeoff.words import LengthFeedback

Key = tuple[str, str, str, int, str]
Place = tuple[str, str, str]
"""Benchmark, target and stage."""

RETRIED = frozenset({"error", "timeout", "cancelled"})
_RETRIED_IN_LOADS = frozenset({"cancelled"})
"""Of a load test a failure is the result: sent again in calmer times it would say what the load did not."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What is known before this process sends anything.

    Attributes:
        done: keys that need no request.
        climbed: results of the steps of ladders that were finished.
        lengths: what prompts cost, by benchmark and target.
        said: answers within conversations; None for one that was not whole.
        spent_ns: how long stages that end by time have been sent already.
    """

    done: Set[Key] = frozenset()
    climbed: Mapping[Place, StepResult] = {}
    lengths: Mapping[tuple[str, str], LengthFeedback] = {}
    said: Mapping[Key, str | None] = {}
    spent_ns: Mapping[Place, int] = {}


def recall(
    plan: Plan,
    cases: Mapping[str, Iterable[Case]],
    samples: Iterable[Sample],
    events: Iterable[Event],
    *,
    retry_failed: bool = False,
) -> Memory:
    """Return what a stored run tells.

    Args:
        plan: of the run.
        cases: of each benchmark.
        samples: in the order of the store; a later one of the same key replaces an earlier one.
        events: in the order of the store.
        retry_failed: failed samples need another request, but those of load tests.
    """
    told = list(events)
    talks = _talks(cases)
    loads = {stage.benchmark for stage in plan.stages if stage.measured}
    timed = {(s.benchmark, s.target, s.name) for s in plan.stages if s.seconds is not None}
    latest: dict[Key, str] = {}
    said: dict[Key, str | None] = {}
    last: dict[tuple[Place, int], int] = {}
    for sample in samples:
        latest[sample.key] = sample.outcome
        if (sample.benchmark, sample.case) in talks:
            said[sample.key] = sample.text if sample.ok else None
        place = (sample.benchmark, sample.target, sample.stage)
        if place in timed:
            at = sample.scheduled_at if sample.done_at is None else sample.done_at
            last[place, sample.segment] = max(at, last.get((place, sample.segment), at))
    done = {
        key
        for key, outcome in latest.items()
        if not (retry_failed and outcome in (_RETRIED_IN_LOADS if key[0] in loads else RETRIED))
    }
    ended = {_place(event) for event in told if event.kind == "stage_ended" and event.facts.get("time_up")}
    for stage in plan.stages:
        if (stage.benchmark, stage.target, stage.name) in ended:
            done.update(intent.key for intent in intents(stage) if intent.key not in latest)
    return Memory(
        done=done,
        climbed=climbed_steps(told),
        lengths=learned_lengths(told),
        said=said,
        spent_ns=_spent(told, last, timed),
    )


def climbed_steps(events: Iterable[Event]) -> dict[Place, StepResult]:
    """Return the finished steps of ladders by benchmark, target and name."""
    found: dict[Place, StepResult] = {}
    for event in events:
        if event.kind == "step_ended":
            result = msgspec.convert(event.facts["result"], StepResult)
            found[event.facts["benchmark"], event.facts["target"], result.step.name] = result
    return found


def learned_lengths(events: Iterable[Event]) -> dict[tuple[str, str], LengthFeedback]:
    """Return what calibration learnt about prompts, by benchmark and target."""
    return {
        (event.facts["benchmark"], event.facts["target"]): msgspec.convert(
            event.facts["lengths"], LengthFeedback
        )
        for event in events
        if event.kind == "lengths_learned"
    }


def _talks(cases: Mapping[str, Iterable[Case]]) -> set[tuple[str, str]]:
    """Return the cases that are turns of conversations, by benchmark."""
    found: set[tuple[str, str]] = set()
    for benchmark, rows in cases.items():
        for case in rows:
            if case.follows is not None:
                found |= {(benchmark, case.id), (benchmark, case.follows)}
    return found


def _spent(events: list[Event], last: Mapping[tuple[Place, int], int], timed: Set[Place]) -> dict[Place, int]:
    """Add up how long each stage was being sent; one that was cut off counts up to its last sample."""
    segment = 0
    began: dict[tuple[Place, int], int] = {}
    ended: dict[tuple[Place, int], int] = {}
    for event in events:
        if event.kind == "run_resumed":
            segment += 1
        elif event.kind in {"stage_started", "stage_ended"} and (place := _place(event)) in timed:
            key = (place, segment)
            if event.kind == "stage_started":
                began[key] = min(event.at, began.get(key, event.at))
            else:
                ended[key] = max(event.at, ended.get(key, event.at))
    spent: dict[Place, int] = {}
    for key, start in began.items():
        end = ended.get(key, last.get(key, start))
        spent[key[0]] = spent.get(key[0], 0) + max(0, end - start)
    return spent


def _place(event: Event) -> Place:
    return (event.facts["benchmark"], event.facts["target"], event.facts["stage"])
