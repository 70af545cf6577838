"""Compare the targets of one or several stored runs, case by case; no request, no model.

Cases belong together by id. One whose content differs between runs is another case, and that is said.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path

import msgspec

from bakeoff.decide.compare.comparisons import quality_comparisons
from bakeoff.decide.compare.flips import Flip, find_flips
from bakeoff.decide.compare.requests import cost_comparisons, latency_comparisons, timed
from bakeoff.decide.gather.collect import Answers, Collected, collect
from bakeoff.decide.load.loads import PAIRED
from bakeoff.decide.race.raced import follow_race, raced_comparisons
from bakeoff.errors import UsageError
from bakeoff.plugins import suggest
from bakeoff.prompts.modes import with_modes
from bakeoff.records import BenchmarkSpec, Case, Comparison, DecideSpec, Plan, Sample, Score, Spec, Target
from bakeoff.run.common_cases import CommonCases, common_cases, with_ids
from bakeoff.run.folder import read_events, read_plan
from bakeoff.run.modes import modes_of
from bakeoff.run.stored import load_stored
from bakeoff.stores.jsonl import read_records


class ComparedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target under the name that it has in the comparison."""

    name: str
    run: str
    target: str
    model: str


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome: comparisons as in a run's results, and the cases on which targets differ.

    Attributes:
        against: the target with which every other one was compared, where one was named.
    """

    runs: list[str]
    targets: list[ComparedTarget]
    comparisons: list[Comparison]
    flips: list[Flip]
    warnings: list[str] = []
    against: str | None = None
    schema_version: int = 1


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """One stored run, with its targets' names in the comparison.

    Attributes:
        tool: what it was imported from, empty for a run of our own.
    """

    id: str
    folder: Path
    tool: str
    spec: Spec
    plan: Plan
    names: dict[str, str]
    collected: Collected
    modes: dict[str, str]


class _Family(msgspec.Struct, frozen=True, kw_only=True):
    """Who is compared with whom, by which rule."""

    targets: list[Target]
    rule: DecideSpec
    only_incumbent: bool

    @property
    def names(self) -> list[str]:
        return [target.name for target in self.targets]


def compare_runs(folders: Sequence[Path], *, against: str | None = None) -> Compared:
    """Return the comparisons of all targets of the runs.

    Args:
        folders: the runs' directories.
        against: compare every other target with this one alone; a target's name in the comparison, or its
            plain name where that means one target.

    Raises:
        UsageError: there is nothing to compare, or `against` names no target.
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
    family = _family(runs, targets, against)
    known = common_cases([run.folder for run in runs])
    collected: Collected = {
        (benchmark, run.names[target]): _own_ids(
            answers, known.get(benchmark, CommonCases()), run, {r.tool for r in runs if _has(r, benchmark)}
        )
        for run in runs
        for (benchmark, target), answers in run.collected.items()
    }
    comparisons: list[Comparison] = []
    flips: list[Flip] = []
    warnings: list[str] = []
    for benchmark in _benchmarks(runs):
        common = known.get(benchmark.name, CommonCases())
        cases = common.cases
        warnings += [*_warnings(runs, benchmark, common.changed), *_unwritten(runs, benchmark.name, common)]
        if other := _other_mode(runs, benchmark.name):
            warnings.append(other)
            continue
        warnings += ungraded_targets(collected, benchmark.name, family.names)
        rows = _compare(collected, benchmark, cases, family)
        comparisons += _at_any_stop(runs, benchmark.name, cases, collected, rows)
        warnings += _stopped(runs, benchmark.name)
        flips += find_flips(
            collected, benchmark, cases, family.names, against=family.rule.incumbent if against else None
        )
    if not comparisons:
        warnings.append("nothing is compared: no benchmark has values of two targets")
    return Compared(
        runs=[run.id for run in runs],
        targets=targets,
        comparisons=comparisons,
        flips=flips,
        warnings=warnings,
        against=family.rule.incumbent if against else None,
    )


def _at_any_stop(
    runs: Sequence[_Run],
    benchmark: str,
    cases: dict[str, Case],
    collected: Collected,
    rows: list[Comparison],
) -> list[Comparison]:
    """Return the rows of a raced benchmark with tests that hold where the race stopped."""
    if len(runs) > 1:
        return rows
    return raced_comparisons(follow_race(runs[0].plan, runs[0].spec, {benchmark: cases}, collected), rows)


def _stopped(runs: Sequence[_Run], benchmark: str) -> Iterator[str]:
    """Say which of several runs chose its number of cases by their answers."""
    for run in runs if len(runs) > 1 else ():
        if run.plan.race is not None and run.plan.race.benchmark == benchmark:
            yield (
                f"{benchmark}: {run.id} is a race, whose answers decided how many there are; p values over "
                "several runs do not know that and are too small"
            )


def _own_ids(answers: Answers, common: CommonCases, run: _Run, tools: Set[str]) -> Answers:
    """Return a run's answers under the ids that its cases have beside those of other runs.

    Where a tool did not write down what it asked, its ids are numbers that mean nothing beside those of
    another tool.
    """
    names = dict(common.renamed.get(run.id, {}))
    if len(tools) > 1:
        names |= {case: f"{case}@{run.tool or run.id}" for case in _asked(answers) - common.known}
    return with_ids(answers, names) if names else answers


def _asked(answers: Answers) -> set[str]:
    graded = {case for scores in answers.scores.values() for case, _ in scores}
    return graded | {case for _, case, _ in answers.requests or {}}


def _compare(
    collected: Collected, benchmark: BenchmarkSpec, cases: dict[str, Case], family: _Family
) -> list[Comparison]:
    names, rule, only = family.names, family.rule, family.only_incumbent
    found = quality_comparisons(collected, benchmark, cases, names, rule, only_incumbent=only)
    if benchmark.measured:
        found += latency_comparisons(collected, benchmark, names, rule, only_incumbent=only)
    found += cost_comparisons(collected, benchmark, cases, family.targets, rule, only_incumbent=only)
    return found


def _family(runs: Sequence[_Run], targets: Sequence[ComparedTarget], against: str | None) -> _Family:
    """Return who is compared with whom.

    Raises:
        UsageError: `against` means no target, or several.
    """
    own = [
        msgspec.structs.replace(target, name=run.names[target.name])
        for run in runs
        for target in run.plan.targets
    ]
    names = [target.name for target in targets]
    rule = runs[0].spec.decide
    if against is None:
        # The rule's incumbent counts where its name still means one target.
        kept = rule.incumbent if rule.incumbent in names else None
        return _Family(targets=own, rule=msgspec.structs.replace(rule, incumbent=kept), only_incumbent=False)
    meant = [t.name for t in targets if t.name == against] or [t.name for t in targets if t.target == against]
    if len(meant) > 1:
        raise UsageError(f"`{against}` is in several runs", hint=f"name one of: {', '.join(meant)}")
    if not meant:
        raise UsageError(
            f"there is no target `{against}`.{suggest(against, names)}", hint=f"known: {', '.join(names)}"
        )
    return _Family(targets=own, rule=msgspec.structs.replace(rule, incumbent=meant[0]), only_incumbent=True)


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


def _load(folders: Sequence[Path]) -> list[_Run]:
    unique = list({folder.resolve().name: folder.resolve() for folder in folders}.values())
    plans = {folder: read_plan(folder) for folder in unique}
    names = target_names({folder.name: [t.name for t in plan.targets] for folder, plan in plans.items()})
    found: list[_Run] = []
    for folder, plan in plans.items():
        spec = load_stored(folder, {}, secrets_needed=False).spec
        found.append(
            _Run(
                id=folder.name,
                folder=folder,
                tool=", ".join(e.facts["tool"] for e in read_events(folder) if e.kind == "imported"),
                spec=spec,
                plan=plan,
                names=names[folder.name],
                modes=_modes(folder, spec),
                collected=_collected(folder, spec, plan),
            )
        )
    return found


def _collected(folder: Path, spec: Spec, plan: Plan) -> Collected:
    """Return a run's scores, and of its samples what is compared request by request."""
    warmups = frozenset(stage.name for stage in plan.stages if stage.warmup)
    collected = collect((), read_records(folder, Score), warmups)
    prices = {target.name: target.price for target in plan.targets}
    measured = {benchmark.name for benchmark in spec.benchmarks if benchmark.measured}
    if not measured and not any(prices.values()):
        return collected
    for sample in read_records(folder, Sample):
        price = prices.get(sample.target)
        if sample.stage not in warmups and (price is not None or sample.benchmark in measured):
            answers = collected.setdefault((sample.benchmark, sample.target), Answers(samples=[], scores={}))
            if answers.requests is None:
                answers.requests = {}
            key = (sample.stage, sample.case, sample.repeat)
            # A later sample of the same intent is another try of it, and counts.
            if sample.benchmark not in measured or len(answers.requests) < PAIRED or key in answers.requests:
                answers.requests[key] = timed(sample, price)
    return collected


def _benchmarks(runs: Sequence[_Run]) -> list[BenchmarkSpec]:
    """Return the benchmarks of all runs, each as the first run that has it states it."""
    found: dict[str, BenchmarkSpec] = {}
    for run in runs:
        for benchmark in run.spec.benchmarks:
            found.setdefault(benchmark.name, benchmark)
    return list(found.values())


def _warnings(runs: Sequence[_Run], benchmark: BenchmarkSpec, changed: Set[str]) -> list[str]:
    """Say what stands against comparing these runs."""
    others = [other for run in runs for other in run.spec.benchmarks if other.name == benchmark.name]
    found: list[str] = []
    if changed:
        shown = ", ".join(sorted(changed)[:3]) + (", …" if len(changed) > 3 else "")
        found.append(
            f"{benchmark.name}: {len(changed)} cases have other content in another run and are not the same "
            f"cases there: {shown}"
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


def _unwritten(runs: Sequence[_Run], benchmark: str, common: CommonCases) -> Iterator[str]:
    """Say that requests are matched by their numbers, where nothing tells what they asked."""
    tools = [run.tool for run in runs if _has(run, benchmark)]
    if not common.known and len(tools) > 1 and len(set(tools)) == 1:
        yield f"{benchmark}: the files do not say what was asked, so requests are matched by their numbers"


def _modes(folder: Path, spec: Spec) -> dict[str, str]:
    """Return how a run's multiple choice benchmarks were asked."""
    whole = with_modes(spec, modes_of(read_events(folder)))
    return {b.name: b.multiple_choice for b in whole.benchmarks if b.multiple_choice is not None}


def _other_mode(runs: Sequence[_Run], benchmark: str) -> str | None:
    """Say that a benchmark was asked in different ways, so that its scores stand in no table together."""
    found = {run.modes.get(benchmark, "a plain question") for run in runs if _has(run, benchmark)}
    if len(found) < 2:
        return None
    return f"{benchmark}: asked in different ways ({', '.join(sorted(found))}), so it is not compared"


def ungraded_targets(collected: Collected, benchmark: str, names: Sequence[str]) -> list[str]:
    """Say which targets stand in no comparison of grades that others stand in."""
    graded = [name for name in names if (found := collected.get((benchmark, name))) and found.scores]
    return [
        f"{benchmark}: {name} has no graded answer, so nothing is known of it beside the others"
        for name in names
        if graded and name not in graded and (benchmark, name) in collected
    ]


def _has(run: _Run, benchmark: str) -> bool:
    return any(each.name == benchmark for each in run.spec.benchmarks)
