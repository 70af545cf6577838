"""A floor is sized as it is decided: by Wilson's interval, for the planned cases and for those it takes."""

from typing import Any

import pytest

from bakeoff.decide.forecast.floors import (
    FloorQuestion,
    ObservedShare,
    PlannedFloor,
    asked_floors,
    planned_floor,
)
from bakeoff.decide.forecast.undecidable import undecidable
from bakeoff.records import BenchmarkSpec, Choice, DecideSpec, ModelSpec, QualityRule, Spec
from bakeoff.records.rule import MetricRule
from bakeoff.stats.intervals import wilson
from bakeoff.stats.power import floor_cases, floor_share


def planned(floor: float = 0.8, *, cases: int = 200, size: int = 1, **fields: Any) -> PlannedFloor:
    question = FloorQuestion(metric="own.accuracy", floor=floor, clusters=[size] * (cases // size), **fields)
    return planned_floor(question, 0.95)


def told(one: PlannedFloor) -> list[str]:
    spec = Spec(
        models=[ModelSpec(name="t")], benchmarks=[BenchmarkSpec(name="own", dataset=Choice(type="jsonl"))]
    )
    return list(undecidable(spec, [], [], [one]))[1:]


def test_what_planned_cases_show_is_what_the_verdict_would_show() -> None:
    one = planned()
    assert one.passes is not None
    assert wilson(one.passes, 200).low >= 0.8 > wilson(one.passes - 1, 200).low
    assert one.share == floor_share(200, 0.8)
    assert one.fewest == floor_cases(1.0, 0.8)
    assert [(each.share, each.needed) for each in one.scenarios] == [
        (0.82, floor_cases(0.82, 0.8)),
        (0.85, floor_cases(0.85, 0.8)),
        (0.9, floor_cases(0.9, 0.8)),
    ]


def test_the_cases_that_a_floor_needs_are_said_where_there_are_fewer() -> None:
    (text,) = told(planned())
    assert text == (
        "to show that a target reaches your floor of 80 % on own.accuracy, about this many cases are needed: "
        f"{floor_cases(0.82, 0.8):,} if it is right on 82 %, "
        f"{floor_cases(0.85, 0.8):,} if it is right on 85 % "
        "(200 are planned; 80 % power)"
    )
    assert told(planned(cases=4000)) == []


def test_too_few_cases_are_told_with_the_fewest() -> None:
    first = told(planned(0.95, cases=20))[0]
    assert first == (
        "with 20 cases, no target can be shown to reach your floor of 95 % on own.accuracy, even if all its "
        "answers are right: that takes 73"
    )


def test_a_floor_of_everything_is_never_shown() -> None:
    one = planned(1.0)
    assert (one.passes, one.share, one.fewest, one.scenarios) == (None, None, None, [])
    assert told(one) == ["no number of cases shows that a target reaches your floor of 100 % on own.accuracy"]


def test_a_floor_near_everything_assumes_half_of_what_is_left() -> None:
    assert [each.share for each in planned(0.99).scenarios] == [pytest.approx(0.995)]


def test_what_an_earlier_run_saw_stands_for_the_assumptions() -> None:
    seen = {"good": ObservedShare(share=0.84, n=50), "bad": ObservedShare(share=0.7, n=50)}
    one = planned(seen=seen, run="run-1")
    assert [(each.target, each.source) for each in one.scenarios] == [
        ("good", "50 cases of run-1"),
        ("bad", "50 cases of run-1"),
    ]
    needs, misses = told(one)
    assert f"{floor_cases(0.84, 0.8):,} for good, right on 84 % of 50 cases of run-1" in needs
    assert misses == (
        "bad was right on 70 % of 50 cases of run-1, which misses your floor of 80 % on own.accuracy"
    )


def test_cases_in_clusters_are_worth_less() -> None:
    one, alone = planned(size=10), planned()
    assert one.icc == 0.2
    assert one.effective == pytest.approx(200 / 2.8)
    assert one.share is not None
    assert alone.share is not None
    assert one.share > alone.share
    needs = [each.needed for each in one.scenarios]
    assert needs == [pytest.approx(2.8 * (each.needed or 0), abs=1) for each in alone.scenarios]
    assert "(200 (worth 71 at a correlation of 0.2) are planned" in told(one)[0]


def test_floors_are_those_of_the_rule_on_shares() -> None:
    rule = DecideSpec(
        quality=QualityRule(at_least=0.8),
        rules=(
            MetricRule(metric="b.f1", at_least=0.5),
            MetricRule(metric="b.rate", at_least=20.0),
            MetricRule(metric="b.e2e", at_most=1.0),
            MetricRule(metric="b.zero", at_least=0.0),
        ),
    )
    assert list(asked_floors(rule, "a.accuracy")) == [("a.accuracy", 0.8), ("b.f1", 0.5)]
    assert list(asked_floors(rule, None)) == [("b.f1", 0.5)]
    named = DecideSpec(quality=QualityRule(metric="c.accuracy", at_least=0.8))
    assert list(asked_floors(named, "a.accuracy")) == [("c.accuracy", 0.8)]
    assert list(asked_floors(DecideSpec(), "a.accuracy")) == []
