"""Conversations in the engine: whole lines, kept histories, recorded ends."""

import asyncio
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.parts import ListStore, Reply, ScriptClient, answer, lane, refusal

from bakeoff.clock import Anchor
from bakeoff.engine.control import Control
from bakeoff.engine.memory import Memory, climbed_steps
from bakeoff.engine.runner import Engine, step_stage
from bakeoff.engine.stage import Bench, Share, Workshop
from bakeoff.engine.turns import followed, lines
from bakeoff.plan import intents, make_plan
from bakeoff.records import (
    BenchmarkSpec,
    Case,
    Choice,
    Event,
    LoadSpec,
    Message,
    ModelSpec,
    Sample,
    Spec,
    Stage,
    Target,
)
from bakeoff.records.steps import Step


def chat(name: str, turns: int, think_s: float = 0.0) -> list[Case]:
    ids = [f"{name}.{n}" for n in range(1, turns + 1)]
    return [
        Case(id=own, fields={"input": f"ask {own}"}, follows=before, think_s=think_s, cluster=name)
        for before, own in zip([None, *ids], ids, strict=False)
    ]


class Talk:
    """One load benchmark of conversations, sent to a scripted client."""

    def __init__(self, cases: list[Case], *replies: Reply, seconds: float = 0.0, **load: Any) -> None:
        self.cases = cases
        self.client = ScriptClient(*(replies or (answer("yes"),)), seconds=seconds)
        options = {"kind": "concurrent", "options": {"concurrency": 1}} | load
        self.benchmark = BenchmarkSpec(
            name="b", dataset=Choice(type="jsonl"), measured=True, load=LoadSpec(**options)
        )
        self.targets = [Target(name="t", provider="openai_chat", model="m")]
        spec = Spec(models=[ModelSpec(name="t")], benchmarks=[self.benchmark])
        self.plan = make_plan(spec, self.targets, {"b": cases})
        self.store = ListStore()
        self.control = Control()

    def go(self, memory: Memory | None = None, share: Share | None = None) -> list[Sample]:
        shop = Workshop(
            benches={"b": Bench(spec=self.benchmark, cases={case.id: case for case in self.cases})},
            lanes={("b", "t"): lane(self.client)},
            store=self.store,
            zero=Anchor.take().mono_ns,
            segment=0,
            control=self.control,
            share=share or Share(),
        )
        asyncio.run(Engine(self.plan, shop, memory).run())
        return self.store.of(Sample)

    def asked(self) -> list[list[str]]:
        """Return what each request held, the roles as first letters."""
        bodies = [msgspec.json.decode(call.body)["messages"] for call in self.client.calls]
        return [[f"{m['role'][0]}:{m['content']}" for m in messages] for messages in bodies]


def key(case: str) -> tuple[str, str, str, int, str]:
    return ("b", case, "t", 0, "main")


def test_a_turn_holds_what_was_asked_and_answered_before():
    talk = Talk(chat("a", 3), answer("one"), answer("two"), answer("three"))
    assert [sample.text for sample in talk.go()] == ["one", "two", "three"]
    assert talk.asked() == [
        ["u:ask a.1"],
        ["u:ask a.1", "a:one", "u:ask a.2"],
        ["u:ask a.1", "a:one", "u:ask a.2", "a:two", "u:ask a.3"],
    ]


@pytest.mark.parametrize("reply", [refusal(500), answer("cut", broken="cut"), answer("")])
def test_a_turn_without_a_whole_answer_ends_its_conversation_only(reply):
    talk = Talk([*chat("a", 3), *chat("b", 2)], answer("one"), reply, answer("fine"))
    samples = talk.go()
    assert [sample.case for sample in samples] == ["a.1", "a.2", "a.3", "b.1", "b.2"]
    assert [sample.ok for sample in samples] == [True, False, False, True, True]
    last = samples[2]
    assert (last.outcome, last.error, last.sent_at) == ("cancelled", "the turn before it failed", None)
    assert last.scheduled_at == samples[1].done_at


def test_an_answer_cut_at_the_limit_is_not_whole():
    body = b'{"choices":[{"message":{"content":"half"},"finish_reason":"length"}]}'
    talk = Talk(chat("a", 2), answer(pieces=[body]))
    assert [sample.outcome for sample in talk.go()] == ["truncated", "cancelled"]


def test_a_resume_goes_on_where_the_conversation_was():
    talk = Talk(chat("a", 3), answer("three"))
    done = {key("a.1"), key("a.2")}
    (sample,) = talk.go(Memory(done=done, said={key("a.1"): "one", key("a.2"): "two"}))
    assert sample.case == "a.3"
    assert talk.asked() == [["u:ask a.1", "a:one", "u:ask a.2", "a:two", "u:ask a.3"]]


def test_what_follows_a_turn_that_is_tried_again_is_asked_again():
    talk = Talk(chat("a", 3), answer("new"))
    done = {key("a.1"), key("a.3")}
    samples = talk.go(Memory(done=done, said={key("a.1"): "one", key("a.3"): "old"}))
    assert [sample.case for sample in samples] == ["a.2", "a.3"]


def test_a_conversation_that_had_broken_off_before_a_kill_is_recorded_and_not_sent():
    talk = Talk([*chat("a", 3), *chat("b", 1)])
    samples = talk.go(Memory(done={key("a.1")}, said={key("a.1"): None}))
    assert [(s.case, s.outcome) for s in samples] == [
        ("a.2", "cancelled"),
        ("a.3", "cancelled"),
        ("b.1", "ok"),
    ]
    assert len(talk.client.calls) == 1


def test_draining_while_a_user_thinks_leaves_the_rest_for_a_resume():
    talk = Talk(chat("a", 3, think_s=600))
    talk.control = Control(lambda step: talk.control.drain() if step.kind == "sample" else None)
    assert [sample.case for sample in talk.go()] == ["a.1"]


def test_failures_within_conversations_count_for_the_limit_of_errors():
    talk = Talk([*chat("a", 3), *chat("b", 3)], refusal(500), errors=3)
    assert [sample.case for sample in talk.go()] == ["a.1", "a.2", "a.3"]


def test_an_open_loop_begins_conversations_at_its_rate_and_turns_after_their_pause():
    cases = [*chat("a", 2, think_s=0.01), *chat("b", 2, think_s=0.01), *chat("c", 1)]
    talk = Talk(cases, kind="constant", options={"rate": 50.0})
    talk.client = _LiveClient()
    samples = {sample.case: sample for sample in talk.go()}
    starts = [samples[name].scheduled_at for name in ("a.1", "b.1", "c.1")]
    assert [at - starts[0] for at in starts] == [0, 20_000_000, 40_000_000]
    for name in "ab":
        assert samples[f"{name}.2"].scheduled_at == (samples[f"{name}.1"].done_at or 0) + 10_000_000


class _LiveClient(ScriptClient):
    """Answers at once, with the time of now."""

    def __init__(self) -> None:
        super().__init__(answer("yes"))

    async def exchange(self, _route: object, call: object) -> Any:
        from bakeoff import clock

        now = clock.now_ns()
        del call
        return msgspec.structs.replace(answer("yes", at=now), stamps=[now])


def test_a_line_of_processes_shares_conversations_and_cuts_none():
    cases = [case for name in "abcde" for case in chat(name, 2)]
    load = {"options": {"concurrency": 2}}
    found = [[s.case for s in Talk(cases, **load).go(share=Share(index=n, of=2))] for n in range(2)]
    assert found == [["a.1", "a.2", "c.1", "c.2", "e.1", "e.2"], ["b.1", "b.2", "d.1", "d.2"]]


def test_a_process_without_a_place_in_the_loop_leaves_its_requests_to_the_others():
    cases = [case for name in "abc" for case in chat(name, 1)]
    found = [[s.case for s in Talk(cases).go(share=Share(index=n, of=3))] for n in range(3)]
    assert found == [["a.1", "b.1", "c.1"], [], []]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(1, 14), st.data())
def test_lines_hold_every_intent_once_and_never_two_conversations(sizes, requests, data):
    cases = [case for number, size in enumerate(sizes) for case in chat(str(number), size)]
    whole = {case.id: case for case in cases}
    stage = Stage(
        name="main", benchmark="b", target="t", cases=list(whole), requests=requests * len(cases), load={}
    )
    planned = list(intents(stage))
    kept = [intent for intent in planned if data.draw(st.booleans())]
    found = list(lines(kept, followed(whole)))
    assert [intent for line in found for intent in line] == kept
    for line in found:
        for before, after in pairwise(line):
            assert whole[after.case].follows == before.case
            assert after.repeat == before.repeat


def test_a_step_of_a_ladder_takes_whole_conversations_in_turn():
    cases = [*chat("a", 2), *chat("b", 1), *chat("c", 3)]
    stage = Stage(
        name="main", benchmark="b", target="t", cases=[c.id for c in cases], requests=6, load={}, ladder=True
    )
    follows = followed({case.id: case for case in cases})
    two = step_stage(stage, Step(name="s", load={}, requests=2), 2, follows)
    assert (two.cases, two.requests) == (["c.1", "c.2", "c.3", "a.1", "a.2"], 5)
    four = step_stage(stage, Step(name="s", load={}, requests=4), 0, follows)
    assert (len(four.cases), four.requests) == (6, 8)


def test_a_ladder_reckons_in_conversations():
    cases = [case for number in range(40) for case in chat(str(number), 4)]
    talk = Talk(cases, kind="sweep", options={"steps": 0, "concurrency": 2, "step_requests": 6})
    talk.client = _LiveClient()
    samples = talk.go()
    steps = climbed_steps(iter(talk.store.of(Event)))
    (first,) = [result for (_, _, name), result in steps.items() if name == "synchronous"]
    turns = sorted(s.done_at or 0 for s in samples if s.stage == "synchronous")
    assert first.sent == 4 * first.step.requests == len(turns)
    assert first.request_rate is not None
    per_second = len(turns) / ((turns[-1] - turns[0]) / 1e9)
    assert first.request_rate < per_second / 2


def test_a_stage_with_time_left_goes_on_only_that_long():
    talk = Talk(chat("a", 1), seconds=0.0)
    talk.plan = msgspec.structs.replace(
        talk.plan, stages=[msgspec.structs.replace(talk.plan.stages[0], seconds=5.0)]
    )
    place = ("b", "t", "main")
    assert talk.go(Memory(spent_ns={place: 5 * 10**9})) == []
    ended = [event.facts for event in talk.store.of(Event) if event.kind == "stage_ended"]
    assert ended[0]["time_up"]
    assert len(talk.go(Memory(spent_ns={place: 10**9}))) == 1


def test_a_message_of_images_stays_within_its_turn():
    picture = Message(role="user", content=[{"type": "text", "text": "see"}])
    cases = [
        msgspec.structs.replace(case, messages=(picture,), fields={"prompt": "see"}) for case in chat("a", 2)
    ]
    talk = Talk(cases, answer("one"), answer("two"))
    talk.go()
    part = "u:[{'type': 'text', 'text': 'see'}]"
    assert talk.asked()[1] == [part, "a:one", part]
