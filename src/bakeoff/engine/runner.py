"""Send a plan stage by stage and append what comes back. Knows nothing of verdicts or displays."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Set
from random import Random
from typing import cast

import msgspec

from bakeoff import clock, plugins
from bakeoff.clock import Anchor
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.gate import Gate
from bakeoff.engine.grading import NamedScorer, grade
from bakeoff.engine.loops import closed_loop, open_loop
from bakeoff.engine.monitor import Monitor
from bakeoff.engine.send import Lane, Outgoing, Sending, send
from bakeoff.extend import Load, Store
from bakeoff.plan import derive_seed, intents, schedule_rng
from bakeoff.records import BenchmarkSpec, Case, Event, Intent, Plan, Sample, Schedule, Stage

Key = tuple[str, str, str, int, str]
Work = Callable[[Outgoing, int], Awaitable[None]]

_FLUSH_S = 0.05
_SYNCS = 20


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark ready to be sent: cases by id, and scorers."""

    spec: BenchmarkSpec
    cases: dict[str, Case]
    scorers: tuple[NamedScorer, ...] = ()


class Engine:
    """Run a plan against lanes, one per benchmark and target."""

    def __init__(
        self,
        *,
        plan: Plan,
        benches: dict[str, Bench],
        lanes: dict[tuple[str, str], Lane],
        store: Store,
        anchor: Anchor,
        segment: int,
        control: Control,
    ) -> None:
        self._plan = plan
        self._benches = benches
        self._lanes = lanes
        self._store = store
        self._zero = anchor.mono_ns
        self._segment = segment
        self._control = control
        self._gates: dict[str, Gate] = {}

    async def run(self, done: Set[Key]) -> None:
        """Send every intent of the plan whose key is not in `done`.

        Raises:
            StoreError: a record cannot be written; what was written stays.
        """
        try:
            async with asyncio.TaskGroup() as group:
                # In the group, so that a disk which is full stops the sending too.
                keeper = group.create_task(self._keep())
                await self._stages(done)
                keeper.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            self._store.grouped = False
            self._store.sync()

    async def _stages(self, done: Set[Key]) -> None:
        for stage in self._plan.stages:
            if self._control.draining:
                break
            missing = [intent for intent in intents(stage, self._due(stage)) if intent.key not in done]
            if missing:
                await self._stage(stage, missing)

    async def _keep(self) -> None:
        """Write groups out in time and have the disk confirm them at least once a second."""
        turn = 0
        while True:
            await asyncio.sleep(_FLUSH_S)
            turn += 1
            self._store.flush()
            if turn % _SYNCS == 0:
                await asyncio.to_thread(self._store.sync)

    def _schedule(self, stage: Stage) -> Schedule:
        options = {name: value for name, value in stage.load.items() if name != "kind"}
        load: Load = plugins.create("loads", stage.load["kind"], options)
        return load.schedule(stage.requests, schedule_rng(stage))

    def _due(self, stage: Stage) -> list[int] | None:
        due = self._schedule(stage).due_ns
        return None if due is None else list(due)

    async def _stage(self, stage: Stage, missing: list[Intent]) -> None:
        run = StageRun(stage, total=stage.requests, done=stage.requests - len(missing))
        lane = self._lanes[stage.benchmark, stage.target]
        bench = self._benches[stage.benchmark]
        how = self._sending(stage)
        monitor = Monitor()
        self._event("stage_started", stage)
        self._control.tell(Progress(kind="stage", stage=stage, done=run.done, total=run.total))
        self._store.grouped = stage.measured

        async def work(out: Outgoing, scheduled_at: int) -> None:
            sample = await send(lane, out, how, scheduled_at=scheduled_at)
            if sample.sent_at is not None and not sample.attempts:
                monitor.sent(sample.sent_at - sample.scheduled_at - sample.connect_ns)
            self._record(bench, run, sample)

        watch = asyncio.create_task(monitor.watch()) if stage.measured else None
        try:
            await self._drive(stage, run, _outgoing(missing, bench, lane), work)
        finally:
            if watch is not None:
                watch.cancel()
        self._store.flush()
        facts = {
            "samples": run.done,
            "failed": run.failed,
            "planned": run.total,
            "at_limit": run.at_limit,
        }
        if stage.measured and not self._control.draining:
            check = monitor.check(
                benchmark=stage.benchmark,
                target=stage.target,
                stage=stage.name,
                open_loop=missing[0].due_ns is not None,
                stamped_by=lane.client.stamped_by,
            )
            facts["check"] = msgspec.to_builtins(check)
        self._event("stage_ended", stage, **facts)
        await asyncio.to_thread(self._store.sync)

    async def _drive(self, stage: Stage, run: "StageRun", items: Iterator[Outgoing], work: Work) -> None:
        start = clock.now_ns()
        schedule = self._schedule(stage)

        def go_on() -> bool:
            if self._control.draining:
                return False
            late = stage.seconds is not None and clock.now_ns() - start >= stage.seconds * 1e9
            run.at_limit = late or (stage.errors is not None and run.failed >= stage.errors)
            return not run.at_limit

        if schedule.due_ns is None:
            missing = run.total - run.done
            limit = min(schedule.concurrency or missing, missing)
            await closed_loop(items, limit, work, go_on)
        else:
            await open_loop(_timed(items, resumed=run.done > 0), start, work, go_on)

    def _sending(self, stage: Stage) -> Sending:
        rng = Random(derive_seed(stage.seed, stage.target, self._segment))
        gate = None
        if not stage.measured:
            gate = self._gates.setdefault(stage.target, Gate(None, rng))
        return Sending(zero=self._zero, segment=self._segment, attempts=stage.attempts, gate=gate, rng=rng)

    def _record(self, bench: Bench, run: "StageRun", sample: Sample) -> None:
        self._store.add(sample)
        passed = None
        if bench.scorers and not run.stage.warmup:
            scores = grade(sample, bench.cases[sample.case], bench.scorers)
            for score in scores:
                self._store.add(score)
            passed = scores[0].passed
        run.done += 1
        run.failed += sample.outcome in {"error", "timeout"}
        self._control.tell(
            Progress(
                kind="sample", stage=run.stage, sample=sample, done=run.done, total=run.total, passed=passed
            )
        )

    def _event(self, kind: str, stage: Stage, **facts: object) -> None:
        where = {"benchmark": stage.benchmark, "target": stage.target, "stage": stage.name}
        self._store.add(Event(kind=kind, at=clock.now_ns() - self._zero, facts=where | facts))


class StageRun:
    """Counts of one stage while it runs."""

    def __init__(self, stage: Stage, *, total: int, done: int) -> None:
        self.stage = stage
        self.total = total
        self.done = done
        self.failed = 0
        self.at_limit = False


def _outgoing(missing: list[Intent], bench: Bench, lane: Lane) -> Iterator[Outgoing]:
    for intent in missing:
        request = lane.renderer.render(bench.cases[intent.case])
        yield Outgoing(intent=intent, request=request, call=lane.provider.encode(request, lane.target))


def _timed(items: Iterator[Outgoing], *, resumed: bool) -> Iterator[tuple[int, Outgoing]]:
    """Yield due times; a resumed stage starts at once and keeps its gaps."""
    shift: int | None = None if resumed else 0
    for out in items:
        due = out.intent.due_ns or 0
        if shift is None:
            shift = due
        yield due - shift, out


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside nested groups: the others follow from it."""
    return next(_leaves(group))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error
