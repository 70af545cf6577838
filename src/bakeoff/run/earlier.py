"""What a stored run tells of a plan: how often targets disagreed, how long requests took, what they cost."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import msgspec

from bakeoff.decide.forecast.floors import ObservedShare
from bakeoff.decide.forecast.power import Observed
from bakeoff.decide.gather.collect import Answers, case_values, cluster_names, collect
from bakeoff.records import BenchmarkSpec, Case, Sample, Score, Usage
from bakeoff.run.effort import Usual
from bakeoff.run.folder import read_cases, read_plan
from bakeoff.run.stored import load_stored
from bakeoff.stats.repeats import split_variance
from bakeoff.stores.jsonl import read_records


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """What is known from a run.

    Attributes:
        run: its id; empty where there is none.
        usual: by benchmark and target, what a request took.
        observed: by metric and pair of targets, how often they disagreed.
        shares: by metric and target, on which share of the cases it was right.
    """

    run: str = ""
    usual: dict[tuple[str, str], Usual] = {}
    observed: dict[str, dict[tuple[str, str], Observed]] = {}
    shares: dict[str, dict[str, ObservedShare]] = {}


def read_earlier(folder: Path) -> Earlier:
    """Return what a run tells; its warm-ups are left out."""
    spec, plan = load_stored(folder, {}, secrets_needed=False).spec, read_plan(folder)
    warmups = frozenset(stage.name for stage in plan.stages if stage.warmup)
    collected = collect(read_records(folder, Sample), read_records(folder, Score), warmups)
    cases = read_cases(folder)
    observed: dict[str, dict[tuple[str, str], Observed]] = {}
    shares: dict[str, dict[str, ObservedShare]] = {}
    for benchmark in spec.benchmarks:
        sides = {target: each for (name, target), each in collected.items() if name == benchmark.name}
        observed.update(observed_of(benchmark, cases.get(benchmark.name, {}), sides))
        shares.update(shares_of(benchmark, cases.get(benchmark.name, {}), sides))
    return Earlier(
        run=folder.resolve().name,
        usual={place: usual_of(answers.samples) for place, answers in collected.items() if answers.samples},
        observed=observed,
        shares=shares,
    )


def usual_of(samples: Sequence[Sample]) -> Usual:
    """Return the means over samples; of tokens and times, over those that have them."""
    spans = [
        (each.done_at - each.sent_at) / 1e9
        for each in samples
        if each.done_at is not None and each.sent_at is not None
    ]
    usages = [each.usage for each in samples]
    return Usual(
        n=len(samples),
        usage=Usage(
            prompt=_mean(each.prompt for each in usages),
            completion=_mean(each.completion for each in usages),
            cached=_mean(each.cached for each in usages),
            cache_write=_mean(each.cache_write for each in usages),
            reasoning=_mean(each.reasoning for each in usages),
        ),
        seconds=math.fsum(spans) / len(spans) if spans else None,
    )


def _mean(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known)) if known else None


def observed_of(
    benchmark: BenchmarkSpec, cases: dict[str, Case], sides: Mapping[str, Answers]
) -> dict[str, dict[tuple[str, str], Observed]]:
    """Return by metric and pair how often the targets of a benchmark disagreed on a case."""
    found: dict[str, dict[tuple[str, str], Observed]] = {}
    for a, b in combinations(sides, 2):
        for scorer in sides[a].graded:
            values = [_values(sides[target], scorer, benchmark, cases) for target in (a, b)]
            metric = _metric(sides[a], scorer)
            one = _compared(values[0], values[1], cases)
            if one is not None:
                found.setdefault(f"{benchmark.name}.{metric}", {})[a, b] = one
    return found


def shares_of(
    benchmark: BenchmarkSpec, cases: dict[str, Case], sides: Mapping[str, Answers]
) -> dict[str, dict[str, ObservedShare]]:
    """Return by metric and target on which share of the cases it was right; scores beyond 0..1 have none."""
    found: dict[str, dict[str, ObservedShare]] = {}
    for target, answers in sides.items():
        for scorer in answers.graded:
            values = _values(answers, scorer, benchmark, cases).values()
            if values and all(0.0 <= value <= 1.0 for value in values):
                one = ObservedShare(share=math.fsum(values) / len(values), n=len(values))
                found.setdefault(f"{benchmark.name}.{_metric(answers, scorer)}", {})[target] = one
    return found


def _metric(answers: Answers, scorer: str) -> str:
    return next((score.metric for score in answers.graded[scorer].values()), scorer)


def _values(
    answers: Answers, scorer: str, benchmark: BenchmarkSpec, cases: dict[str, Case]
) -> dict[str, float]:
    each = case_values(answers.graded.get(scorer, {}), cases, errors_count=benchmark.errors_count)
    return dict(zip(each.cases, each.values, strict=True))


def _compared(a: Mapping[str, float], b: Mapping[str, float], cases: Mapping[str, Case]) -> Observed | None:
    shared = [case for case in a if case in b]
    if not shared:
        return None
    differences = [a[case] - b[case] for case in shared]
    groups: dict[str, list[float]] = {}
    for name, difference in zip(cluster_names(shared, cases) or shared, differences, strict=True):
        groups.setdefault(name, []).append(difference)
    parts = split_variance(list(groups.values()))
    total = 0.0 if parts is None else parts.between + parts.within
    return Observed(
        disagreement=math.fsum(each * each for each in differences) / len(differences),
        n=len(shared),
        icc=parts.between / total if parts is not None and total > 0 else None,
    )
