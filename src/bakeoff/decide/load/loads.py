"""Load benchmarks: their samples are folded as they pass, so that a million of them fit in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from bakeoff import plugins
from bakeoff.decide.compare.requests import timed
from bakeoff.decide.estimate.estimates import spread
from bakeoff.decide.gather.collect import RequestKey, Timed
from bakeoff.decide.gather.failures import Failures
from bakeoff.decide.load.rates import CLOSED
from bakeoff.decide.load.served import FIGURES, server_metrics
from bakeoff.decide.load.stages import StageFold, merged_checks
from bakeoff.extend import SampleMetric
from bakeoff.records import BenchmarkSpec, Estimate, Event, Plan, Sample, SloSpec, Spec, StageCheck, Target
from bakeoff.records.result import StageResult
from bakeoff.records.scraped import Scrape
from bakeoff.records.steps import Step
from bakeoff.stats.histogram import PackedHistogram

Place = tuple[str, str, str]
PAIRED = 20_000
"""Most requests of a target that are compared one by one with another's; the first ones are taken."""


class LoadFold:
    """One target's samples in one load benchmark, stage by stage.

    Attributes:
        requests: what is compared with another target's, at most PAIRED.
    """

    def __init__(self, benchmark: BenchmarkSpec, target: Target, slo: SloSpec | None) -> None:
        self.benchmark = benchmark
        self.target = target
        self.slo = slo
        self._metrics = _sample_metrics(benchmark, slo)
        self.stages: dict[str, StageFold] = {}
        self.requests: dict[RequestKey, Timed] = {}

    def add(self, sample: Sample) -> None:
        """Take one sample of a stage that is no warm-up."""
        fold = self.stages.get(sample.stage)
        if fold is None:
            fold = self.stages[sample.stage] = StageFold(self._metrics, self.target)
        fold.add(sample)
        if len(self.requests) < PAIRED:
            self.requests[sample.stage, sample.case, sample.repeat] = timed(sample, self.target.price)

    @property
    def outcomes(self) -> dict[str, int]:
        """Count the samples of all stages by outcome."""
        return dict(sum((fold.outcomes for fold in self.stages.values()), Counter[str]()))

    @property
    def models(self) -> Counter[str]:
        """Count the samples of all stages by the name under which the server answered."""
        return sum((fold.models for fold in self.stages.values()), Counter[str]())

    @property
    def failures(self) -> Failures:
        """Return why samples of all stages failed."""
        found = Failures()
        for fold in self.stages.values():
            found.take(fold.failures)
        return found

    def estimates(self, results: list[StageResult], level: float) -> Iterator[tuple[str, Estimate]]:
        """Yield the benchmark's headline estimates: of its only stage, or of the one that counts."""
        chosen = headline(results, self.slo)
        if chosen is None:
            return
        fold, name = self.stages[chosen.stage], self.benchmark.name
        note = "" if len(results) == 1 else f"stage {chosen.stage}"
        for metric in self._metrics.values():
            values = fold.values[metric.name]
            if not values and metric.name in FIGURES and metric.name not in self.benchmark.metrics:
                continue
            rows = spread(
                f"{name}.{metric.name}", metric.unit, values, fold.cases.get(metric.name, []), level
            )
            for key, estimate in rows:
                yield key, _noted(estimate, note)
        for key, rate, unit in (
            ("request_rate", chosen.request_rate, "requests/s"),
            ("output_token_rate", chosen.output_token_rate, "tokens/s"),
            ("goodput", chosen.goodput, "requests/s"),
        ):
            if key == "goodput" and self.slo is None:
                continue
            n = chosen.outcomes.get("ok", 0)
            yield f"{name}.{key}", Estimate(value=rate, unit=unit, n=n, note=note or "over the steady window")
        for key, estimate in _stage_estimates(chosen):
            yield f"{name}.{key}", _noted(estimate, note)
        if len(results) > 1 and self.slo is not None:
            yield f"{name}.slo_rate", _slo_rate(results, self.slo)


def _stage_estimates(stage: StageResult) -> Iterator[tuple[str, Estimate]]:
    """Yield what is known of a stage's batches."""
    if stage.streams is not None:
        n = stage.outcomes.get("ok", 0)
        yield "streams", Estimate(value=stage.streams, unit="requests", n=n, note="over the steady window")
    server = stage.server
    if server is not None:
        for key in ("batch_size", "switching_time", "draft_acceptance"):
            estimate: Estimate | None = getattr(server, key)
            if estimate is not None and estimate.value is not None:
                yield key, estimate


def fold_loads(
    samples: Iterable[Sample],
    folds: Mapping[tuple[str, str], LoadFold],
    warmups: frozenset[str],
    *,
    resumed: bool,
) -> Iterator[Sample]:
    """Give load samples to their folds and yield all others, and those of graded loads too.

    Args:
        samples: in the order of the store.
        folds: by benchmark and target.
        warmups: names of the stages that count for nothing.
        resumed: an intent may have been sent again, so that its last sample counts; all load samples are
            then held at once.
    """
    if not folds:
        yield from samples
        return
    latest: dict[tuple[str, str, str, int, str], Sample] = {}
    for sample in samples:
        fold = folds.get((sample.benchmark, sample.target))
        if fold is None:
            yield sample
            continue
        if sample.stage not in warmups:
            if resumed:
                latest[sample.key] = sample
            else:
                fold.add(sample)
        if fold.benchmark.scorers:
            yield sample
    for sample in latest.values():
        folds[sample.benchmark, sample.target].add(sample)


def make_folds(spec: Spec, targets: Iterable[Target]) -> dict[tuple[str, str], LoadFold]:
    """Return an empty fold for each load benchmark and target."""
    return {
        (b.name, target.name): LoadFold(b, target, b.slo or spec.decide.slo)
        for target in targets
        for b in spec.benchmarks
        if b.measured and (not b.models or target.name in b.models)
    }


def stage_results(
    folds: Mapping[tuple[str, str], LoadFold], plan: Plan, events: Iterable[Event]
) -> list[StageResult]:
    """Return what each load stage measured, in the order in which the stages were sent."""
    checks, loads = _checks(events), _loads(plan)
    uncountable = {(stage.benchmark, stage.target) for stage in plan.stages if not stage.countable}
    found: list[StageResult] = []
    for (benchmark, target), fold in folds.items():
        for stage, each in fold.stages.items():
            place = (benchmark, target, stage)
            load = loads.get(place) or loads.get((benchmark, target, "main")) or {}
            step = checks.steps.get(place)
            for gaps in checks.gaps.get(place, ()):
                each.absorb(gaps)
            told = each.result(
                benchmark=benchmark,
                stage=stage,
                load=step.load if step else load,
                check=merged_checks(checks.found.get(place, {}).values()),
                metrics=server_metrics(checks.scrapes.get(place, ())),
            )
            found.append(_without_rates(told) if (benchmark, target) in uncountable else told)
    return found


def _without_rates(result: StageResult) -> StageResult:
    """Return a stage whose samples must not be added up over time."""
    return msgspec.structs.replace(
        result,
        request_rate=None,
        request_rate_low=None,
        request_rate_high=None,
        output_token_rate=None,
        goodput=None,
        seconds=None,
        concurrency_mean=None,
        steady_from=None,
        steady_to=None,
    )


def headline(results: list[StageResult], slo: SloSpec | None) -> StageResult | None:
    """Return the stage that stands for a benchmark: the only one, else the fastest that met the targets.

    Stages of different loads are never pooled. Without targets, or where none was met, it is the first stage.
    """
    if len(results) < 2 or slo is None:
        return results[0] if results else None
    good = [each for each in results if _holds(each, slo)]
    return max(good, key=lambda each: each.request_rate or 0.0) if good else results[0]


def _holds(result: StageResult, slo: SloSpec) -> bool:
    share = result.slo_attainment
    return result.valid and share is not None and share.low is not None and share.low >= slo.attainment


def _slo_rate(results: list[StageResult], slo: SloSpec) -> Estimate:
    good = [each for each in results if _holds(each, slo) and each.request_rate is not None]
    if not good:
        return Estimate(
            value=None, unit="requests/s", n=len(results), note="no stage met the latency targets"
        )
    best = max(good, key=lambda each: each.request_rate or 0.0)
    note = f"highest rate that met the latency targets for {slo.attainment:.0%}, proved at 95 %: {best.stage}"
    if best.closed_loop:
        note += f"; {CLOSED}"
    return Estimate(value=best.request_rate, unit="requests/s", n=sum(best.outcomes.values()), note=note)


def _noted(estimate: Estimate, note: str) -> Estimate:
    return msgspec.structs.replace(estimate, note=note) if note else estimate


class _Checks(msgspec.Struct, frozen=True):
    found: dict[Place, dict[int, StageCheck]]
    steps: dict[Place, Step]
    gaps: dict[Place, list[dict[str, PackedHistogram]]]
    scrapes: dict[Place, list[Scrape]]


def _checks(events: Iterable[Event]) -> _Checks:
    """Return the last check of each stage and process, steps of ladders, and what tells of whole stages."""
    checks = _Checks({}, {}, {}, {})
    for event in events:
        facts = event.facts
        if event.kind == "stage_ended" and "check" in facts:
            check = msgspec.convert(facts["check"], StageCheck)
            place = (check.benchmark, check.target, check.stage)
            checks.found.setdefault(place, {})[facts.get("process", 0)] = check
        elif event.kind == "gaps_counted":
            gaps = msgspec.convert(facts["gaps_ns"], dict[str, PackedHistogram])
            place = (facts["benchmark"], facts["target"], facts["stage"])
            checks.gaps.setdefault(place, []).append(gaps)
        elif event.kind == "server_metrics":
            scrape = msgspec.convert(facts, Scrape)
            place = (scrape.benchmark, scrape.target, scrape.stage)
            checks.scrapes.setdefault(place, []).append(scrape)
        elif event.kind == "step_ended":
            step = msgspec.convert(facts["result"]["step"], Step)
            checks.steps[facts["benchmark"], facts["target"], step.name] = step
    return checks


def _loads(plan: Plan) -> dict[Place, dict[str, object]]:
    return {(stage.benchmark, stage.target, stage.name): stage.load for stage in plan.stages}


def _sample_metrics(benchmark: BenchmarkSpec, slo: SloSpec | None) -> dict[str, SampleMetric]:
    made: dict[str, SampleMetric] = {}
    for name in benchmark.metrics or plugins.names("metrics"):
        metric = plugins.create("metrics", name, {})
        if name != "slo_attainment" and hasattr(metric, "measure"):
            made[metric.name] = metric
    if slo is not None:
        limits = {"ttft": slo.ttft, "ttfa": slo.ttfa, "tpot": slo.tpot, "e2e": slo.e2e}
        made["slo_attainment"] = plugins.create("metrics", "slo_attainment", limits)
    return made
