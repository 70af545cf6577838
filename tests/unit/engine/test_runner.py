"""A plan is sent stage by stage; every sample is stored, graded and told; what fails stops it all."""

import asyncio
from collections import Counter
from collections.abc import Set
from typing import Any

import msgspec
import pytest
from tests.unit.engine.parts import ListStore, ScriptClient, answer, lane, refusal

from bakeoff.clock import Anchor
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.grading import NamedScorer
from bakeoff.engine.memory import Memory, climbed_steps
from bakeoff.engine.race import Look
from bakeoff.engine.runner import Engine
from bakeoff.engine.stage import Bench, Workshop
from bakeoff.errors import StoreError, WireError
from bakeoff.plan import intents, make_plan
from bakeoff.records import (
    BenchmarkSpec,
    Case,
    Choice,
    Event,
    LoadSpec,
    ModelSpec,
    Plan,
    Sample,
    Score,
    Spec,
    StageCheck,
    Target,
)
from bakeoff.records.steps import StepResult
from bakeoff.scorers.exact import Exact

CASES = [Case(id=f"c{n}", fields={"input": "2 + 2?"}, reference="4") for n in range(6)]


class Run:
    """One benchmark for one or two targets, and what became of it."""

    def __init__(self, client: ScriptClient, *, targets: int = 1, **fields: Any) -> None:
        self.store = ListStore()
        self.memory = Memory()
        self.look: Look | None = None
        self.progress: list[Progress] = []
        self.control = Control(self.progress.append)
        load = fields.pop("load", LoadSpec(options={"concurrency": 2}))
        self.benchmark = BenchmarkSpec(
            **({"name": "b", "dataset": Choice(type="jsonl"), "load": load} | fields)
        )
        names = [f"t{n}" for n in range(targets)]
        spec = Spec(models=[ModelSpec(name=name) for name in names], benchmarks=[self.benchmark])
        asked = [Target(name=name, provider="openai_chat", model="m") for name in names]
        self.plan: Plan = make_plan(spec, asked, {"b": CASES})
        self.lanes = {("b", name): lane(client) for name in names}

    def go(self, done: Set[Any] = frozenset(), *, segment: int = 0) -> ListStore:
        """Send what is not done."""
        self.memory = msgspec.structs.replace(self.memory, done=done)
        asyncio.run(self.engine(segment).run())
        return self.store

    def engine(self, segment: int = 0) -> Engine:
        """Return the engine."""
        bench = Bench(
            spec=self.benchmark,
            cases={case.id: case for case in CASES},
            scorers=(NamedScorer(name="exact", scorer=Exact()),) if self.benchmark.scorers else (),
        )
        shop = Workshop(
            benches={"b": bench},
            lanes=self.lanes,
            store=self.store,
            zero=Anchor.take().mono_ns,
            segment=segment,
            control=self.control,
        )
        return Engine(self.plan, shop, self.memory, self.look)

    def ended(self) -> list[dict[str, Any]]:
        """Return the facts of the stages that ended."""
        return [event.facts for event in self.store.of(Event) if event.kind == "stage_ended"]


def test_every_intent_becomes_one_sample_and_stages_are_framed_by_events():
    run = Run(ScriptClient(answer()), targets=2)
    samples: list[Sample] = run.go().of(Sample)
    wanted = [intent.key for stage in run.plan.stages for intent in intents(stage)]
    assert Counter(sample.key for sample in samples) == Counter(wanted)
    kinds = [event.kind for event in run.store.of(Event)]
    assert kinds == ["stage_started", "stage_ended"] * len(run.plan.stages)
    assert run.store.synced >= len(run.plan.stages)


def test_a_sample_is_stored_before_its_scores():
    store = Run(ScriptClient(answer()), scorers=[Choice(type="exact")]).go()
    kinds = [type(record) for record in store.records if not isinstance(record, Event)]
    assert kinds == [Sample, Score] * len(CASES)


def test_only_what_is_missing_is_sent_and_told_with_the_earlier_count():
    run = Run(ScriptClient(answer()))
    done = {intent.key for stage in run.plan.stages for intent in list(intents(stage))[:4]}
    samples: list[Sample] = run.go(done, segment=2).of(Sample)
    assert [sample.case for sample in samples] == ["c4", "c5"]
    assert {sample.segment for sample in samples} == {2}
    told = [(p.kind, p.done, p.total) for p in run.progress if p.kind not in {"sent", "tick"}]
    assert told == [("stage", 4, 6), ("sample", 5, 6), ("sample", 6, 6), ("done", 6, 6)]


def test_a_stage_that_is_done_is_not_begun():
    run = Run(ScriptClient(answer()))
    done = {intent.key for stage in run.plan.stages for intent in intents(stage)}
    assert run.go(done).records == []


def test_progress_says_whether_the_answer_was_right():
    run = Run(ScriptClient(answer("4"), answer("5")), scorers=[Choice(type="exact")], load=LoadSpec())
    run.go()
    passed = [p.passed for p in run.progress if p.kind == "sample"]
    assert Counter(passed) == {True: 1, False: 5}


def test_a_warm_up_is_stored_and_not_graded():
    run = Run(ScriptClient(answer()), measured=True, load=LoadSpec(warmup=2), scorers=[Choice(type="exact")])
    store = run.go()
    assert Counter(sample.stage for sample in store.of(Sample)) == {"warmup": 2, "main": 4}
    assert {score.stage for score in store.of(Score)} == {"main"}


def test_a_measured_stage_is_grouped_and_its_client_checked():
    run = Run(ScriptClient(answer()), measured=True)
    store = run.go()
    assert store.groups == [True, False]
    check = msgspec.convert(run.ended()[0]["check"], StageCheck)
    assert (check.benchmark, check.target, check.stage) == ("b", "t0", "main")
    assert check.facts["stamped_by"] == "kernel"


def test_a_quality_stage_is_neither_grouped_nor_checked():
    run = Run(ScriptClient(answer()))
    assert True not in run.go().groups
    assert "check" not in run.ended()[0]


def test_the_lag_of_a_request_that_was_tried_again_is_not_the_clients():
    client = ScriptClient(WireError("reset", "gone"), answer(at=10**15))
    run = Run(client, measured=True, attempts=2, load=LoadSpec(kind="constant", options={"rate": 1000.0}))
    run.plan = msgspec.structs.replace(
        run.plan, stages=[msgspec.structs.replace(run.plan.stages[0], requests=1)]
    )
    run.go()
    assert msgspec.convert(run.ended()[0]["check"], StageCheck).facts["lag_p99_s"] is None


def test_an_open_loop_sends_at_the_times_of_its_load():
    run = Run(ScriptClient(answer()), measured=True, load=LoadSpec(kind="constant", options={"rate": 100.0}))
    samples: list[Sample] = run.go().of(Sample)
    due = [sample.scheduled_at for sample in samples]
    assert [at - due[0] for at in due] == [10_000_000 * n for n in range(6)]


def test_a_resumed_open_loop_starts_at_once_and_keeps_its_gaps():
    run = Run(ScriptClient(answer()), measured=True, load=LoadSpec(kind="constant", options={"rate": 1.0}))
    done = {intent.key for intent in list(intents(run.plan.stages[0]))[:4]}
    anchor = Anchor.take()
    samples: list[Sample] = run.go(done).of(Sample)
    first, second = (sample.scheduled_at for sample in samples)
    assert second - first == 1_000_000_000
    assert first < 4_000_000_000
    assert anchor.mono_ns > 0


def test_the_number_of_errors_ends_a_stage_which_a_resume_goes_on_with():
    client = ScriptClient(WireError("dns", "no such host"))
    run = Run(client, load=LoadSpec(errors=2, options={"concurrency": 1}))
    samples: list[Sample] = run.go().of(Sample)
    assert len(samples) == 2
    (facts,) = run.ended()
    assert (facts["failed"], facts["time_up"], facts["planned"]) == (2, False, 6)


def test_the_time_ends_a_stage_and_says_so():
    client = ScriptClient(answer(), seconds=0.05)
    run = Run(client, load=LoadSpec(seconds=0.08, options={"concurrency": 1}))
    assert 1 <= len(run.go().of(Sample)) <= 3
    assert run.ended()[0]["time_up"]


def test_a_stage_that_was_sent_whole_did_not_run_out_of_time():
    run = Run(ScriptClient(answer()), load=LoadSpec(seconds=60, errors=9))
    run.go()
    assert not run.ended()[0]["time_up"]


def test_draining_ends_what_is_in_flight_and_starts_no_stage():
    run = Run(ScriptClient(answer(), seconds=0.01), targets=2, measured=True)

    def tell(step: Progress) -> None:
        if step.kind == "sample":
            run.control.drain()

    run.control.tell = tell
    samples: list[Sample] = run.go().of(Sample)
    assert {sample.target for sample in samples} == {"t0"}
    assert 1 <= len(samples) <= 4  # two were finished, two more had gone out by then
    (facts,) = run.ended()
    assert not facts["time_up"]
    assert "check" not in facts


def test_a_store_that_cannot_write_stops_the_run_with_its_own_error():
    run = Run(ScriptClient(answer()))
    run.store.fail_add = StoreError("cannot write: no space left")
    with pytest.raises(StoreError, match="no space left"):
        run.go()


def test_a_group_that_cannot_be_written_in_the_background_stops_the_run():
    run = Run(ScriptClient(answer(), seconds=0.2), measured=True)
    run.store.fail_flush = StoreError("cannot write: no space left")
    with pytest.raises(StoreError, match="no space left"):
        run.go()
    assert len(run.store.of(Sample)) < len(CASES)


def test_the_disk_confirms_while_a_stage_runs():
    run = Run(ScriptClient(answer(), seconds=0.4), load=LoadSpec(options={"concurrency": 2}))
    run.go()
    assert run.store.synced >= 3


def test_cancelling_passes_through_and_leaves_the_store_synced():
    run = Run(ScriptClient(answer(), seconds=30))

    async def work() -> None:
        task = asyncio.create_task(run.engine().run())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    assert run.store.synced == 1
    assert run.store.of(Sample) == []


def test_a_closed_loop_has_as_many_in_flight_as_was_asked():
    client = ScriptClient(answer(), seconds=0.005)
    Run(client, targets=2).go()
    assert client.most == 2


def test_a_throttled_quality_run_answers_everything_and_keeps_the_tries():
    client = ScriptClient(*[refusal(429, b"", retry_after_ms="1")] * 4, answer(), seconds=0.005)
    run = Run(client, load=LoadSpec(options={"concurrency": 6}), targets=2)
    run.lanes = {key: lane(client) for key in run.lanes}
    samples: list[Sample] = run.go().of(Sample)
    assert {sample.outcome for sample in samples} == {"ok"}
    assert sum(len(sample.attempts) for sample in samples) == 4


def sweep(client: ScriptClient, climbed: dict[tuple[str, str, str], StepResult] | None = None) -> Run:
    load = LoadSpec(kind="sweep", options={"steps": 2, "concurrency": 2, "step_requests": 5})
    run = Run(client, measured=True, load=load)
    run.memory = Memory(climbed=climbed or {})
    run.go()
    return run


def test_a_ladder_is_climbed_step_by_step_and_each_result_is_kept():
    run = sweep(ScriptClient(answer(), seconds=0.01))
    steps = climbed_steps(iter(run.store.of(Event)))
    names = [name for _, _, name in steps]
    assert names[:2] == ["synchronous", "throughput"]
    assert all(result.sent == result.step.requests for result in steps.values())
    assert {sample.stage for sample in run.store.of(Sample)} == set(names)


def test_a_step_that_an_earlier_process_finished_is_not_taken_again():
    first = sweep(ScriptClient(answer(), seconds=0.01))
    known = climbed_steps(iter(first.store.of(Event)))
    again = sweep(ScriptClient(answer(), seconds=0.01), known)
    assert again.store.of(Sample) == []


def test_a_step_that_was_drained_has_no_result():
    client = ScriptClient(answer(), seconds=0.01)
    load = LoadSpec(kind="sweep", options={"step_requests": 9})
    run = Run(client, measured=True, load=load)
    run.control.tell = lambda step: run.control.drain() if step.kind == "sample" else None
    run.go()
    assert climbed_steps(iter(run.store.of(Event))) == {}
    assert 1 <= len(run.store.of(Sample)) <= 2
