"""What a stored run tells a later process: what is done, what was said, learnt and spent."""

from typing import Any

import msgspec

from bakeoff.engine.memory import recall
from bakeoff.records import Case, Event, Plan, Sample, Stage
from bakeoff.words import LengthFeedback

S = 10**9
CASES = {"b": [Case(id="x"), Case(id="t.1"), Case(id="t.2", follows="t.1")]}


def plan(**fields: Any) -> Plan:
    shape: dict[str, Any] = {"name": "main", "benchmark": "b", "target": "t", "cases": ["x", "t.1", "t.2"]}
    stage = Stage(**(shape | {"requests": 3, "load": {}} | fields))
    return Plan(hash="h", seed=0, targets=[], stages=[stage])


def sample(case: str, outcome: str = "ok", **fields: Any) -> Sample:
    return Sample(benchmark="b", case=case, target="t", outcome=outcome, **fields)


def event(kind: str, at: int = 0, **facts: Any) -> Event:
    return Event(kind=kind, at=at, facts={"benchmark": "b", "target": "t", "stage": "main"} | facts)


def test_the_latest_sample_of_a_key_says_whether_it_is_done():
    samples = [sample("x", "error"), sample("x"), sample("t.1"), sample("t.1", "timeout")]
    assert recall(plan(), CASES, samples, []).done == {sample("x").key, sample("t.1").key}
    assert recall(plan(), CASES, samples, [], retry_failed=True).done == {sample("x").key}


def test_failures_of_a_load_are_its_result_and_are_not_sent_again():
    samples = [sample("x", "error"), sample("t.1", "timeout"), sample("t.2", "cancelled")]
    known = recall(plan(measured=True), CASES, samples, [], retry_failed=True).done
    assert known == {sample("x").key, sample("t.1").key}


def test_answers_are_kept_of_conversations_only():
    samples = [sample("x", text="a"), sample("t.1", text="b"), sample("t.2", "truncated", text="c")]
    assert recall(plan(), CASES, samples, []).said == {sample("t.1").key: "b", sample("t.2").key: None}


def test_a_stage_whose_time_was_up_is_done_with_what_it_has():
    ended = event("stage_ended", time_up=True)
    assert len(recall(plan(), CASES, [sample("x")], [ended]).done) == 3
    assert len(recall(plan(), CASES, [sample("x")], [event("stage_ended", time_up=False)]).done) == 1


def test_time_is_counted_per_process_up_to_its_end_or_its_last_sample():
    events = [
        event("stage_started", 10 * S),
        event("run_resumed", 20 * S),
        event("stage_started", 100 * S),
        event("stage_started", 101 * S),  # of a second process of the same segment
        event("stage_ended", 103 * S),
        event("stage_ended", 104 * S),
        event("run_resumed", 200 * S),
        event("stage_started", 300 * S),
    ]
    samples = [
        sample("x", done_at=12 * S),
        sample("t.1", "error", scheduled_at=13 * S),
        sample("x", done_at=103 * S, segment=1),
    ]
    place = ("b", "t", "main")
    assert recall(plan(seconds=60.0), CASES, samples, events).spent_ns == {place: 3 * S + 4 * S}
    assert recall(plan(), CASES, samples, events).spent_ns == {}


def test_learnt_lengths_come_back_as_they_were():
    learnt = LengthFeedback().observed(10, 17).observed(30, 39)
    told = event("lengths_learned", lengths=msgspec.to_builtins(learnt), overhead_tokens=learnt.overhead)
    assert recall(plan(), CASES, [], [told]).lengths == {("b", "t"): learnt}
