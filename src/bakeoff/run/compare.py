"""Compare the targets of one or several stored runs, case by case; no request, no model.

Cases belong together by id. One whose content differs between runs is left out, and that is said.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bakeoff.decide.collect import Answers, Collected, case_values, collect
from bakeoff.decide.comparisons import latency_comparisons, quality_comparisons
from bakeoff.decide.parts import part_scores
from bakeoff.errors import UsageError
from bakeoff.prompts import content_hash
from bakeoff.prompts.modes import with_modes
from bakeoff.records import BenchmarkSpec, Case, Comparison, DecideSpec, Plan, Sample, Score, Spec
from bakeoff.run.folder import read_cases, read_events, read_plan
from bakeoff.run.modes import modes_of
from bakeoff.run.stored import load_stored
from bakeoff.stores.jsonl import read_records


class ComparedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target under the name that it has in the comparison."""

    name: str
    run: str
    target: str
    model: str


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A case on which targets differ: each one's value, 0 to 1, or None where it has none."""

    benchmark: str
    metric: str
    case: str
    values: dict[str, float | None]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome: comparisons as in a run's results, and the cases on which targets differ."""

    runs: list[str]
    targets: list[ComparedTarget]
    comparisons: list[Comparison]
    flips: list[Flip]
    warnings: list[str] = []
    schema_version: int = 1


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """One stored run, with its targets' names in the comparison."""

    id: str
    spec: Spec
    plan: Plan
    cases: dict[str, dict[str, Case]]
    names: dict[str, str]
    collected: Collected
    modes: dict[str, str]


def compare_runs(folders: Sequence[Path]) -> Compared:
    """Return the paired comparisons of all targets of the runs.

    Raises:
        UsageError: there is nothing to compare.
    """
    runs = _load(folders)
    targets = [
        ComparedTarget(name=run.names[t.name], run=run.id, target=t.name, model=t.model)
        for run in runs
        for t in run.plan.targets
    ]
    if len(targets) < 2:
        raise UsageError(
            f"there is one target only: `{targets[0].name}`" if targets else "there is no target",
            hint="name a second run, or a run with several models",
        )
    names = [target.name for target in targets]
    collected: Collected = {
        (benchmark, run.names[target]): answers
        for run in runs
        for (benchmark, target), answers in run.collected.items()
    }
    comparisons: list[Comparison] = []
    flips: list[Flip] = []
    warnings: list[str] = []
    for benchmark in _benchmarks(runs):
        cases, changed = _common_cases(runs, benchmark.name)
        if changed:
            drop_cases(collected, benchmark.name, changed)
        warnings += _warnings(runs, benchmark, changed)
        if other := _other_mode(runs, benchmark.name):
            warnings.append(other)
            continue
        comparisons += quality_comparisons(collected, benchmark, cases, names, _rule(runs, names))
        if benchmark.measured:
            comparisons += latency_comparisons(collected, benchmark, names, _rule(runs, names))
        flips += _flips(collected, benchmark, cases, names)
    return Compared(
        runs=[run.id for run in runs],
        targets=targets,
        comparisons=comparisons,
        flips=flips,
        warnings=warnings,
    )


def target_names(runs: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """Return for each run its targets' names in the comparison: `name@run-short` where a name is taken.

    Args:
        runs: run ids, each with its targets.
    """
    taken = Counter(name for names in runs.values() for name in names)
    shorts = Counter(run.rpartition("-")[2] for run in runs)

    def short(run: str) -> str:
        last = run.rpartition("-")[2]
        return last if shorts[last] == 1 else run

    return {
        run: {name: name if taken[name] == 1 else f"{name}@{short(run)}" for name in names}
        for run, names in runs.items()
    }


def drop_cases(collected: Collected, benchmark: str, cases: frozenset[str]) -> None:
    """Take cases out of a benchmark's answers."""
    for key, answers in list(collected.items()):
        if key[0] == benchmark:
            scores = {
                scorer: {case: score for case, score in scores.items() if case[0] not in cases}
                for scorer, scores in answers.scores.items()
            }
            collected[key] = Answers(
                samples=[sample for sample in answers.samples if sample.case not in cases],
                scores=scores,
                parts=part_scores(scores),
                warmups=answers.warmups,
            )


def _load(folders: Sequence[Path]) -> list[_Run]:
    unique = list({folder.resolve().name: folder.resolve() for folder in folders}.values())
    plans = {folder: read_plan(folder) for folder in unique}
    names = target_names({folder.name: [t.name for t in plan.targets] for folder, plan in plans.items()})
    return [
        _Run(
            id=folder.name,
            spec=load_stored(folder, {}, secrets_needed=False).spec,
            plan=plan,
            cases=read_cases(folder),
            names=names[folder.name],
            modes=_modes(folder),
            collected=collect(
                read_records(folder, Sample),
                read_records(folder, Score),
                frozenset(stage.name for stage in plan.stages if stage.warmup),
            ),
        )
        for folder, plan in plans.items()
    ]


def _benchmarks(runs: Sequence[_Run]) -> list[BenchmarkSpec]:
    """Return the benchmarks of all runs, each as the first run that has it states it."""
    found: dict[str, BenchmarkSpec] = {}
    for run in runs:
        for benchmark in run.spec.benchmarks:
            found.setdefault(benchmark.name, benchmark)
    return list(found.values())


def _rule(runs: Sequence[_Run], names: Sequence[str]) -> DecideSpec:
    """Return the first run's rule; its incumbent only where that name still means one target."""
    rule = runs[0].spec.decide
    return rule if rule.incumbent in names else msgspec.structs.replace(rule, incumbent=None)


def _common_cases(runs: Sequence[_Run], benchmark: str) -> tuple[dict[str, Case], frozenset[str]]:
    """Return the benchmark's cases by id, and the ids that mean different cases in different runs."""
    found: dict[str, Case] = {}
    changed: set[str] = set()
    for run in runs:
        for name, case in run.cases.get(benchmark, {}).items():
            if content_hash([found.setdefault(name, case)]) != content_hash([case]):
                changed.add(name)
    return {name: case for name, case in found.items() if name not in changed}, frozenset(changed)


def _warnings(runs: Sequence[_Run], benchmark: BenchmarkSpec, changed: frozenset[str]) -> list[str]:
    """Say what stands against comparing these runs."""
    others = [other for run in runs for other in run.spec.benchmarks if other.name == benchmark.name]
    found: list[str] = []
    if changed:
        shown = ", ".join(sorted(changed)[:3]) + (", …" if len(changed) > 3 else "")
        found.append(
            f"{benchmark.name}: {len(changed)} cases have other content in another run "
            f"and are left out: {shown}"
        )
    compared = ("scorers", "prompt", "params", *(("load",) if benchmark.measured else ()))
    found += [
        f"{benchmark.name}: the runs differ in `{what}`, so not only the targets are compared"
        for what in compared
        if any(getattr(other, what) != getattr(benchmark, what) for other in others)
    ]
    if benchmark.measured and len(others) > 1:
        found.append(f"{benchmark.name}: latencies of different runs were taken at different times")
    return found


def _modes(folder: Path) -> dict[str, str]:
    """Return how a run's multiple choice benchmarks were asked."""
    spec = load_stored(folder, {}, secrets_needed=False).spec
    whole = with_modes(spec, modes_of(read_events(folder)))
    return {b.name: b.multiple_choice for b in whole.benchmarks if b.multiple_choice is not None}


def _other_mode(runs: Sequence[_Run], benchmark: str) -> str | None:
    """Say that a benchmark was asked in different ways, so that its scores stand in no table together."""
    found = {run.modes.get(benchmark, "a plain question") for run in runs if _has(run, benchmark)}
    if len(found) < 2:
        return None
    return f"{benchmark}: asked in different ways ({', '.join(sorted(found))}), so it is not compared"


def _has(run: _Run, benchmark: str) -> bool:
    return any(each.name == benchmark for each in run.spec.benchmarks)


def _flips(
    collected: Collected, benchmark: BenchmarkSpec, cases: dict[str, Case], names: Sequence[str]
) -> list[Flip]:
    """Return the cases on which targets differ, the widest apart first."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for name in names:
        answers = collected.get((benchmark.name, name))
        for scores in (answers.scores if answers else {}).values():
            if scores:
                metric = next(iter(scores.values())).metric
                each = case_values(scores, cases, errors_count=benchmark.errors_count)
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
    return sorted(found, key=_closeness)


def _closeness(flip: Flip) -> float:
    known = [value for value in flip.values.values() if value is not None]
    return min(known) - max(known)
