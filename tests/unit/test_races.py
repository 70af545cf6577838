"""A race is planned: which benchmark, in which order, in which steps; and what cannot be raced is refused."""

from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import UsageError
from bakeoff.plan import intents, make_plan
from bakeoff.races import asked_race, groups, open_rules_note, planned_race, raced_order
from bakeoff.records import (
    BenchmarkSpec,
    BudgetRule,
    Case,
    Choice,
    DecideSpec,
    LoadSpec,
    MetricRule,
    ModelSpec,
    PlannedRace,
    PromptSpec,
    QualityRule,
    RaceRule,
    SloSpec,
    Spec,
    Target,
)

TARGETS = [Target(name=name, provider="openai_chat", model=name) for name in ("x", "y", "z")]


def benchmark(name: str = "b", **fields: Any) -> BenchmarkSpec:
    known: dict[str, Any] = {"name": name, "dataset": Choice(type="jsonl"), "scorers": [Choice(type="exact")]}
    return BenchmarkSpec(**(known | fields))


def spec_of(*benchmarks: BenchmarkSpec, race: bool | RaceRule = True, metric: str | None = None) -> Spec:
    return Spec(
        models=[ModelSpec(name=target.name) for target in TARGETS],
        benchmarks=list(benchmarks),
        decide=DecideSpec(race=race, quality=QualityRule(metric=metric)),
    )


def cases(count: int) -> list[Case]:
    return [Case(id=f"c{n}", fields={"input": str(n)}) for n in range(count)]


def race(**fields: Any) -> PlannedRace:
    return PlannedRace(benchmark="b", rule=RaceRule(**fields))


def test_the_benchmark_of_the_deciding_metric_is_raced() -> None:
    two = (benchmark("b"), benchmark("b.c"))
    assert planned_race(spec_of(*two)) == PlannedRace(benchmark="b", level=0.95)
    named = planned_race(spec_of(*two, metric="b.c.accuracy"))
    assert named is not None
    assert (named.benchmark, named.metric) == ("b.c", "accuracy")
    assert planned_race(spec_of(*two, race=False)) is None


def test_a_benchmark_that_asks_one_model_or_is_not_graded_needs_no_race() -> None:
    assert planned_race(spec_of(benchmark(models=["x"]))) is None
    assert planned_race(spec_of(benchmark(scorers=[]))) is None
    assert planned_race(spec_of(benchmark(scorers=[], multiple_choice="auto"))) is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"measured": True}, "not graded case by case"),
        ({"load": LoadSpec(seconds=5)}, "`load.seconds`"),
        ({"load": LoadSpec(errors=5)}, "`load.errors`"),
    ],
)
def test_what_cannot_be_raced_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        planned_race(spec_of(benchmark(**fields), metric="b.accuracy"))


def test_a_metric_without_scores_is_refused() -> None:
    with pytest.raises(UsageError, match="not graded"):
        planned_race(spec_of(benchmark(scorers=[], prompt=PromptSpec(template="?")), metric="b.tokens"))


def test_rows_that_may_say_themselves_how_they_are_graded_are_raced() -> None:
    assert planned_race(spec_of(benchmark(scorers=[]), metric="b.acc")) is not None


@given(
    count=st.integers(0, 60),
    clusters=st.integers(1, 7) | st.none(),
    step=st.integers(1, 25),
    method=st.sampled_from(["anytime", "obrien_fleming"]),
    looks=st.integers(2, 6),
)
def test_every_case_has_one_place_and_no_group_is_cut(count, clusters, step, method, looks) -> None:
    asked = [
        msgspec.structs.replace(case, cluster=None if clusters is None or n % 3 == 0 else str(n % clusters))
        for n, case in enumerate(cases(count))
    ]
    order = raced_order(race(method=method, step=step, looks=looks), asked, Random(1))
    assert sorted(id_ for turns in order.asked for id_ in turns) == sorted(case.id for case in asked)
    assert order.ends == sorted(set(order.ends))
    assert order.ends[-1:] == ([count] if count else [])
    assert method == "anytime" or len(order.ends) <= looks
    group_of = groups(asked)
    for end in order.ends[:-1]:
        assert group_of[order.asked[end - 1][0]] != group_of[order.asked[end][0]]
        before = {group_of[turns[0]] for turns in order.asked[:end]}
        assert before.isdisjoint(group_of[turns[0]] for turns in order.asked[end:])


def test_steps_hold_as_many_cases_as_asked_and_looks_are_spread_evenly() -> None:
    assert raced_order(race(step=20), cases(50), Random(0)).ends == [20, 40, 50]
    assert raced_order(race(method="obrien_fleming"), cases(100), Random(0)).ends == [20, 40, 60, 80, 100]
    assert raced_order(race(method="obrien_fleming"), cases(3), Random(0)).ends == [1, 2, 3]
    assert raced_order(race(step=4), cases(50), Random(0), most=6).ends == [4, 6]


def test_turns_of_a_conversation_stay_together_in_their_order() -> None:
    talks = [
        Case(id=f"t{n}.{turn}", follows=f"t{n}.{turn - 1}" if turn else None)
        for n in range(6)
        for turn in range(3)
    ]
    order = raced_order(race(step=4), talks, Random(5))
    assert sorted(order.asked) == [[f"t{n}.{turn}" for turn in range(3)] for n in range(6)]
    assert order.asked != sorted(order.asked)
    assert order.ends == [2, 4, 6]
    assert len(set(groups(talks).values())) == 6


def test_the_plan_of_a_race_asks_all_in_turns_and_in_an_order_of_its_seed() -> None:
    spec = spec_of(benchmark(repeats=2), race=RaceRule(step=5))
    plan = make_plan(spec, TARGETS, {"b": cases(12)})
    assert plan.race == PlannedRace(benchmark="b", rule=RaceRule(step=5))
    assert [stage.target for stage in plan.stages] == list("xyzyzxzxy")
    assert [stage.requests for stage in plan.stages] == [10] * 6 + [4] * 3
    keys = [intent.key for stage in plan.stages for intent in intents(stage)]
    assert len(keys) == len(set(keys)) == 72
    assert plan == make_plan(spec, TARGETS, {"b": cases(12)})
    other = make_plan(msgspec.structs.replace(spec, seed=1), TARGETS, {"b": cases(12)})
    assert [stage.cases for stage in other.stages] != [stage.cases for stage in plan.stages]


def test_fewer_requests_than_cases_shorten_the_race() -> None:
    spec = spec_of(benchmark(load=LoadSpec(requests=7)), race=RaceRule(step=5))
    plan = make_plan(spec, TARGETS, {"b": cases(12)})
    assert [stage.requests for stage in plan.stages] == [5] * 3 + [2] * 3


def test_a_race_is_part_of_the_plans_name_and_none_changes_nothing() -> None:
    names = {
        make_plan(spec_of(benchmark(), race=rule), TARGETS, {"b": cases(12)}).hash
        for rule in (False, True, RaceRule(step=5), RaceRule(margin=0.1))
    }
    assert len(names) == 4
    plain = spec_of(benchmark(), race=False)
    strict = msgspec.structs.replace(plain, decide=DecideSpec(level=0.99))
    assert make_plan(plain, TARGETS, {"b": cases(3)}).hash == make_plan(strict, TARGETS, {"b": cases(3)}).hash


def test_no_cases_make_no_step() -> None:
    assert make_plan(spec_of(benchmark()), TARGETS, {"b": []}).stages == []


def planned(decide: DecideSpec, *more: BenchmarkSpec) -> PlannedRace:
    """Return the race of a spec with this decision rule."""
    spec = spec_of(benchmark("b"), *more)
    found = planned_race(msgspec.structs.replace(spec, decide=msgspec.structs.replace(decide, race=True)))
    assert found is not None
    return found


def test_a_race_knows_the_accepted_loss_and_who_runs_today() -> None:
    found = planned(DecideSpec(incumbent="y", quality=QualityRule(margin=0.03)))
    assert (found.lead, found.incumbent, found.open_rules) == (0.03, "y", ())
    assert planned(DecideSpec(incumbent="other")).incumbent is None
    only = msgspec.structs.replace(spec_of(benchmark("b", models=["x", "z"])), decide=DecideSpec(race=True))
    away = planned_race(
        msgspec.structs.replace(only, decide=msgspec.structs.replace(only.decide, incumbent="y"))
    )
    assert away is not None
    assert away.incumbent is None


MEASURED = BenchmarkSpec(name="load", dataset=Choice(type="jsonl"), measured=True)


@pytest.mark.parametrize(
    ("rule", "more", "expected"),
    [
        (DecideSpec(slo=SloSpec(ttft=1.0)), [MEASURED], ("decide.slo",)),
        (DecideSpec(slo=SloSpec(ttft=1.0)), [], ()),
        (DecideSpec(budget=BudgetRule(usd_per_month=Decimal(5))), [], ("decide.budget",)),
        (DecideSpec(budget=BudgetRule()), [], ()),
        (DecideSpec(quality=QualityRule(metric="b.accuracy", at_least=0.5)), [], ()),
        (
            DecideSpec(
                quality=QualityRule(metric="b.accuracy"),
                rules=(
                    MetricRule(metric="b.accuracy", at_least=0.5),
                    MetricRule(metric="b.other", at_least=0.5),
                    MetricRule(metric="b.e2e.p95", at_most=1.0),
                    MetricRule(metric="b.e2e", margin=0.1),
                ),
            ),
            [],
            ("decide.rules[1]", "decide.rules[2]"),
        ),
        (
            DecideSpec(incumbent="x", rules=(MetricRule(metric="b.e2e", margin=0.1),)),
            [],
            ("decide.rules[0]",),
        ),
    ],
)
def test_rules_that_may_exclude_the_best_are_told(
    rule: DecideSpec, more: list[BenchmarkSpec], expected: tuple[str, ...]
) -> None:
    found = planned(rule, *more)
    assert found.open_rules == expected
    note = open_rules_note(found)
    assert note.startswith("where `decide.") == bool(expected)


def test_a_race_without_such_rules_keeps_the_hash_it_had() -> None:
    plain = PlannedRace(benchmark="b")
    assert set(asked_race(plain)) == {"benchmark", "metric", "rule", "level"}
    assert asked_race(msgspec.structs.replace(plain, lead=0.1))["lead"] == 0.1
    assert asked_race(msgspec.structs.replace(plain, open_rules=("decide.slo",))) == asked_race(plain)
