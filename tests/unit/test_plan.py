"""The plan: every request once, in a fair order, and a hash that names exactly these requests."""

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.plan import TIMED_CASES, derive_seed, intents, make_plan, request_count, schedule_rng
from bakeoff.records import (
    BenchmarkSpec,
    Case,
    Choice,
    DecideSpec,
    LoadSpec,
    ModelSpec,
    Plan,
    Price,
    PromptSpec,
    Sampling,
    SloSpec,
    Spec,
    Stage,
    Target,
)

DATA = Choice(type="jsonl")


def benchmark(**fields: Any) -> BenchmarkSpec:
    return BenchmarkSpec(**({"name": "b", "dataset": DATA} | fields))


def cases(count: int) -> list[Case]:
    return [Case(id=f"c{n}", fields={"input": str(n)}, line=n + 1) for n in range(count)]


def target(name: str, **fields: Any) -> Target:
    return Target(**({"name": name, "provider": "openai_chat", "model": name} | fields))


def spec_of(*benchmarks: BenchmarkSpec, **fields: Any) -> Spec:
    return Spec(models=[ModelSpec(name="t0"), ModelSpec(name="t1")], benchmarks=list(benchmarks), **fields)


def plan_of(one: BenchmarkSpec, *, targets: int = 2, count: int = 10, seed: int = 0) -> Plan:
    return make_plan(
        spec_of(one, seed=seed), [target(f"t{n}") for n in range(targets)], {one.name: cases(count)}
    )


def keys(plan: Plan) -> list[tuple[str, str, str, int, str]]:
    return [intent.key for stage in plan.stages for intent in intents(stage)]


@given(targets=st.integers(1, 5), count=st.integers(1, 30), repeats=st.integers(1, 4))
def test_every_case_is_asked_of_every_target_once_per_repeat(targets, count, repeats):
    found = keys(plan_of(benchmark(repeats=repeats), targets=targets, count=count))
    wanted = {
        ("b", f"c{c}", f"t{t}", r, "main")
        for c in range(count)
        for t in range(targets)
        for r in range(repeats)
    }
    assert len(found) == len(set(found))
    assert set(found) == wanted


@given(
    targets=st.integers(1, 4),
    count=st.integers(1, 20),
    warmup=st.integers(0, 30),
    requests=st.none() | st.integers(1, 60),
)
def test_a_measured_load_sends_what_was_asked_and_no_key_twice(targets, count, warmup, requests):
    one = benchmark(measured=True, load=LoadSpec(requests=requests, warmup=warmup))
    plan = plan_of(one, targets=targets, count=count)
    found = keys(plan)
    assert len(found) == len(set(found))
    by_stage = Counter((key[2], key[4]) for key in found)
    main = requests or count - min(warmup, count // 2)
    for n in range(targets):
        assert by_stage[f"t{n}", "main"] == main
        assert by_stage[f"t{n}", "warmup"] == warmup
    assert all(stage.warmup == (stage.name == "warmup") for stage in plan.stages)


@given(targets=st.integers(1, 4), count=st.integers(1, 20), requests=st.integers(1, 70))
def test_a_quality_benchmark_stops_after_its_requests_and_deals_them_out_evenly(targets, count, requests):
    plan = plan_of(benchmark(load=LoadSpec(requests=requests), repeats=3), targets=targets, count=count)
    found = keys(plan)
    assert len(found) == len(set(found)) == requests * targets
    asked = Counter(key[1] for key in found if key[2] == "t0")
    times = [asked[case.id] for case in cases(count)]
    assert max(times) - min(times) <= 1
    assert times == sorted(times, reverse=True)


def test_targets_take_turns_and_none_always_goes_first():
    plan = plan_of(benchmark(), targets=2, count=8)
    assert [stage.target for stage in plan.stages] == ["t0", "t1", "t1", "t0", "t0", "t1", "t1", "t0"]
    assert [len(stage.cases) for stage in plan.stages] == [2] * 8


def test_a_single_target_and_a_limit_of_time_or_errors_are_asked_in_one_piece():
    assert len(plan_of(benchmark(), targets=1).stages) == 1
    assert len(plan_of(benchmark(load=LoadSpec(seconds=5)), targets=3).stages) == 3
    assert len(plan_of(benchmark(load=LoadSpec(errors=5)), targets=3).stages) == 3


def test_blocks_share_a_seed_over_targets_so_that_both_get_the_same_arrivals():
    stages = plan_of(benchmark(), targets=2, count=8).stages
    assert len({stage.seed for stage in stages}) == 4
    measured = plan_of(benchmark(measured=True), targets=3).stages
    assert len({stage.seed for stage in measured}) == 1
    assert schedule_rng(measured[0]).random() == schedule_rng(measured[1]).random()


@pytest.mark.parametrize("measured", [True, False])
def test_a_benchmark_asks_only_the_models_that_it_names(measured):
    plan = plan_of(benchmark(measured=measured, models=["t1"]), targets=3)
    assert {stage.target for stage in plan.stages} == {"t1"}


def test_the_warm_up_has_cases_of_its_own_where_there_are_enough():
    warm, main = plan_of(benchmark(measured=True, load=LoadSpec(warmup=3)), targets=1).stages
    assert (warm.cases, warm.requests) == (["c0", "c1", "c2"], 3)
    assert main.cases == [f"c{n}" for n in range(3, 10)]


def test_the_warm_up_leaves_the_load_half_of_the_cases_and_takes_the_only_one():
    warm, main = plan_of(benchmark(measured=True, load=LoadSpec(warmup=50)), targets=1).stages
    assert (len(warm.cases), warm.requests, len(main.cases)) == (5, 50, 5)
    warm, main = plan_of(benchmark(measured=True, load=LoadSpec(warmup=2)), targets=1, count=1).stages
    assert (warm.cases, warm.requests, main.cases) == (["c0"], 2, ["c0"])


def test_a_measured_load_repeats_its_cases_when_asked():
    (main,) = plan_of(benchmark(measured=True, repeats=3), targets=1, count=4).stages
    assert main.requests == 12
    assert [intent.repeat for intent in intents(main)] == [0] * 4 + [1] * 4 + [2] * 4


def test_a_quality_benchmark_may_try_again_and_a_load_may_not():
    assert plan_of(benchmark()).stages[0].attempts == 8
    assert plan_of(benchmark(measured=True)).stages[0].attempts == 1
    assert plan_of(benchmark(attempts=3, measured=True)).stages[0].attempts == 3


def test_stages_carry_the_load_and_its_limits():
    load = LoadSpec(kind="constant", seconds=3.5, errors=4, options={"rate": 5.0})
    stage = plan_of(benchmark(load=load, measured=True)).stages[0]
    assert stage.load == {"kind": "constant", "rate": 5.0}
    assert (stage.seconds, stage.errors, stage.measured) == (3.5, 4, True)


def test_due_times_go_to_the_intents_in_order():
    stage = Stage(name="main", benchmark="b", target="t", cases=["a", "b"], requests=3, load={}, repeat0=2)
    found = list(intents(stage, [10, 20, 30]))
    assert [(i.case, i.repeat, i.due_ns) for i in found] == [("a", 2, 10), ("b", 2, 20), ("a", 3, 30)]
    assert [intent.due_ns for intent in intents(stage)] == [None] * 3


@pytest.mark.parametrize(
    ("one", "count"),
    [
        (benchmark(), None),
        (benchmark(limit=7), 7),
        (benchmark(load=LoadSpec(requests=9)), 9),
        (benchmark(measured=True), 100),
        (benchmark(measured=True, limit=7, load=LoadSpec(warmup=2)), 9),
        (benchmark(measured=True, limit=7, load=LoadSpec(requests=20, warmup=2)), 22),
    ],
)
def test_an_endless_data_set_gives_as_many_cases_as_are_sent(one, count):
    assert request_count(one) == count


@given(seed=st.integers(0, 1 << 40), count=st.integers(1, 9))
def test_the_same_spec_and_seed_give_the_same_plan(seed, count):
    assert plan_of(benchmark(), seed=seed, count=count) == plan_of(benchmark(), seed=seed, count=count)


def hash_with(
    *, asked: dict[str, Any] | None = None, of: dict[str, Any] | None = None, spec: Spec | None = None
) -> str:
    targets = [target("t0", **(of or {})), target("t1")]
    spec = spec or spec_of(benchmark(**(asked or {})))
    return make_plan(spec, targets, {"b": cases(4)}).hash


@pytest.mark.parametrize(
    "asked",
    [
        {"version": "2"},
        {"repeats": 2},
        {"prompt": PromptSpec(template="{{ input }}!")},
        {"prompt": PromptSpec(few_shot=[{"input": "1"}])},
        {"params": {"temperature": 1.0}},
        {"load": LoadSpec(requests=3)},
        {"load": LoadSpec(kind="constant", options={"rate": 2.0})},
        {"measured": True},
        {"attempts": 2},
        {"models": ["t0"]},
    ],
)
def test_what_changes_the_requests_changes_the_hash(asked):
    assert hash_with(asked=asked) != hash_with()


@pytest.mark.parametrize(
    "of",
    [
        {"model": "other"},
        {"endpoint": "http://127.0.0.1:1/v1"},
        {"source": "other.gguf"},
        {"engine": "llama.cpp b1"},
        {"precision": "Q4"},
        {"provider": "openai_completions"},
        {"sampling": Sampling(temperature=0.1)},
        {"stream": False},
        {"chat_template": False},
    ],
)
def test_who_is_asked_changes_the_hash(of):
    assert hash_with(of=of) != hash_with()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"sampling": Sampling(max_tokens=9)},
        {"models": [ModelSpec(name="t0", provider=Choice(type="p", options={"x": 1})), ModelSpec(name="t1")]},
        {
            "models": [
                ModelSpec(name="t0", deploy=Choice(type="d", options={"slots": 2})),
                ModelSpec(name="t1"),
            ]
        },
    ],
)
def test_what_holds_for_the_whole_run_changes_the_hash(changes):
    assert hash_with(spec=msgspec.structs.replace(spec_of(benchmark()), **changes)) != hash_with()


@pytest.mark.parametrize(
    "changed",
    [
        [Case(id="c0", fields={"input": "other"})],
        [Case(id="x", fields={"input": "0"})],
        [Case(id="c0", fields={"input": "0"}, reference="r")],
        [*cases(1), *cases(1)],
    ],
)
def test_other_cases_change_the_hash(changed):
    spec, targets = spec_of(benchmark()), [target("t0")]
    assert make_plan(spec, targets, {"b": changed}).hash != make_plan(spec, targets, {"b": cases(1)}).hash


@pytest.mark.parametrize(
    "asked",
    [
        {"scorers": [Choice(type="exact")]},
        {"metrics": ["ttft"]},
        {"slo": SloSpec(ttft=1.0)},
        {"errors_count": False},
    ],
)
def test_how_answers_are_judged_does_not_change_the_hash(asked):
    assert hash_with(asked=asked) == hash_with()


def test_the_decision_the_prices_and_notes_do_not_change_the_hash():
    spec = spec_of(benchmark(), name="other", decide=DecideSpec(incumbent="t0"), error_tolerance=0.5)
    assert hash_with(spec=spec) == hash_with()
    assert hash_with(of={"price": Price(input=Decimal("2.5")), "notes": ("a base model",)}) == hash_with()


def test_where_a_case_stood_in_its_file_does_not_change_the_hash():
    moved = [msgspec.structs.replace(case, line=case.line + 5) for case in cases(3)]
    spec, targets = spec_of(benchmark()), [target("t0")]
    assert make_plan(spec, targets, {"b": moved}).hash == make_plan(spec, targets, {"b": cases(3)}).hash


def test_a_plan_survives_its_file():
    plan = plan_of(benchmark(measured=True, load=LoadSpec(warmup=1, seconds=2)), targets=2)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


@given(st.lists(st.integers() | st.text(), min_size=1, max_size=4))
def test_a_derived_seed_depends_on_every_part(parts):
    seed = derive_seed(*parts)
    assert 0 <= seed < 1 << 64
    assert derive_seed(*parts) == seed
    assert derive_seed(*parts, "more") != seed


SWEEP = LoadSpec(kind="sweep", options={"steps": 1, "concurrency": 2, "step_requests": 5}, warmup=2)


def test_a_ladder_is_one_stage_with_as_many_requests_as_all_its_steps_may_send():
    one = benchmark(measured=True, load=SWEEP)
    assert request_count(one) == 2 + 20 + 5 + 5
    warm, main = plan_of(one, targets=1).stages
    assert (main.ladder, main.load["kind"]) == (True, "sweep")
    assert (warm.ladder, warm.warmup, warm.load["kind"]) == (False, True, "concurrent")


def test_a_load_from_a_file_is_named_by_its_content_not_by_its_place(tmp_path):
    def hash_of(name: str, at: int) -> str:
        path = tmp_path / name
        path.write_text(f'{{"timestamp": {at}, "input_length": 7, "output_length": 5}}\n')
        return hash_with(asked={"load": LoadSpec(kind="trace", options={"path": str(path)})})

    assert hash_of("a.jsonl", 0) == hash_of("b.jsonl", 0) != hash_of("a.jsonl", 9)


@pytest.mark.parametrize(
    ("kind", "options", "seconds", "least", "most"),
    [
        ("constant", {"rate": 20.0}, 30.0, 600, 700),
        ("constant", {"rate": 2000.0}, 3.0, 6000, 6400),
        ("poisson", {"rate": 20.0}, 30.0, 560, 760),
        ("poisson", {"rate": 0.001}, 1.0, 1, 8),
        ("concurrent", {"concurrency": 4}, 2.5, 2500, 2500),
        ("concurrent", {"concurrency": 4}, 3600.0, 200_000, 200_000),
        ("constant", {"rate": 50_000.0}, 600.0, 200_000, 200_000),
    ],
)
def test_a_load_that_ends_by_time_has_requests_for_all_of_it(kind, options, seconds, least, most):
    load = LoadSpec(kind=kind, options=options, seconds=seconds)
    assert least <= plan_of(benchmark(measured=True, load=load), count=10).stages[-1].requests <= most


def test_a_load_with_a_number_or_a_length_of_its_own_keeps_it():
    both = LoadSpec(kind="constant", seconds=3, requests=7, options={"rate": 2000.0})
    assert plan_of(benchmark(measured=True, load=both), count=10).stages[-1].requests == 7
    ramp = LoadSpec(kind="ramp", options={"from": 1.0, "to": 5.0, "over": 10.0}, seconds=5.0)
    assert plan_of(benchmark(measured=True, load=ramp), count=10).stages[-1].requests == 10


def test_an_endless_data_set_gives_prompts_for_the_whole_time():
    timed = LoadSpec(kind="constant", seconds=30, options={"rate": 10.0})
    assert request_count(benchmark(measured=True, load=timed)) == pytest.approx(340, abs=40)
    assert request_count(benchmark(measured=True, load=LoadSpec(seconds=60))) == TIMED_CASES
