"""Run a spec from start to end, or go on with a run that stopped."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from pathlib import Path

import msgspec

from bakeoff import clock
from bakeoff.clock import Anchor
from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.engine.cache import AnswerCache, cache_folder, opened
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.grading import SlowGrading, grade, ungraded
from bakeoff.engine.memory import Memory, recall
from bakeoff.engine.runner import Engine
from bakeoff.engine.send import Lane
from bakeoff.engine.stage import Share, Workshop
from bakeoff.errors import DeployError, EndpointError, InterruptedRun, UsageError
from bakeoff.plan import make_plan
from bakeoff.prompts.modes import with_modes
from bakeoff.records import Case, Deployment, Event, Plan, Sample, Score, Spec
from bakeoff.run.benches import (
    check_templates,
    load_benchmark_cases,
    make_benches,
    make_lanes,
    placed_scorers,
    with_default_modes,
)
from bakeoff.run.environment import environment
from bakeoff.run.fanout import check_processes, send_together
from bakeoff.run.finish import Finished, finish
from bakeoff.run.folder import RunFacts, new_folder, read_facts, read_plan, write_plan
from bakeoff.run.models import Candidate, Form, prepare
from bakeoff.run.modes import Chosen, Openings, choose_modes, chosen_of, modes_of, stored
from bakeoff.run.preflight import preflight
from bakeoff.run.prices import check_prices
from bakeoff.run.racing import make_racing
from bakeoff.run.worker import Task
from bakeoff.spec import LoadedSpec, load_at_base
from bakeoff.stores.jsonl import JsonlStore, read_records, remove
from bakeoff.stores.redact import Redactor
from bakeoff.wire import Client


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known before anything is started."""

    loaded: LoadedSpec
    candidates: list[Candidate]
    cases: dict[str, list[Case]]
    forms: dict[str, Form]
    plan: Plan


async def prepare_run(loaded: LoadedSpec, tell: Callable[[str], None]) -> Prepared:
    """Read data, fetch weights and make the plan; nothing is started and nothing is sent."""
    spec = placed_spec(loaded)
    if not spec.benchmarks:
        raise UsageError(
            "the spec has no benchmarks", where=str(loaded.base), hint="add one under `benchmarks`"
        )
    cases = load_benchmark_cases(spec, loaded.base)
    spec = with_default_modes(spec, cases)
    loaded = msgspec.structs.replace(loaded, spec=spec)
    candidates = await prepare(spec, loaded.base, tell)
    forms = check_templates(spec, candidates, cases)
    plan = make_plan(spec, [candidate.target for candidate in candidates], cases)
    return Prepared(loaded=loaded, candidates=candidates, cases=cases, forms=forms, plan=plan)


def placed_spec(loaded: LoadedSpec) -> Spec:
    """Return the spec with the files of its loads and scorers found from where its paths start."""
    placed = [
        msgspec.structs.replace(placed_scorers(b, loaded.base), load=load_at_base(b.load, loaded.base))
        for b in loaded.spec.benchmarks
    ]
    return msgspec.structs.replace(loaded.spec, benchmarks=placed)


async def start_run(
    prepared: Prepared, root: Path, control: Control, *, command: str, processes: int = 1
) -> Finished:
    """Run a plan in a new directory under `root`, with one or several client processes."""
    check_processes(prepared.plan, processes)
    spec = prepared.loaded.spec
    check_prices(spec, prepared.candidates)
    redact = Redactor(prepared.loaded.secrets)
    store = JsonlStore(new_folder(root, spec.name), redact=redact)
    with _kept_if_begun(store.folder), contextlib.closing(store):
        anchor = Anchor.take()
        graded = {b.name: prepared.cases[b.name] for b in with_modes(spec, {}).benchmarks if b.scorers}
        facts = RunFacts(
            anchor=anchor,
            base=str(prepared.loaded.base),
            command=command,
            environment=environment(),
            rule_hash=rule_hash(spec.decide),
        )
        store.add(Event(kind="run_started", facts=msgspec.to_builtins(facts)))
        store.flush()
        # With its plan a directory becomes a run: whatever kills us from here on, it can be resumed.
        write_plan(store, prepared.plan, prepared.loaded.document, graded)
        session = Session(anchor=anchor, segment=0, processes=processes)
        return await _work(prepared, store, redact, control, session)


async def resume_run(
    prepared: Prepared, folder: Path, control: Control, *, retry_failed: bool = False
) -> Finished:
    """Go on with a stored run: send exactly what is missing.

    Raises:
        UsageError: spec or data are no longer what was planned.
    """
    redact = Redactor(prepared.loaded.secrets)
    store = JsonlStore(folder, redact=redact)
    with contextlib.closing(store):
        events = list(store.read(Event))
        facts = read_facts(events, folder)
        _check_same_plan(prepared.plan, folder)
        memory = recall(prepared.plan, prepared.cases, store.read(Sample), events, retry_failed=retry_failed)
        segment = 1 + sum(event.kind == "run_resumed" for event in events)
        anchor = facts.anchor.continued()
        store.add(Event(kind="run_resumed", at=clock.now_ns() - anchor.mono_ns, facts={"segment": segment}))
        await _grade_rest(prepared, store, modes_of(events), control)
        session = Session(anchor=anchor, segment=segment, memory=memory, chosen=chosen_of(events))
        return await _work(prepared, store, redact, control, session)


def _check_same_plan(plan: Plan, folder: Path) -> None:
    planned = read_plan(folder).hash
    if plan.hash != planned:
        raise UsageError(
            f"the data, the models or the spec are no longer what was planned (plan {planned[:12]}, now "
            f"{plan.hash[:12]})",
            where=str(folder),
            hint="put back the data files as they were, or start a new run with `bakeoff run`",
        )


async def _grade_rest(
    prepared: Prepared, store: JsonlStore, modes: Mapping[str, str], control: Control
) -> None:
    """Grade what was stored just before a crash."""
    benches = make_benches(with_modes(prepared.loaded.spec, modes), prepared.cases)
    warmups = {stage.name for stage in prepared.plan.stages if stage.warmup}
    found = ungraded(
        (s for s in store.read(Sample) if s.stage not in warmups and benches[s.benchmark].scorers),
        store.read(Score),
        {name: bench.cases for name, bench in benches.items()},
        {name: bench.scorers for name, bench in benches.items()},
    )
    async with SlowGrading(control.keeping(store.add)) as slow:
        for each in list(found):
            for score in grade(each.sample, each.case, each.scorers):
                store.add(score)
            await slow.begin(each.sample, each.case, each.scorers)


@contextlib.contextmanager
def _kept_if_begun(folder: Path) -> Generator[None]:
    """Remove the directory of a run that could not begin: there is nothing in it to resume."""
    try:
        yield
    except (DeployError, EndpointError):
        if next(read_records(folder, Sample), None) is None:
            remove(folder)
        raise


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One process's share of a run; `chosen` is what an earlier one chose."""

    anchor: Anchor
    segment: int
    memory: Memory = Memory()
    processes: int = 1
    chosen: Chosen = Chosen()


async def _work(
    prepared: Prepared, store: JsonlStore, redact: Redactor, control: Control, session: Session
) -> Finished:
    with _signals(control):
        async with (
            _deployed(prepared, redact, control) as deployments,
            Client(timeouts=prepared.loaded.spec.timeout) as client,
        ):
            await _send(prepared, store, control, session, deployments, client)
    if control.draining:
        store.add(Event(kind="run_interrupted", at=clock.now_ns() - session.anchor.mono_ns))
    else:
        store.add(Event(kind="run_ended", at=clock.now_ns() - session.anchor.mono_ns))
    store.flush()
    finished = finish(store.folder, prepared.loaded.spec)
    if control.draining:
        raise InterruptedRun(
            f"interrupted; {finished.samples} samples are stored",
            where=str(store.folder),
            hint=f"bakeoff resume {store.folder}",
        )
    return finished


async def _send(
    prepared: Prepared,
    store: JsonlStore,
    control: Control,
    session: Session,
    deployments: dict[str, Deployment],
    client: Client,
) -> None:
    spec = prepared.loaded.spec
    lanes = make_lanes(spec, prepared.candidates, deployments, prepared.forms, client)
    for candidate in prepared.candidates:
        if candidate.target.endpoint is not None and not control.draining:
            warning = await preflight(lanes[spec.benchmarks[0].name, candidate.target.name])
            if warning:
                control.tell(Progress(kind="note", text=warning))
    if any(benchmark.multiple_choice for benchmark in spec.benchmarks) and not control.draining:
        spec = await _with_modes(prepared, store, session, lanes, control)
        prepared = msgspec.structs.replace(
            prepared, loaded=msgspec.structs.replace(prepared.loaded, spec=spec)
        )
        lanes = make_lanes(spec, prepared.candidates, deployments, prepared.forms, client)
    keys = tuple(each.api_key for each in deployments.values() if each.api_key)
    redact = Redactor(prepared.loaded.secrets + keys)
    with opened(cache_folder(spec, prepared.loaded.base), redact) as cache:
        racing = make_racing(prepared.plan, spec, prepared.cases, store, session.anchor.mono_ns, control)
        shop = Workshop(
            benches=make_benches(spec, prepared.cases),
            lanes=lanes,
            store=store if racing is None else racing,
            zero=session.anchor.mono_ns,
            segment=session.segment,
            control=control,
            cache=cache,
        )
        engine = Engine(prepared.plan, shop, session.memory, None if racing is None else racing.look)
        if session.processes == 1:
            await engine.run()
            if cache is not None:
                _tell_served(cache, store, control, session)
            return
    # What prompts cost is learnt once, here; the processes get it with their task.
    memory = msgspec.structs.replace(session.memory, lengths=await engine.calibrate())
    task = _task(prepared, store, msgspec.structs.replace(session, memory=memory), deployments)
    await send_together(task, session.processes, control)


def _tell_served(cache: AnswerCache, store: JsonlStore, control: Control, session: Session) -> None:
    """Say how many answers no server was asked for."""
    at = clock.now_ns() - session.anchor.mono_ns
    store.add(Event(kind="cache_used", at=at, facts={"served": cache.served}))
    if cache.served:
        control.tell(Progress(kind="note", text=f"{cache.served:,} answers came from the response cache"))


async def _with_modes(
    prepared: Prepared,
    store: JsonlStore,
    session: Session,
    lanes: dict[tuple[str, str], Lane],
    control: Control,
) -> Spec:
    """Return the spec with the mode of each multiple choice benchmark, which the targets were asked for."""
    spec = prepared.loaded.spec
    mine = {name: lane for (_, name), lane in lanes.items()}
    openings = Openings(
        targets=[lane.target for lane in mine.values()],
        routes={name: lane.route for name, lane in mine.items()},
        forms=prepared.forms,
        client=next(iter(mine.values())).client,
    )
    rows = prepared.loaded.document["benchmarks"]
    unasked = {row["name"] for row in rows if row.get("multiple_choice") is None}
    chosen, seen = await choose_modes(spec, openings, session.chosen, unasked=unasked)
    for event in stored(chosen, seen, clock.now_ns() - session.anchor.mono_ns):
        store.add(event)
    for name, mode in chosen.modes.items():
        why = "".join(f"; {each}" for each in chosen.passed_over.get(name, ()))
        form = ", as its rows have choices and nothing says otherwise" if name in chosen.unasked else ""
        control.tell(Progress(kind="note", text=f"{name}: multiple choice by `{mode}`{form}{why}"))
    return with_modes(spec, chosen.modes)


def _task(
    prepared: Prepared, store: JsonlStore, session: Session, deployments: dict[str, Deployment]
) -> Task:
    keys = tuple(each.api_key for each in deployments.values() if each.api_key)
    return Task(
        folder=store.folder,
        loaded=prepared.loaded,
        candidates=prepared.candidates,
        plan=prepared.plan,
        cases=prepared.cases,
        forms=prepared.forms,
        deployments=deployments,
        secrets=prepared.loaded.secrets + keys,
        zero=session.anchor.mono_ns,
        segment=session.segment,
        memory=session.memory,
        share=Share(),
    )


@contextlib.asynccontextmanager
async def _deployed(
    prepared: Prepared, redact: Redactor, control: Control
) -> AsyncGenerator[dict[str, Deployment]]:
    """Start every candidate's server, and stop all that were started whatever happens."""
    async with contextlib.AsyncExitStack() as stack:
        found: dict[str, Deployment] = {}
        for candidate in prepared.candidates:
            if candidate.target.endpoint is None:
                control.tell(Progress(kind="note", text=f"starting {candidate.model.name}"))
            deployment = await candidate.deployer.start(candidate.model, candidate.weights)
            if prepared.loaded.spec.cleanup_on_complete:
                stack.push_async_callback(candidate.deployer.stop, deployment)
            if deployment.api_key:
                redact.learn(deployment.api_key)
            found[candidate.model.name] = deployment
        yield found


@contextlib.contextmanager
def _signals(control: Control) -> Generator[None]:
    """First Ctrl-C drains, the second cancels; both are undone on the way out."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop() -> None:
        if control.draining:
            if task is not None:
                task.cancel()
            return
        control.drain()
        control.tell(
            Progress(kind="note", text="stopping after the requests in flight; Ctrl-C again stops at once")
        )

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
    except (NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
