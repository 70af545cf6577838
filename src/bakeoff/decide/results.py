"""Make the results of a run from what is stored; nothing here needs a request."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from bakeoff.decide.compare.caveats import comparison_warnings
from bakeoff.decide.compare.comparisons import quality_comparisons
from bakeoff.decide.compare.ranking import rankings
from bakeoff.decide.compare.requests import cost_comparisons, latency_comparisons
from bakeoff.decide.cost.costs import CostInputs, spendings, target_costs
from bakeoff.decide.cost.pricing import day_of, with_prices
from bakeoff.decide.estimate.choices import choice_facts, choice_warnings
from bakeoff.decide.estimate.estimates import answer_estimates, metric_estimates
from bakeoff.decide.estimate.judged import judge_notes, judge_warnings
from bakeoff.decide.estimate.repeated import repeat_estimates
from bakeoff.decide.gather.collect import Answers, Collected, collect
from bakeoff.decide.gather.failures import Failures, tried_again
from bakeoff.decide.gather.reported import import_facts, with_reported
from bakeoff.decide.gather.reused import reuse_warnings
from bakeoff.decide.load.loads import LoadFold, fold_loads, headline, make_folds, stage_results
from bakeoff.decide.load.offered import load_warnings
from bakeoff.decide.race.raced import (
    Raced,
    follow_race,
    raced_comparisons,
    raced_facts,
    raced_skips,
    raced_targets,
)
from bakeoff.decide.verdict.constraints import Measured
from bakeoff.decide.verdict.field import Evidence
from bakeoff.decide.verdict.verdict import decide
from bakeoff.records import (
    BenchmarkSpec,
    Case,
    Comparison,
    Estimate,
    Event,
    Plan,
    Ranking,
    Results,
    Sample,
    Score,
    SloSpec,
    Spec,
    StageCheck,
    Target,
    TargetCost,
    TargetResult,
)
from bakeoff.records.result import StageResult

_FAILED = ("error", "timeout", "cancelled")
_MOST_TRUNCATED = 0.02


class RunData(msgspec.Struct, frozen=True, kw_only=True):
    """A run as stored: who, what was planned, what came back."""

    run: str
    spec: Spec
    plan: Plan
    targets: Sequence[Target]
    cases: dict[str, dict[str, Case]]
    samples: Iterable[Sample]
    scores: Iterable[Score]
    events: Sequence[Event]
    environment: dict[str, Any] = {}


def build_results(data: RunData) -> Results:
    """Return estimates, comparisons and the verdict of a run, at the prices that its spec has now."""
    data = msgspec.structs.replace(data, targets=with_prices(data.targets, data.spec, day_of(data.events)))
    warmups = frozenset(stage.name for stage in data.plan.stages if stage.warmup)
    folds = make_folds(data.spec, data.targets)
    resumed = any(event.kind == "run_resumed" for event in data.events)
    samples = fold_loads(data.samples, folds, warmups, resumed=resumed)
    collected = collect(samples, data.scores, warmups)
    for place, fold in folds.items():
        answers = collected.setdefault(place, Answers(samples=[], scores={}))
        answers.requests = fold.requests
    stages = stage_results(folds, data.plan, data.events)
    gathered = Gathered(collected=collected, folds=folds, stages=stages)
    imported = import_facts(data.events)
    computed = [_target_result(target, data, gathered) for target in data.targets]
    raced = follow_race(data.plan, data.spec, data.cases, collected)
    targets = raced_targets(raced, with_reported(computed, imported))
    comparisons = raced_comparisons(raced, _comparisons(data, collected))
    checks = [stage.client for stage in stages if stage.client is not None]
    quality = _quality_metric(data.spec, collected)
    costs = _costs(data, gathered, targets, quality)
    shares = _error_shares(targets)
    evidence = Evidence(
        targets=targets,
        comparisons=comparisons,
        checks=_deciding_checks(gathered),
        rule=data.spec.decide,
        quality=quality,
        measured=[_measured(b, data.spec.decide.slo) for b in data.spec.benchmarks if b.measured],
        partial={name: share for name, share in shares.items() if share > data.spec.error_tolerance},
        costs=costs,
    )
    return Results(
        run=data.run,
        name=data.spec.name,
        plan_hash=data.plan.hash,
        targets=targets,
        comparisons=comparisons,
        verdict=decide(evidence),
        rankings=_rankings(data, collected, comparisons),
        costs=costs,
        checks=checks,
        stages=stages,
        warnings=[
            *comparison_warnings(comparisons, quality),
            *_warnings(data, targets, gathered, raced),
            *dict.fromkeys(note for each in imported for note in each.notes),
        ],
        policy=_policy(data.spec.benchmarks),
        environment=data.environment,
        benchmarks={
            b.name: _facts(b, data, collected) | raced_facts(raced, b.name) for b in data.spec.benchmarks
        },
    )


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass over samples and scores left: graded answers, folded loads, and the loads' stages."""

    collected: Collected
    folds: dict[tuple[str, str], LoadFold]
    stages: list[StageResult]

    def of(self, benchmark: str, target: str) -> list[StageResult]:
        """Return the stages of one benchmark and target."""
        return [s for s in self.stages if (s.benchmark, s.target) == (benchmark, target)]


def _deciding_checks(gathered: Gathered) -> list[StageCheck]:
    """Return the checks of the stages whose numbers the verdict uses."""
    chosen = [headline(gathered.of(*place), fold.slo) for place, fold in gathered.folds.items()]
    return [stage.client for stage in chosen if stage is not None and stage.client is not None]


def _measured(benchmark: BenchmarkSpec, rule: SloSpec | None) -> Measured:
    """Return what is asked of a measured benchmark: its own latency targets win over the rule's."""
    slo = benchmark.slo or rule or SloSpec()
    rate = benchmark.load.options.get("rate")
    return Measured(
        name=benchmark.name,
        attainment=slo.attainment,
        at_rate=slo.at_rate,
        rate=float(rate) if isinstance(rate, int | float) else None,
        targets=tuple(benchmark.models),
    )


def _target_result(target: Target, data: RunData, gathered: Gathered) -> TargetResult:
    metrics: dict[str, Estimate] = {}
    outcomes: dict[str, dict[str, int]] = {}
    answered: Counter[str] = Counter()
    level = data.spec.decide.level
    for benchmark in data.spec.benchmarks:
        if benchmark.models and target.name not in benchmark.models:
            continue
        place = (benchmark.name, target.name)
        answers = gathered.collected.get(place, Answers(samples=[], scores={}))
        cases = data.cases.get(benchmark.name, {})
        metrics.update(answer_estimates(answers, benchmark, cases, level))
        metrics.update(repeat_estimates(answers, benchmark, cases, level))
        fold = gathered.folds.get(place)
        if fold is not None:
            metrics.update(fold.estimates(gathered.of(*place), level))
            outcomes[benchmark.name] = _outcomes(fold, answers)
            answered.update(fold.models)
        else:
            metrics.update(metric_estimates(answers, benchmark, target, benchmark.slo, level))
            outcomes[benchmark.name] = answers.outcomes
            answered.update(sample.model for sample in answers.samples if sample.model)
    return TargetResult(
        name=target.name,
        model=target.model,
        engine=target.engine,
        metrics=metrics,
        outcomes=outcomes,
        notes=[*target.notes, *judge_notes(gathered.collected, target.name)],
        answered_by=dict(answered),
    )


def _comparisons(data: RunData, collected: Collected) -> list[Comparison]:
    names = [target.name for target in data.targets]
    found: list[Comparison] = []
    for benchmark in data.spec.benchmarks:
        cases = data.cases.get(benchmark.name, {})
        found += quality_comparisons(collected, benchmark, cases, names, data.spec.decide)
        if benchmark.measured:
            found += latency_comparisons(collected, benchmark, names, data.spec.decide)
        found += cost_comparisons(collected, benchmark, cases, data.targets, data.spec.decide)
    return found


def _costs(
    data: RunData, gathered: Gathered, results: Sequence[TargetResult], quality: str | None
) -> list[TargetCost]:
    spent = spendings(gathered.collected, gathered.folds, gathered.stages, data.targets)
    inputs = CostInputs(
        spec=data.spec,
        targets=data.targets,
        results=results,
        stages=gathered.stages,
        spent=spent,
        quality=quality,
        day=day_of(data.events),
    )
    return target_costs(inputs)


def _rankings(data: RunData, collected: Collected, rows: Sequence[Comparison]) -> list[Ranking]:
    level = data.spec.decide.level
    return [
        each
        for b in data.spec.benchmarks
        for each in rankings(collected, b, data.cases.get(b.name, {}), rows, level)
    ]


def _quality_metric(spec: Spec, collected: Collected) -> str | None:
    """Return the metric that decides: the rule's, else the first graded benchmark's."""
    if spec.decide.quality.metric is not None:
        return spec.decide.quality.metric
    for benchmark in spec.benchmarks:
        for (name, _target), answers in collected.items():
            if name == benchmark.name and answers.scores:
                first = next(iter(answers.scores.values()))
                return f"{name}.{next(iter(first.values())).metric}"
    return None


def _outcomes(fold: LoadFold, answers: Answers) -> dict[str, int]:
    """Return a load's outcomes; a graded one's own answers know which could not be parsed."""
    return answers.outcomes if answers.samples else fold.outcomes


def _error_shares(targets: Sequence[TargetResult]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for target in targets:
        counts: Counter[str] = Counter()
        for outcomes in target.outcomes.values():
            counts.update(outcomes)
        total = counts.total()
        shares[target.name] = sum(counts[kind] for kind in _FAILED) / total if total else 0.0
    return shares


def error_share(results: Results) -> float:
    """Return the largest share of errors among a run's targets."""
    return max(_error_shares(results.targets).values(), default=0.0)


def _policy(benchmarks: Iterable[BenchmarkSpec]) -> str:
    texts = [
        f"{b.name}: a sample without a grade (truncated, empty, refused, filtered, error, timeout, "
        "unparsable) " + ("counts as not right" if b.errors_count else "is left out of the rate")
        for b in benchmarks
        if b.scorers
    ]
    return "; ".join(texts)


def _warnings(
    data: RunData, targets: Sequence[TargetResult], gathered: Gathered, raced: Raced | None
) -> list[str]:
    warnings: list[str] = [*_cold_repeats(data), *_preferred_letters(data, gathered.collected)]
    warnings += [*reuse_warnings(gathered.collected), *judge_warnings(gathered.collected)]
    planned: Counter[tuple[str, str]] = Counter()
    for stage in data.plan.stages:
        if not stage.warmup and not stage.ladder and stage.seconds is None:
            planned[stage.benchmark, stage.target] += stage.requests
    planned.subtract(raced_skips(raced))
    for (benchmark, target), count in planned.items():
        answers = gathered.collected.get((benchmark, target))
        fold = gathered.folds.get((benchmark, target))
        have = sum(fold.outcomes.values()) if fold else len(answers.samples) if answers else 0
        if have < count:
            warnings.append(f"{benchmark} on {target}: {have} of {count} planned samples are there")
        ungraded = _ungraded(answers) if answers else 0
        if ungraded:
            warnings.append(f"{benchmark} on {target}: {ungraded} samples {_why_ungraded(data.events)}")
    warnings[:0] = [*_failures(gathered), *load_warnings(data.spec.benchmarks, gathered.stages)]
    for result in targets:
        for benchmark, counts in result.outcomes.items():
            total = sum(counts.values())
            cut = counts.get("truncated", 0)
            if total and cut / total > _MOST_TRUNCATED:
                warnings.insert(
                    0,
                    f"{benchmark} on {result.name}: {cut} of {total} answers hit the token limit; "
                    "raise `params.max_tokens`",
                )
        if len(result.answered_by) > 1:
            names = ", ".join(sorted(result.answered_by))
            warnings.append(f"{result.name} answered under several model names: {names}")
    return warnings


def _failures(gathered: Gathered) -> Iterator[str]:
    """Say why requests failed or were sent again, which no other number tells."""
    for (benchmark, target), answers in gathered.collected.items():
        fold = gathered.folds.get((benchmark, target))
        found = fold.failures if fold else Failures(answers.samples)
        if found.sentence():
            total = sum(fold.outcomes.values()) if fold else len(answers.samples)
            yield f"{benchmark} on {target}: {found.total} of {total} requests failed: {found.sentence()}"
        if fold is None and (again := tried_again(answers.samples)):
            yield f"{benchmark} on {target}: {again}"


def _why_ungraded(events: Sequence[Event]) -> str:
    if any(event.kind == "imported" for event in events):
        return "have no grade in the imported files and are left out"
    return "were not graded before a crash and are left out; `bakeoff resume` grades them"


def _preferred_letters(data: RunData, collected: Collected) -> list[str]:
    return [
        warning
        for b in data.spec.benchmarks
        for warning in choice_warnings(b, data.cases.get(b.name, {}), collected)
    ]


def _cold_repeats(data: RunData) -> list[str]:
    """Say where repeats can show no spread of the model's own."""
    return [
        f"{b.name} on {target.name}: repeats at temperature 0 show the server's own unsteadiness alone; "
        "set `params.temperature` to learn how answers vary"
        for b in data.spec.benchmarks
        if b.repeats > 1 and b.scorers
        for target in data.targets
        if (not b.models or target.name in b.models)
        and b.params.get("temperature", target.sampling.temperature) == 0
    ]


def _ungraded(answers: Answers) -> int:
    """Count the samples without a score where others have one."""
    return max(
        (
            sum((sample.case, sample.repeat) not in scores for sample in answers.samples)
            for scores in answers.scores.values()
        ),
        default=0,
    )


def _facts(benchmark: BenchmarkSpec, data: RunData, collected: Collected) -> dict[str, Any]:
    cases = data.cases.get(benchmark.name, {})
    return choice_facts(benchmark, cases, collected, data.events) | {
        "version": benchmark.version,
        "cases": len(cases),
        "repeats": benchmark.repeats,
        "measured": benchmark.measured,
        "scorers": [scorer.type for scorer in benchmark.scorers],
        "load": {"kind": benchmark.load.kind, **benchmark.load.options},
    }
