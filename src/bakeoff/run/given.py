"""Grade answers that stand in the rows themselves: a run without requests, in the directory of any other."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bakeoff import clock
from bakeoff.clock import Anchor
from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.grading import SlowGrading, grade, ungraded
from bakeoff.engine.stage import Bench
from bakeoff.errors import InterruptedRun
from bakeoff.prompts.modes import with_modes
from bakeoff.records import Case, Event, Sample, Score, Stage
from bakeoff.run.benches import make_benches
from bakeoff.run.environment import environment
from bakeoff.run.execute import Prepared
from bakeoff.run.finish import Finished, finish
from bakeoff.run.folder import RunFacts, new_folder, read_events, read_facts, write_plan
from bakeoff.stores.jsonl import JsonlStore
from bakeoff.stores.redact import Redactor

Key = tuple[str, str, str, int, str]


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the answers stand.

    Attributes:
        column: of the rows, with the text; a row without it counts as an error.
    """

    column: str


async def grade_given(
    prepared: Prepared, root: Path, given: Given, control: Control, *, run: Path | None = None
) -> Finished:
    """Store the rows' answers as samples of each target, grade them, and write results and reports.

    Args:
        prepared: the plan; its models are never asked.
        root: where the run's directory is made.
        given: where the answers stand.
        control: hears of each answer when its grading begins.
        run: an earlier attempt, of which what is missing is done.

    Raises:
        InterruptedRun: it was told to stop.
    """
    redact = Redactor(prepared.loaded.secrets)
    folder = new_folder(root, prepared.loaded.spec.name) if run is None else run
    with contextlib.closing(JsonlStore(folder, redact=redact)) as store:
        if run is None:
            _begin(store, prepared)
        anchor = read_facts(read_events(folder), folder).anchor.continued()
        benches = make_benches(prepared.loaded.spec, prepared.cases)
        have = {sample.key for sample in store.read(Sample)}
        for stage in prepared.plan.stages:
            _answers(store, stage, benches[stage.benchmark].cases, given, have)
        store.flush()
        await _grade(store, benches, control)
        if control.draining:
            raise InterruptedRun("interrupted; what was graded is stored", where=str(folder))
        store.add(Event(kind="run_ended", at=clock.now_ns() - anchor.mono_ns))
        store.flush()
        return finish(folder, prepared.loaded.spec)


async def _grade(store: JsonlStore, benches: Mapping[str, Bench], control: Control) -> None:
    """Grade what has no scores yet."""
    lacking = ungraded(
        (sample for sample in store.read(Sample) if benches[sample.benchmark].scorers),
        store.read(Score),
        {name: bench.cases for name, bench in benches.items()},
        {name: bench.scorers for name, bench in benches.items()},
    )
    todo = {each.sample.key: each for each in lacking}
    async with SlowGrading(control.keeping(store.add)) as slow:
        for sample in list(store.read(Sample)):
            if control.draining:
                return
            each = todo.get(sample.key)
            if each is not None:
                for score in grade(each.sample, each.case, each.scorers):
                    store.add(score)
                await slow.begin(each.sample, each.case, each.scorers)
            control.tell(Progress(kind="sample", sample=sample))


def _begin(store: JsonlStore, prepared: Prepared) -> None:
    facts = RunFacts(
        anchor=Anchor.take(),
        base=str(prepared.loaded.base),
        command="grade given answers",
        environment=environment(),
        rule_hash=rule_hash(prepared.loaded.spec.decide),
    )
    store.add(Event(kind="run_started", facts=msgspec.to_builtins(facts)))
    store.flush()
    benchmarks = with_modes(prepared.loaded.spec, {}).benchmarks
    graded = {each.name: prepared.cases[each.name] for each in benchmarks if each.scorers}
    write_plan(store, prepared.plan, prepared.loaded.document, graded)


def _answers(
    store: JsonlStore, stage: Stage, cases: Mapping[str, Case], given: Given, have: set[Key]
) -> None:
    """Store the answers that are not stored yet; they took no time, as nobody was asked."""
    for name in stage.cases:
        text = cases[name].fields.get(given.column)
        whole = isinstance(text, str)
        sample = Sample(
            benchmark=stage.benchmark,
            case=name,
            target=stage.target,
            stage=stage.name,
            outcome="ok" if whole else "error",
            text=text if isinstance(text, str) else "",
            error="" if whole else f"no_answer: the row has no text in `{given.column}`",
        )
        if sample.key not in have:
            store.add(sample)
