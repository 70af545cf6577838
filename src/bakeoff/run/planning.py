"""Forecast a run before anything is sent: what it can show, and what it takes.

Data is read and prompts are rendered as a run would. No server is started or asked, no weights are fetched.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from bakeoff import clock, plugins
from bakeoff.assertions import metrics
from bakeoff.decide.cost.pricing import Found, price_of
from bakeoff.decide.forecast.floors import FloorQuestion, PlannedFloor, asked_floors, planned_floor
from bakeoff.decide.forecast.power import (
    PlannedComparison,
    PlannedLoad,
    Question,
    planned_comparisons,
    planned_load,
)
from bakeoff.decide.forecast.undecidable import undecidable
from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.deployers import served_name
from bakeoff.errors import UsageError
from bakeoff.plan import asked_names, calibration_cases, make_load, make_plan
from bakeoff.prompts.modes import allowed_modes, with_modes
from bakeoff.races import open_rules_note
from bakeoff.records import BenchmarkSpec, Case, Plan, Sampling, Spec, Stage, Weights
from bakeoff.run.benches import form_of, load_benchmark_cases, make_renderer, make_scorers, with_default_modes
from bakeoff.run.earlier import Earlier
from bakeoff.run.effort import CHARS_PER_TOKEN, Asked, Effort, asked_cases, asked_trials, effort_of, is_warmup
from bakeoff.run.execute import placed_spec
from bakeoff.run.judging import Graded, JudgeEffort, judge_efforts
from bakeoff.run.models import Candidate, common_form, target_of
from bakeoff.spec import LoadedSpec


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """A server that the run starts or that is rented by the hour; None is unknown.

    Attributes:
        accelerators: as the spec asks for them, empty where it asks for none.
        started: the run starts and stops it.
        hours: that it is needed: as long as the run sends, its start not counted.
        gpu_hours: hours times accelerators.
        usd_per_hour: the target's `gpu_hour`, which is for all its hardware; None where it has none.
        usd: for these hours.
    """

    target: str
    accelerators: str
    started: bool
    hours: float | None
    gpu_hours: float | None
    usd_per_hour: float | None
    usd: float | None


class Grading(msgspec.Struct, frozen=True, kw_only=True):
    """Answers that a scorer grades by waiting: for a process, or for a model's opinion."""

    benchmark: str
    scorer: str
    answers: int


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would show and take.

    Attributes:
        plan_hash: None where it is known only with the weights or with variables that are not set.
        rule_hash: names the decision rule; the run stores it.
        earlier: the run that assumptions were taken from, empty for none.
        cannot: what the planned data cannot decide, in sentences.
        seconds: of all that is sent; None where a part of it is unknown.
        judges: what judging takes, in none of the sums.
        usd: for answers as in the earlier run, hardware included; None where a part is unknown.
        usd_most: if every answer takes all it may, hardware included; None where a part is unknown.
        unknown: what is unknown, by name.
        notes: what the numbers stand on.
    """

    name: str
    plan_hash: str | None
    rule_hash: str
    earlier: str
    cannot: list[str]
    comparisons: list[PlannedComparison]
    loads: list[PlannedLoad]
    floors: list[PlannedFloor] = []
    efforts: list[Effort]
    gradings: list[Grading]
    judges: list[JudgeEffort] = []
    hardware: list[Hardware]
    calls: int
    seconds: float | None
    usd: float | None
    usd_most: float | None
    unknown: list[str]
    notes: list[str]
    schema_version: int = 1


class _Plans(msgspec.Struct, frozen=True, kw_only=True):
    """A plan with all that it was made from."""

    spec: Spec
    candidates: list[Candidate]
    cases: dict[str, list[Case]]
    plan: Plan
    earlier: Earlier

    def price(self, candidate: Candidate) -> Found:
        """Return what a target costs today."""
        today = clock.wall_iso()[:10]
        return price_of(candidate.model, candidate.target.model, self.spec.prices, today)

    def stages(self, benchmark: str, target: str) -> list[Stage]:
        """Return the stages of one benchmark and target."""
        return [s for s in self.plan.stages if (s.benchmark, s.target) == (benchmark, target)]


def forecast(loaded: LoadedSpec, earlier: Earlier = Earlier()) -> Forecast:  # noqa: B008  it is frozen
    """Return what a run of the spec would show and take.

    Args:
        loaded: may lack secrets and weights.
        earlier: a run that tells what assumptions would otherwise stand for.

    Raises:
        UsageError: the spec has no benchmarks.
        DataError: a data set cannot be read or graded.
        TemplateError: a row lacks what a template wants.
    """
    spec = placed_spec(loaded)
    if not spec.benchmarks:
        raise UsageError(
            "the spec has no benchmarks", where=str(loaded.base), hint="add one under `benchmarks`"
        )
    cases = load_benchmark_cases(spec, loaded.base)
    spec = with_default_modes(spec, cases)
    candidates = [_unresolved(model.name, spec) for model in spec.models]
    plan = make_plan(spec, [each.target for each in candidates], cases)
    plans = _Plans(spec=spec, candidates=candidates, cases=cases, plan=plan, earlier=earlier)
    comparisons = [row for question in _questions(plans) for row in _compared(plans, question)]
    loads, floors = list(_loads(plans)), list(_floors(plans))
    efforts = list(_efforts(plans))
    seconds = _total([each.seconds for each in efforts])
    hardware = list(_hardware(plans, seconds))
    return Forecast(
        name=spec.name,
        plan_hash=plan.hash if _is_final(spec) else None,
        rule_hash=rule_hash(spec.decide),
        earlier=earlier.run,
        cannot=[*undecidable(spec, comparisons, loads, floors), *_open_budget(plans, efforts)],
        comparisons=comparisons,
        loads=loads,
        floors=floors,
        efforts=efforts,
        gradings=list(_gradings(plans)),
        judges=list(_judges(plans, efforts)),
        hardware=hardware,
        calls=sum(each.calls for each in efforts),
        seconds=seconds,
        usd=_total([*(each.usd for each in efforts if not each.hourly), *_rent(hardware)]),
        usd_most=_total([*(each.usd_most for each in efforts if not each.hourly), *_rent(hardware)]),
        unknown=_unknown(efforts, hardware),
        notes=list(_notes(plans)),
    )


def _unresolved(name: str, spec: Spec) -> Candidate:
    """Return a candidate as far as the spec describes it; its deployer is none that could start anything."""
    model = next(each for each in spec.models if each.name == name)
    weights = Weights(model=served_name(model), engine=model.engine, precision=model.precision)
    return Candidate(
        model=model,
        deployer=plugins.create("deployers", "none", {}),
        weights=weights,
        target=target_of(model, weights, spec),
    )


def _is_final(spec: Spec) -> bool:
    """Tell whether the plan hash is the one that a run would have: it names weights and addresses."""
    return all(model.endpoint and "${" not in f"{model.endpoint}{model.model}" for model in spec.models)


def _questions(plans: _Plans) -> Iterator[Question]:
    """Yield the metrics whose comparisons decide: the rule's own, and those with a margin of their own."""
    rule = plans.spec.decide
    graded = _graded(plans)
    deciding = rule.quality.metric or next(iter(graded), None)
    margins = {one.metric: one.margin for one in rule.rules if one.margin}
    if deciding is not None:
        margins = {deciding: rule.quality.margin or margins.get(deciding, 0.0), **margins}
    for metric, margin in margins.items():
        benchmark = graded.get(metric)
        if benchmark is None:
            continue
        names = asked_names(benchmark, [each.target for each in plans.candidates])
        if len(names) > 1:
            yield Question(
                metric=metric, targets=names, clusters=_clusters(plans, benchmark, names[0]), margin=margin
            )


def _graded(plans: _Plans) -> dict[str, BenchmarkSpec]:
    """Return the benchmark of every metric that scorers feed, the first one of a benchmark first."""
    return {
        f"{benchmark.name}.{metric}": benchmark
        for benchmark in with_modes(plans.spec, {}).benchmarks
        for named in make_scorers(benchmark, plans.cases[benchmark.name])
        for metric in metrics(named.scorer)
    }


def _clusters(plans: _Plans, benchmark: BenchmarkSpec, target: str) -> list[int]:
    """Return how many of the asked cases each cluster has; a case without one is its own."""
    asked = {
        name
        for stage in plans.stages(benchmark.name, target)
        if not stage.warmup
        for name in stage.cases[: stage.requests]
    }
    own = (case for case in plans.cases[benchmark.name] if case.id in asked)
    counts = Counter(("case", case.id) if case.cluster is None else ("cluster", case.cluster) for case in own)
    return list(counts.values())


def _compared(plans: _Plans, question: Question) -> list[PlannedComparison]:
    earlier = plans.earlier
    return planned_comparisons(
        question, plans.spec.decide, earlier.observed.get(question.metric, {}), earlier.run
    )


def _loads(plans: _Plans) -> Iterator[PlannedLoad]:
    """Yield what each measured benchmark can show of any one target."""
    for benchmark in plans.spec.benchmarks:
        if not benchmark.measured:
            continue
        slo = benchmark.slo or plans.spec.decide.slo
        names = asked_names(benchmark, [each.target for each in plans.candidates])
        stages = [s for name in names[:1] for s in plans.stages(benchmark.name, name) if not s.warmup]
        requests = sum(stage.requests for stage in stages)
        if any(stage.ladder for stage in stages):
            requests = getattr(make_load(benchmark.load), "step_requests", requests)
        attainment = None if slo is None else slo.attainment
        yield planned_load(benchmark.name, requests, attainment, plans.spec.decide.level)


def _floors(plans: _Plans) -> Iterator[PlannedFloor]:
    """Yield what can be shown of each floor on a graded metric."""
    graded, earlier = _graded(plans), plans.earlier
    for metric, floor in asked_floors(plans.spec.decide, next(iter(graded), None)):
        if metric in graded:
            names = asked_names(graded[metric], [each.target for each in plans.candidates])
            seen = {name: one for name, one in earlier.shares.get(metric, {}).items() if name in names}
            sizes = _clusters(plans, graded[metric], names[0])
            question = FloorQuestion(metric=metric, floor=floor, clusters=sizes, seen=seen, run=earlier.run)
            yield planned_floor(question, plans.spec.decide.level)


def _efforts(plans: _Plans) -> Iterator[Effort]:
    for benchmark in plans.spec.benchmarks:
        known: list[tuple[Sampling, dict[str, Asked]]] = []
        names = asked_names(benchmark, [each.target for each in plans.candidates])
        for candidate in plans.candidates:
            target = candidate.target
            if target.name not in names:
                continue
            asked = next((one for sampling, one in known if sampling == target.sampling), None)
            if asked is None:
                asked = _asked(plans, benchmark, candidate)
                known.append((target.sampling, asked))
            usual = plans.earlier.usual.get((benchmark.name, target.name))
            cases = {case.id: case for case in plans.cases[benchmark.name]}
            stages = plans.stages(benchmark.name, target.name)
            yield effort_of(plans.price(candidate), stages, asked, cases, (usual, plans.earlier.run))


def _asked(plans: _Plans, benchmark: BenchmarkSpec, candidate: Candidate) -> dict[str, Asked]:
    """Return what asking each case of a benchmark takes, in the likeliest form and mode."""
    form = common_form(benchmark, plans.candidates)
    if benchmark.multiple_choice is not None:
        benchmark = msgspec.structs.replace(benchmark, multiple_choice=allowed_modes(benchmark)[0])
    renderer = make_renderer(benchmark, candidate, form_of(benchmark, form))
    cases = plans.cases[benchmark.name]
    trials = calibration_cases(benchmark, cases, plans.spec.seed)
    return asked_cases(renderer, cases) | asked_trials(trials)


def _gradings(plans: _Plans) -> Iterator[Grading]:
    for benchmark in with_modes(plans.spec, {}).benchmarks:
        answers = sum(
            stage.requests
            for stage in plans.plan.stages
            if stage.benchmark == benchmark.name and not stage.warmup
        )
        for named in make_scorers(benchmark, plans.cases[benchmark.name]):
            if named.slow:
                yield Grading(benchmark=benchmark.name, scorer=named.name, answers=answers)


def _judges(plans: _Plans, efforts: Sequence[Effort]) -> Iterator[JudgeEffort]:
    for benchmark in with_modes(plans.spec, {}).benchmarks:
        own = [each.output_most for each in efforts if each.benchmark == benchmark.name]
        known = [each for each in own if each is not None]
        graded = Graded(
            benchmark=benchmark.name,
            cases=plans.cases[benchmark.name],
            stages=[s for s in plans.plan.stages if s.benchmark == benchmark.name and not is_warmup(s)],
            answers_most=sum(known) if len(known) == len(own) else None,
        )
        for named in make_scorers(benchmark, plans.cases[benchmark.name]):
            yield from judge_efforts(named.name, named.scorer, graded)


def _hardware(plans: _Plans, seconds: float | None) -> Iterator[Hardware]:
    """Yield the servers that the run starts or that are rented by the hour: all are up until it ends."""
    hours = None if seconds is None else seconds / 3600
    for candidate in plans.candidates:
        price = plans.price(candidate).price
        each = None if price is None or price.gpu_hour is None else float(price.gpu_hour)
        if candidate.target.endpoint is not None and each is None:
            continue
        asked = candidate.model.accelerators or ""
        count = asked.rpartition(":")[2]
        number = (float(count) if count.isdecimal() else 1.0) if asked else None
        yield Hardware(
            target=candidate.target.name,
            accelerators=asked,
            started=candidate.target.endpoint is None,
            hours=hours,
            gpu_hours=None if hours is None or number is None else hours * number,
            usd_per_hour=each,
            usd=None if hours is None or each is None else hours * each,
        )


def _rent(hardware: Sequence[Hardware]) -> list[float | None]:
    return [one.usd for one in hardware if one.usd_per_hour is not None]


def _open_budget(plans: _Plans, efforts: Sequence[Effort]) -> Iterator[str]:
    """Say for which targets no budget can be decided; an hourly price becomes a cost by what is measured."""
    if plans.spec.decide.budget is None:
        return
    lacking = {each.target: each.unpriced for each in efforts if each.unpriced and not each.hourly}
    for target, why in lacking.items():
        yield f"the budget stays open for {target}: {why}"


def _unknown(efforts: Sequence[Effort], hardware: Sequence[Hardware]) -> list[str]:
    """Say by name what is unknown, each thing once."""
    money = [
        f"money for {each.target}: {each.unpriced}" for each in efforts if each.unpriced and not each.hourly
    ]
    money += [
        f"money for {one.target}: it is priced by the hour, and the time is unknown"
        for one in hardware
        if one.usd_per_hour is not None and one.usd is None
    ]
    time = [f"time of {each.benchmark}: {each.seconds_from}" for each in efforts if each.seconds is None]
    return list(dict.fromkeys([*money, *time]))


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _notes(plans: _Plans) -> Iterator[str]:
    spec = plans.spec
    yield (
        f"prompt tokens are asked lengths, else characters / {CHARS_PER_TOKEN}; answers are counted at their "
        "longest (`max_tokens`)" + (f", and as long as in {plans.earlier.run}" if plans.earlier.run else "")
    )
    yield "what is tried again after an error is not counted"
    if any(each.target.endpoint is not None for each in plans.candidates):
        yield "before the run, each endpoint is asked one question of at most 16 tokens, which is not counted"
    if spec.decide.race:
        yield "a race may end earlier; these numbers are for all cases"
        if plans.plan.race is not None and (told := open_rules_note(plans.plan.race)):
            yield told
    if spec.cache:
        yield "answers that the cache holds are not asked again; these numbers are without it"
    if any(b.repeats > 1 for b in spec.benchmarks):
        yield "repeats are averaged for each case first, so they are no further cases"
    for benchmark in spec.benchmarks:
        if benchmark.multiple_choice is not None:
            mode = allowed_modes(benchmark)[0]
            yield f"{benchmark.name}: counted as asked by `{mode}`; a run takes what all endpoints can do"
