"""The start of a measured stage: nothing that takes long lies between it and the first request."""

import asyncio
import gc
from typing import Any

from tests.unit.engine.parts import ListStore, ScriptClient, answer, lane

from bakeoff import clock
from bakeoff.clock import Anchor
from bakeoff.engine.control import Control
from bakeoff.engine.runner import Engine
from bakeoff.engine.stage import Bench, Workshop
from bakeoff.plan import make_plan
from bakeoff.records import BenchmarkSpec, Case, Choice, Event, LoadSpec, ModelSpec, Spec, Stage, Target

CASES = [Case(id=f"c{n}", fields={"input": "2 + 2?"}) for n in range(3)]


class Watched(ScriptClient):
    """Notes when it is asked."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__(answer())
        self._seen = seen

    async def exchange(self, route: object, call: Any) -> Any:
        self._seen.append("send")
        return await super().exchange(route, call)


def run(seen: list[str]) -> ListStore:
    """Run an open loop of three requests and note its start and its sends."""
    load = LoadSpec(kind="constant", options={"rate": 200})
    benchmark = BenchmarkSpec(name="b", dataset=Choice(type="jsonl"), load=load, measured=True)
    spec = Spec(models=[ModelSpec(name="t")], benchmarks=[benchmark])
    plan = make_plan(spec, [Target(name="t", provider="openai_chat", model="m")], {"b": CASES})
    store = ListStore()

    async def agree(stage: Stage) -> int:
        del stage
        seen.append("start")
        return clock.now_ns()

    shop = Workshop(
        benches={"b": Bench(spec=benchmark, cases={case.id: case for case in CASES})},
        lanes={("b", "t"): lane(Watched(seen))},
        store=store,
        zero=Anchor.take().mono_ns,
        segment=0,
        control=Control(),
        agree=agree,
    )
    asyncio.run(Engine(plan, shop).run())
    return store


def test_memory_is_cleaned_up_before_the_start_and_not_after_it():
    seen: list[str] = []

    def collected(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            seen.append("collect")

    gc.callbacks.append(collected)
    try:
        run(seen)
    finally:
        gc.callbacks.remove(collected)
    start = seen.index("start")
    assert "collect" in seen[:start]
    assert seen[start + 1] == "send"


def test_the_check_of_an_open_loop_has_the_rate_that_was_asked_and_sent():
    store = run([])
    (ended,) = [event for event in store.of(Event) if event.kind == "stage_ended"]
    facts = ended.facts["check"]["facts"]
    assert round(facts["asked_rate"]) == 200
    assert 0 <= facts["sent_rate"] <= facts["asked_rate"] * 1.000001
