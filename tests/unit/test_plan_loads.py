"""What a load adds to a plan: conversations, warm-ups by time, and prompts of an asked length."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_plan import benchmark, cases, plan_of, spec_of, target

from bakeoff.plan import TIMED_REQUESTS, calibration_cases, intents, make_plan, request_count
from bakeoff.records import BenchmarkSpec, Case, LoadSpec, Plan, Stage


def talks(sizes: list[int]) -> list[Case]:
    """Return conversations of so many turns."""
    found: list[Case] = []
    for number, size in enumerate(sizes):
        names = [f"{number}.{turn}" for turn in range(size)]
        found += [
            Case(id=name, fields={"input": name}, follows=before)
            for before, name in zip([None, *names], names, strict=False)
        ]
    return found


def plan_of_talks(one: BenchmarkSpec, sizes: list[int], *, targets: int = 1) -> Plan:
    return make_plan(spec_of(one), [target(f"t{n}") for n in range(targets)], {one.name: talks(sizes)})


@given(st.lists(st.integers(1, 4), min_size=1, max_size=9), st.none() | st.integers(1, 30), st.integers(1, 3))
def test_a_quality_benchmark_cuts_no_conversation(sizes, requests, targets):
    one = benchmark(load=LoadSpec(requests=requests))
    plan = plan_of_talks(one, sizes, targets=targets)
    follows = {case.id: case.follows for case in talks(sizes)}
    begun = 0
    for stage in plan.stages:
        before: str | None = None
        for intent in intents(stage):
            assert follows[intent.case] in {None, before}
            before = intent.case
            begun += follows[intent.case] is None
        assert before not in follows.values(), "the last conversation is cut"
    assert begun == targets * (requests or len(sizes))


def test_requests_and_warm_up_of_a_load_count_conversations():
    one = benchmark(measured=True, load=LoadSpec(requests=5, warmup=1))
    warm, main = plan_of_talks(one, [2, 1, 3, 1]).stages
    assert (warm.cases, warm.requests) == (["0.0", "0.1"], 2)
    assert (main.cases, main.requests) == (["1.0", "2.0", "2.1", "2.2", "3.0"], 5 + 1 + 3)


def test_all_turns_bear_the_time_at_which_their_conversation_begins():
    stage = Stage(name="main", benchmark="b", target="t", cases=["a", "a2", "b"], requests=5, load={})
    found = list(intents(stage, [10, 20, 30], {"a2"}))
    assert [(i.case, i.repeat, i.due_ns) for i in found] == [
        ("a", 0, 10),
        ("a2", 0, 10),
        ("b", 0, 20),
        ("a", 1, 30),
        ("a2", 1, 30),
    ]


def test_a_warm_up_by_time_has_the_loads_own_pattern_and_ends_by_the_clock():
    load = LoadSpec(kind="constant", options={"rate": 10.0}, requests=40, seconds=9.0, warmup_seconds=2.0)
    warm, main = plan_of(benchmark(measured=True, load=load), targets=1, count=60).stages
    assert (warm.name, warm.warmup, warm.seconds, warm.load) == (
        "warmup",
        True,
        2.0,
        {"kind": "constant", "rate": 10.0},
    )
    assert 20 <= warm.requests <= 60
    assert (main.seconds, main.requests) == (9.0, 40)
    assert not set(warm.cases) & set(main.cases)


def test_a_warm_up_by_time_of_a_closed_loop_has_requests_enough_unless_they_are_bounded():
    load = LoadSpec(options={"concurrency": 2}, warmup_seconds=3.0)
    warm, main = plan_of(benchmark(measured=True, load=load), targets=1, count=60).stages
    assert (warm.requests, len(warm.cases), main.requests) == (3000, 30, 30)
    bounded = msgspec.structs.replace(load, warmup=7)
    warm, _ = plan_of(benchmark(measured=True, load=bounded), targets=1, count=60).stages
    assert (warm.requests, warm.seconds) == (7, 3.0)


def test_a_warm_up_by_time_at_a_high_rate_is_bounded():
    load = LoadSpec(kind="poisson", options={"rate": 1e6}, warmup_seconds=1.0)
    warm, _ = plan_of(benchmark(measured=True, load=load), targets=1).stages
    assert warm.requests == TIMED_REQUESTS


@pytest.mark.parametrize(
    ("load", "count"),
    [
        (LoadSpec(requests=20, warmup_seconds=5.0), 120),
        (LoadSpec(requests=20, warmup=300, warmup_seconds=5.0), 320),
        (LoadSpec(kind="constant", options={"rate": 1.0}, requests=20, warmup_seconds=4.0), 20 + 4 + 8 + 1),
    ],
)
def test_an_endless_data_set_gives_prompts_for_a_warm_up_by_time(load, count):
    assert request_count(benchmark(measured=True, load=load)) == count


def prompts(lengths: list[int]) -> list[Case]:
    return [
        Case(id=f"p{n}", fields={"prompt": " ".join(["word"] * length)}, prompt_tokens=length)
        for n, length in enumerate(lengths)
    ]


def test_prompts_of_an_asked_length_are_calibrated_before_anything_else():
    one = benchmark(measured=True, load=LoadSpec(seconds=5.0, errors=1))
    asked = prompts([10, 20, 30, 40, 500])
    other = benchmark(name="a")
    spec = spec_of(other, one)
    plan = make_plan(spec, [target("t0"), target("t1")], {"b": asked, "a": cases(2)})
    first, second, *rest = plan.stages
    assert [(stage.benchmark, stage.target) for stage in (first, second)] == [("b", "t0"), ("b", "t1")]
    assert (first.name, first.warmup, first.measured, first.load) == (
        "calibration",
        True,
        False,
        {"kind": "sequential"},
    )
    assert (first.seconds, first.errors, first.attempts, first.requests) == (None, None, 2, 4)
    assert "calibration" not in {stage.name for stage in rest}
    trials = calibration_cases(one, asked, 0)
    assert [case.id for case in trials] == first.cases
    assert [case.prompt_tokens for case in trials] == [30, 500, 10, 30]
    assert {case.output_tokens for case in trials} == {1}
    assert len({case.fields["prompt"] for case in trials}) == 4


def test_nothing_is_calibrated_where_no_prompt_can_be_fitted_or_nothing_is_measured():
    assert calibration_cases(benchmark(measured=True), cases(3), 0) == []
    assert calibration_cases(benchmark(), prompts([10]), 0) == []
    assert len(calibration_cases(benchmark(measured=True), prompts([10]), 0)) == 4


def test_calibration_changes_no_hash_but_the_asked_length_does():
    one = benchmark(measured=True)
    hashes = {make_plan(spec_of(one), [target("t0")], {"b": prompts([n])}).hash for n in (10, 10, 11)}
    assert len(hashes) == 2
