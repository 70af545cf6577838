"""Run one stage: drive its load, record what comes back, and say whether the client kept up."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from random import Random

import msgspec

from bakeoff import clock, plugins
from bakeoff.engine.cache import AnswerCache
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.finish import Finisher
from bakeoff.engine.gaps import Gaps
from bakeoff.engine.gate import Gate
from bakeoff.engine.grading import JUDGE_FAILED, NamedScorer, SlowGrading, grade
from bakeoff.engine.loops import closed_loop, open_loop, sleep_until
from bakeoff.engine.memory import Key
from bakeoff.engine.monitor import Monitor
from bakeoff.engine.send import Landed, Lane, Outgoing, Sending, fly, held_back, landed, send
from bakeoff.engine.tally import Meets, Tally, in_step
from bakeoff.engine.turns import Writer, followed, lines
from bakeoff.extend import Load, Store
from bakeoff.plan import CALIBRATION, derive_seed, schedule_rng
from bakeoff.records import BenchmarkSpec, Case, Event, Intent, Sample, Schedule, Score, Stage
from bakeoff.words import LengthFeedback

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

    def within(self, whole: int) -> "Share":
        """Return the share where a closed loop has no place for some processes: these send nothing."""
        return Share(index=self.index, of=min(self.of, whole))


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
        cache: serves answers of earlier runs.
    """

    benches: dict[str, Bench]
    lanes: dict[tuple[str, str], Lane]
    store: Store
    zero: int
    segment: int
    control: Control
    share: Share = Share()
    agree: Callable[[Stage], Awaitable[int]] = _start_now
    cache: AnswerCache | None = None


class Todo(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage still has to send, and what is known for it.

    Attributes:
        missing: intents without a sample, in order, the rest of each begun conversation in one piece.
        gate: bound on requests in flight, None for a measured load, which is sent as asked.
        lengths: what prompts cost at the target, None where nothing was learnt.
        said: answers of turns that an earlier process sent; None for one that was not whole.
        spent_ns: how long earlier processes have been sending the stage.
    """

    missing: list[Intent]
    gate: Gate | None = None
    lengths: LengthFeedback | None = None
    said: Mapping[Key, str | None] = {}
    spent_ns: int = 0


def stage_schedule(stage: Stage, count: int) -> Schedule:
    """Return when the `count` conversations of a stage begin."""
    options = {name: value for name, value in stage.load.items() if name != "kind"}
    load: Load = plugins.create("loads", stage.load["kind"], options)
    return load.schedule(count, schedule_rng(stage))


async def run_stage(shop: Workshop, stage: Stage, todo: Todo) -> tuple[Tally, bool]:
    """Send what is missing of a stage.

    Returns:
        the stage's counts, and whether its numbers are the server's and not the client's.
    """
    bench, lane = shop.benches[stage.benchmark], shop.lanes[stage.benchmark, stage.target]
    done = stage.requests - len(todo.missing)
    tally = Tally(total=stage.requests, done=done, meets=bench.meets, together=in_step(stage.load))
    todo_lines = list(lines(todo.missing, followed(bench.cases)))
    schedule = stage_schedule(stage, len(todo_lines))
    whole = min(schedule.concurrency or len(todo_lines), len(todo_lines))
    share = shop.share.within(whole)
    mine = todo_lines[share.index :: share.of] if share.index < share.of else []
    limit = share.concurrency(whole)
    if stage.measured and schedule.due_ns is None:
        await lane.client.warm(lane.route, min(limit, _MOST_WARM))
    if stage.measured:
        gc.collect()  # takes some ms, by which the first requests would be late if it came after the start
    start = await shop.agree(stage)
    mode = bench.spec.multiple_choice
    stage_event(shop, "stage_started", stage, **({} if mode is None else {"multiple_choice": mode}))
    shop.control.tell(Progress(kind="stage", stage=stage, done=tally.done, total=tally.total))
    shop.store.grouped = stage.measured
    seconds = None if stage.seconds is None else start + round(stage.seconds * 1e9) - todo.spent_ns
    sender = _Sender(shop, stage, todo, tally=tally, until=seconds)
    watch = asyncio.create_task(sender.monitor.watch()) if stage.measured else None
    items = sender.items(mine)
    async with sender.slow:
        try:
            with _quiet_gc(on=stage.measured):
                if schedule.due_ns is None:
                    await closed_loop(items, limit, sender.work, sender.go_on)
                else:
                    await open_loop(_timed(items, resumed=tally.done > 0), start, sender.work, sender.go_on)
        finally:
            if watch is not None:
                watch.cancel()
            sender.finisher.rest()
        await sender.grade_rest()
    if counted := sender.gaps.facts():
        stage_event(shop, "gaps_counted", stage, **counted)
    return tally, await _finish(shop, stage, tally, sender.monitor, open_loop=schedule.due_ns is not None)


class _Sender:
    """Sends one stage's requests as its loop calls for them; conversations go on from answer to answer."""

    def __init__(self, shop: Workshop, stage: Stage, todo: Todo, *, tally: Tally, until: int | None) -> None:
        self.monitor = Monitor()
        self.slow = SlowGrading(shop.control.keeping(shop.store.add))
        self.gaps = Gaps(kept=shop.benches[stage.benchmark].spec.load.chunk_times)
        self._shop = shop
        self._stage = stage
        self._control = shop.control
        self._bench = shop.benches[stage.benchmark]
        self._lane = shop.lanes[stage.benchmark, stage.target]
        self._writer = Writer(self._bench.cases, self._lane, lengths=todo.lengths, said=todo.said)
        self._how = sending(shop, stage, todo.gate)
        self._tally = tally
        self._until = until
        self._begins = Progress(kind="sent", stage=stage)
        self._waits = not stage.warmup and any(named.slow for named in self._bench.scorers)
        self._later: list[Sample] = []
        self.finisher = Finisher(self._land)
        how = self._how
        self._once = how.attempts == 1 and how.gate is None and how.cache is None and stage.errors is None

    def items(self, mine: Iterable[list[Intent]]) -> Iterator[Outgoing]:
        """Yield the first turn of each line; a conversation that had broken off already is recorded so."""
        for line in mine:
            if self._writer.broken(line[0]):
                self._give_up(line, clock.now_ns() - self._shop.zero)
            else:
                yield self._writer.opened(line)

    def go_on(self) -> bool:
        """Tell whether to begin another request."""
        if self._control.draining:
            return False
        # A resume goes on with a stage that errors ended, but not with one whose time was up.
        tally, most = self._tally, self._stage.errors
        tally.time_up = self._until is not None and clock.now_ns() >= self._until
        return not (tally.time_up or (most is not None and tally.failed >= most))

    async def work(self, out: Outgoing, scheduled_at: int) -> None:
        """Send a request, and the turns that follow it."""
        if self._once and out.call is not None and not out.rest:
            if not await self._room(out):
                return
            self._begun(scheduled_at)
            self.finisher.add((out, scheduled_at, await fly(self._lane, out.call)))
            return
        sample = await self._send(out, scheduled_at)
        while out.rest and sample is not None:
            if not sample.ok:
                self._give_up(out.rest, sample.done_at or sample.scheduled_at)
                return
            out = self._writer.next(out, sample.text)
            answered = clock.now_ns() if sample.done_at is None else sample.done_at + self._shop.zero
            due = answered + self._writer.think_ns(out.intent)
            await sleep_until(due, self.go_on)
            if not self.go_on():
                return
            sample = await self._send(out, due)

    def _begun(self, scheduled_at: int) -> None:
        self.monitor.begun(scheduled_at, clock.now_ns() - scheduled_at)
        if self._control.heard:
            self._control.tell(self._begins)

    async def _room(self, out: Outgoing) -> bool:
        """Tell whether a request may be sent, as soon as its answer has room within the limits of the run."""
        purse = self._control.purse
        if purse is None:
            return True
        before = purse.held
        room = await purse.set_aside(out)
        self.monitor.held += purse.held > before
        return room

    def _land(self, item: tuple[Outgoing, int, Landed]) -> None:
        out, scheduled_at, what = item
        self._keep(out, landed(self._lane, out, self._how, what, scheduled_at=scheduled_at))

    async def _send(self, out: Outgoing, scheduled_at: int) -> Sample | None:
        """Return the sample of a request; None where it was not sent, as the run may send no more."""
        if not await self._room(out):
            return None
        self._begun(scheduled_at)
        sample = await send(self._lane, out, self._how, scheduled_at=scheduled_at)
        if self._keep(out, sample) is None:
            return None
        if self._later and not self._stage.measured:
            await self.grade_rest()
        return sample

    def _keep(self, out: Outgoing, sample: Sample) -> Sample | None:
        if held_back(sample):
            self._settle(out)
            return None
        if sample.sent_at is not None and sample.first_byte_at is not None and not sample.attempts:
            lag = sample.sent_at - sample.scheduled_at - sample.connect_ns
            took = (sample.done_at or sample.sent_at) - sample.sent_at
            self.monitor.sent(lag, took, merged=sample.first_chunks > 1)
        self._record(self.gaps.take(sample))
        self._settle(out)
        return sample

    def _settle(self, out: Outgoing) -> None:
        if self._control.purse is not None:
            self._control.purse.settle(out)

    async def grade_rest(self) -> None:
        """Begin to grade what slow scorers have not seen; in a measured load that waits for its end."""
        while self._later:
            sample = self._later.pop()
            await self.slow.begin(sample, self._bench.cases[sample.case], self._bench.scorers)

    def _record(self, sample: Sample) -> None:
        record_sample(self._shop, self._bench, self._stage, self._tally, sample)
        if self._waits:
            self._later.append(sample)

    def _give_up(self, rest: Iterable[Intent], at: int) -> None:
        """Record the turns of a conversation that cannot go on; `at` is ns since the run's zero."""
        for intent in rest:
            sample = Sample(
                benchmark=intent.benchmark,
                case=intent.case,
                target=intent.target,
                repeat=intent.repeat,
                stage=intent.stage,
                segment=self._how.segment,
                outcome="cancelled",
                scheduled_at=at,
                error="the turn before it failed",
            )
            self._record(sample)


async def _finish(shop: Workshop, stage: Stage, tally: Tally, monitor: Monitor, *, open_loop: bool) -> bool:
    shop.store.flush()
    shop.control.tell(Progress(kind="done", stage=stage, done=tally.done, total=tally.total))
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
    stage_event(shop, "stage_ended", stage, **facts)
    await asyncio.to_thread(shop.store.sync)
    return valid


@contextmanager
def _quiet_gc(*, on: bool) -> Generator[None]:
    """Keep the collector from walking everything that lives already, and make its rounds rare."""
    if not on:
        yield
        return
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_GC_FIRST, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def sending(shop: Workshop, stage: Stage, gate: Gate | None) -> Sending:
    """Return how the samples of a stage are taken; those whose times matter are never served."""
    timed = stage.measured or stage.warmup or stage.name == CALIBRATION
    rng = Random(derive_seed(stage.seed, stage.target, shop.segment, shop.share.index))
    return Sending(
        zero=shop.zero,
        segment=shop.segment,
        attempts=stage.attempts,
        gate=gate,
        rng=rng,
        cache=None if timed else shop.cache,
    )


def record_sample(shop: Workshop, bench: Bench, stage: Stage, tally: Tally, sample: Sample) -> None:
    """Store a sample, grade it, count it and tell of it."""
    shop.store.add(sample)
    passed = None
    if bench.scorers and not stage.warmup:
        scores = grade(sample, bench.cases[sample.case], bench.scorers)
        for score in scores:
            shop.store.add(score)
        passed = _right(scores[0], bench) if scores else None  # a slow one comes later
    tally.add(sample)
    if shop.control.heard:
        done, total = tally.done, tally.total
        shop.control.tell(
            Progress(kind="sample", stage=stage, sample=sample, done=done, total=total, passed=passed)
        )


def _right(score: Score, bench: Bench) -> bool | None:
    """Tell whether an answer is shown as right: what has no grade counts as in the results."""
    if score.passed is None and score.value is None and score.outcome != JUDGE_FAILED:
        return False if bench.spec.errors_count else None
    return score.passed


def stage_event(shop: Workshop, kind: str, stage: Stage, **facts: object) -> None:
    """Store an event of a stage."""
    where = {"benchmark": stage.benchmark, "target": stage.target, "stage": stage.name}
    shop.store.add(Event(kind=kind, at=clock.now_ns() - shop.zero, facts=where | facts))


def _timed(items: Iterator[Outgoing], *, resumed: bool) -> Iterator[tuple[int, Outgoing]]:
    """Yield due times; a resumed stage starts at once and keeps its gaps."""
    shift: int | None = None if resumed else 0
    for out in items:
        due = out.intent.due_ns or 0
        if shift is None:
            shift = due
        yield due - shift, out
