"""Run one stage: drive its load, record what comes back, and say whether the client kept up."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from random import Random

import msgspec

from bakeoff import clock, plugins
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.gate import Gate
from bakeoff.engine.grading import NamedScorer, grade
from bakeoff.engine.loops import closed_loop, open_loop
from bakeoff.engine.monitor import Monitor
from bakeoff.engine.send import Lane, Outgoing, Sending, send
from bakeoff.engine.tally import Meets, Tally
from bakeoff.extend import Load, Store
from bakeoff.plan import derive_seed, schedule_rng
from bakeoff.records import BenchmarkSpec, Case, Event, Intent, Sample, Schedule, Stage

Work = Callable[[Outgoing, int], Awaitable[None]]

_GC_FIRST = 50_000
_MOST_WARM = 1024


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark ready to be sent: cases by id, scorers, and its latency targets as a test of a sample."""

    spec: BenchmarkSpec
    cases: dict[str, Case]
    scorers: tuple[NamedScorer, ...] = ()
    meets: Meets | None = None


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of every stage this process sends: each `of`-th intent from the `index`-th on."""

    index: int = 0
    of: int = 1

    def concurrency(self, whole: int) -> int:
        """Return this process's part of a closed loop's concurrency."""
        return whole // self.of + (self.index < whole % self.of)


async def _start_now(stage: Stage) -> int:
    del stage
    return clock.now_ns()


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """What all stages of a run share.

    Attributes:
        lanes: by benchmark and target.
        zero: monotonic ns of the run's time zero.
        segment: 0 for the first process that worked on the run, and so on.
        agree: returns the monotonic ns at which a stage starts; processes agree on one.
    """

    benches: dict[str, Bench]
    lanes: dict[tuple[str, str], Lane]
    store: Store
    zero: int
    segment: int
    control: Control
    share: Share = Share()
    agree: Callable[[Stage], Awaitable[int]] = _start_now


def stage_schedule(stage: Stage) -> Schedule:
    """Return when the requests of a stage go out."""
    options = {name: value for name, value in stage.load.items() if name != "kind"}
    load: Load = plugins.create("loads", stage.load["kind"], options)
    return load.schedule(stage.requests, schedule_rng(stage))


async def run_stage(
    shop: Workshop, stage: Stage, missing: list[Intent], gate: Gate | None
) -> tuple[Tally, bool]:
    """Send the missing intents of a stage.

    Args:
        shop: what all stages share.
        stage: the stage.
        missing: its intents without a sample, in order.
        gate: bound on requests in flight, None for a measured load, which is sent as asked.

    Returns:
        the stage's counts, and whether its numbers are the server's and not the client's.
    """
    mine = missing[shop.share.index :: shop.share.of]
    bench, lane = shop.benches[stage.benchmark], shop.lanes[stage.benchmark, stage.target]
    tally = Tally(total=stage.requests, done=stage.requests - len(missing), meets=bench.meets)
    schedule = stage_schedule(stage)
    limit = shop.share.concurrency(min(schedule.concurrency or len(missing), len(missing)))
    if stage.measured and schedule.due_ns is None:
        await lane.client.warm(lane.route, min(limit, _MOST_WARM))
    start = await shop.agree(stage)
    _event(shop, "stage_started", stage)
    shop.control.tell(Progress(kind="stage", stage=stage, done=tally.done, total=tally.total))
    shop.store.grouped = stage.measured
    monitor = Monitor()
    how = _sending(shop, stage, gate)

    async def work(out: Outgoing, scheduled_at: int) -> None:
        sample = await send(lane, out, how, scheduled_at=scheduled_at)
        if sample.sent_at is not None and not sample.attempts:
            lag = sample.sent_at - sample.scheduled_at - sample.connect_ns
            monitor.sent(lag, (sample.done_at or sample.sent_at) - sample.sent_at)
        _record(shop, bench, stage, tally, sample)

    def go_on() -> bool:
        if shop.control.draining:
            return False
        # A resume goes on with a stage that errors ended, but not with one whose time was up.
        tally.time_up = stage.seconds is not None and clock.now_ns() - start >= stage.seconds * 1e9
        return not (tally.time_up or (stage.errors is not None and tally.failed >= stage.errors))

    watch = asyncio.create_task(monitor.watch()) if stage.measured else None
    items = _outgoing(mine, bench, lane)
    try:
        with _quiet_gc(on=stage.measured):
            if schedule.due_ns is None:
                await closed_loop(items, limit, work, go_on)
            else:
                await open_loop(_timed(items, resumed=tally.done > 0), start, work, go_on)
    finally:
        if watch is not None:
            watch.cancel()
    return tally, await _finish(shop, stage, tally, monitor, open_loop=schedule.due_ns is not None)


async def _finish(shop: Workshop, stage: Stage, tally: Tally, monitor: Monitor, *, open_loop: bool) -> bool:
    shop.store.flush()
    facts: dict[str, object] = {
        "samples": tally.done,
        "failed": tally.failed,
        "planned": tally.total,
        "time_up": tally.time_up,
        "process": shop.share.index,
    }
    valid = True
    if stage.measured and not shop.control.draining:
        lane = shop.lanes[stage.benchmark, stage.target]
        check = monitor.check(
            benchmark=stage.benchmark,
            target=stage.target,
            stage=stage.name,
            open_loop=open_loop,
            stamped_by=lane.client.stamped_by,
        )
        valid = check.valid
        facts["check"] = msgspec.to_builtins(check)
    _event(shop, "stage_ended", stage, **facts)
    await asyncio.to_thread(shop.store.sync)
    return valid


@contextmanager
def _quiet_gc(*, on: bool) -> Generator[None]:
    """Keep the collector from walking everything that lives already, and make its rounds rare."""
    if not on:
        yield
        return
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_FIRST, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _sending(shop: Workshop, stage: Stage, gate: Gate | None) -> Sending:
    rng = Random(derive_seed(stage.seed, stage.target, shop.segment, shop.share.index))
    return Sending(zero=shop.zero, segment=shop.segment, attempts=stage.attempts, gate=gate, rng=rng)


def _record(shop: Workshop, bench: Bench, stage: Stage, tally: Tally, sample: Sample) -> None:
    shop.store.add(sample)
    passed = None
    if bench.scorers and not stage.warmup:
        scores = grade(sample, bench.cases[sample.case], bench.scorers)
        for score in scores:
            shop.store.add(score)
        passed = scores[0].passed
    tally.add(sample)
    shop.control.tell(
        Progress(kind="sample", stage=stage, sample=sample, done=tally.done, total=tally.total, passed=passed)
    )


def _event(shop: Workshop, kind: str, stage: Stage, **facts: object) -> None:
    where = {"benchmark": stage.benchmark, "target": stage.target, "stage": stage.name}
    shop.store.add(Event(kind=kind, at=clock.now_ns() - shop.zero, facts=where | facts))


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
