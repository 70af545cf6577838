"""Rules are met, missed or open, and the words say which with the numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from tests.unit.decide.parts import result, share

from bakeoff.decide.verdict.constraints import Measured, check_constraints
from bakeoff.records import Constraint, DecideSpec, Estimate, MetricRule, QualityRule, SloSpec
from bakeoff.records.rule import BudgetRule
from bakeoff.stats.intervals import clopper_pearson

LOAD = Measured(name="load", attainment=0.95)
SLO = DecideSpec(slo=SloSpec(ttft=1.0))
BUDGET = DecideSpec(budget=BudgetRule(usd_per_1k_requests=Decimal(2)))


def slo(estimate: Estimate | None, one: Measured = LOAD) -> Constraint:
    metrics = {} if estimate is None else {"load.slo_attainment": estimate}
    (found,) = check_constraints(result("t", metrics), SLO, [one])
    return found


def budget(
    value: float | None, low: float | None = None, high: float | None = None, n: int = 50
) -> Constraint:
    estimate = Estimate(value=value, unit="USD", n=n, low=low, high=high)
    (found,) = check_constraints(result("t", {"b.cost": estimate}), BUDGET, [])
    return found


def test_without_rules_there_is_nothing_to_meet():
    assert check_constraints(result("t", {"load.slo_attainment": share(0.1)}), DecideSpec(), [LOAD]) == []
    assert check_constraints(result("t", {}), DecideSpec(budget=BudgetRule()), []) == []


def test_a_target_is_not_held_against_a_benchmark_that_does_not_ask_it():
    own = Measured(name="load", attainment=0.95, targets=("t",))
    other = Measured(name="other", attainment=0.95, targets=("u",))
    metrics = {"load.slo_attainment": share(0.99)}
    found = check_constraints(result("t", metrics), SLO, [own, other])
    assert [constraint.name for constraint in found] == ["load latency target"]


@pytest.mark.parametrize(
    ("estimate", "state", "words"),
    [
        (
            Estimate(value=1, unit="share", n=200, low=0.98, high=1),
            "met",
            "t meets the latency target in load",
        ),
        (Estimate(value=0.5, unit="share", n=9, low=0.2, high=0.8), "missed", "t misses"),
        (Estimate(value=0.97, unit="share", n=99, low=0.9, high=0.99), "open", "t may or may not meet"),
    ],
)
def test_the_whole_interval_must_lie_on_one_side(estimate, state, words):
    found = slo(estimate)
    assert found.state == state
    assert found.text.startswith(words)
    assert f"{estimate.value:.1%} of {estimate.n} requests (95% interval" in found.text


@given(low=st.floats(0, 1), high=st.floats(0, 1), asked=st.floats(0, 1))
def test_met_and_missed_exclude_each_other(low, high, asked):
    low, high = sorted([low, high])
    estimate = Estimate(value=(low + high) / 2, unit="share", n=9, low=low, high=high)
    found = slo(estimate, Measured(name="load", attainment=asked))
    assert (found.state == "met") == (low >= asked)
    assert (found.state == "missed") == (high < asked)


@pytest.mark.parametrize("estimate", [None, share(None), share(0.9, spread=None)])
def test_what_is_unknown_is_open_and_said(estimate):
    found = slo(estimate)
    assert (found.state, found.text) == ("open", "t: attainment unknown in load")


def test_an_asked_share_is_written_as_it_was_asked():
    found = slo(share(0.5), Measured(name="load", attainment=0.999))
    assert found.text.endswith("asked 99.9%")


def test_a_latency_rule_without_a_measured_benchmark_is_open_and_said():
    (found,) = check_constraints(result("t", {}), SLO, [])
    assert found.state == "open"
    assert "latency was not measured" in found.text


@pytest.mark.parametrize(
    ("rate", "value", "state"),
    [
        (5.0, 1.0, "met"),
        (9.0, 1.0, "met"),
        (2.0, 1.0, "open"),
        (None, 1.0, "open"),
        (5.0, 0.5, "missed"),
        (2.0, 0.5, "missed"),
        (9.0, 0.5, "open"),
        (None, 0.5, "open"),
    ],
)
def test_an_outcome_at_one_rate_speaks_only_for_rates_on_its_side(rate, value, state):
    found = slo(share(value, spread=0.02), Measured(name="load", attainment=0.95, at_rate=5.0, rate=rate))
    assert found.state == state
    if state == "open":
        assert "asked 95% at 5/s, but" in found.text


@pytest.mark.parametrize(
    ("value", "low", "high", "state"),
    [
        (0.001, 0.0009, 0.0011, "met"),
        (0.002, 0.002, 0.002, "met"),
        (0.003, 0.0025, 0.0035, "missed"),
        (0.002, 0.0015, 0.0025, "open"),
        (0.001, None, None, "met"),
        (0.003, None, None, "missed"),
    ],
)
def test_the_budget_is_per_thousand_requests(value, low, high, state):
    found = budget(value, low, high)
    assert found.state == state
    assert f"${1000 * value:.2f} per 1,000 requests, asked $2.00 (" in found.text
    assert found.text.endswith("n = 50)")


def test_one_request_tells_no_mean_cost():
    assert budget(0.001, n=1).state == "open"


def test_an_unknown_cost_is_open_never_free():
    (without,) = check_constraints(result("t", {}), BUDGET, [])
    for found in (budget(None), without):
        assert (found.state, found.name, found.chance) == ("open", "budget per 1,000 requests", None)
        assert (
            found.text == "t: its cost per 1,000 requests is unknown: there is no price, or no token counts"
        )


def test_each_benchmark_with_a_cost_has_to_be_within_the_budget():
    metrics = {f"{name}.cost": Estimate(value=v, unit="USD", n=9) for name, v in (("b", 0.001), ("c", 0.01))}
    found = check_constraints(result("t", metrics), BUDGET, [])
    assert [(one.state, one.text.split(":")[0]) for one in found] == [
        ("met", "t is within the budget in b"),
        ("missed", "t is over the budget in c"),
    ]


def counted(met: int, n: int) -> Estimate:
    exact = clopper_pearson(met, n)
    return Estimate(value=met / n, unit="share", n=n, low=exact.low, high=exact.high)


def test_the_chance_of_a_latency_target_is_the_posterior_of_its_count():
    found = slo(counted(59, 59))
    assert found.state == "open"
    assert found.chance == pytest.approx(beta.sf(0.95, 59.5, 0.5))


@pytest.mark.parametrize(
    ("rate", "met", "known"),
    [
        (5.0, 100, True),
        (9.0, 100, True),
        (2.0, 100, False),
        (5.0, 96, True),
        (2.0, 96, True),
        (None, 96, False),
    ],
)
def test_the_chance_is_told_only_where_the_rate_speaks(rate, met, known):
    found = slo(counted(met, 100), Measured(name="load", attainment=0.95, at_rate=5.0, rate=rate))
    assert (found.chance is not None) == known


def test_the_floor_is_on_the_metric_that_decides_whichever_that_is():
    measured = {"b.accuracy": counted(95, 100), "c.accuracy": counted(5, 100)}
    named = DecideSpec(quality=QualityRule(metric="c.accuracy", at_least=0.8))
    unnamed = DecideSpec(quality=QualityRule(at_least=0.8))
    (missed,) = check_constraints(result("t", measured), named, [], quality="b.accuracy")
    (met,) = check_constraints(result("t", measured), unnamed, [], quality="b.accuracy")
    assert (missed.name, missed.state) == ("c.accuracy at least 80%", "missed")
    assert (met.name, met.state) == ("b.accuracy at least 80%", "met")
    assert met.chance == pytest.approx(beta.sf(0.8, 95.5, 5.5))


def test_a_floor_without_any_graded_metric_is_open_and_said():
    (found,) = check_constraints(result("t", {}), DecideSpec(quality=QualityRule(at_least=0.8)), [])
    assert (found.state, found.chance, found.name) == ("open", None, "quality at least 80%")
    assert "nothing was graded" in found.text


def test_every_part_of_a_rule_is_a_row_in_reading_order():
    rule = DecideSpec(
        incumbent="old",
        quality=QualityRule(metric="b.accuracy", at_least=0.5),
        rules=(MetricRule(metric="b.accuracy", at_most=0.99, margin=0.05),),
        slo=SloSpec(ttft=1.0),
        budget=BudgetRule(usd_per_1k_requests=Decimal(2), usd_per_month=Decimal(9)),
    )
    found = check_constraints(result("t", {"b.accuracy": counted(9, 10)}), rule, [LOAD])
    assert [one.name for one in found] == [
        "b.accuracy at least 50%",
        "b.accuracy at most 99%",
        "b.accuracy loss at most 5 points",
        "load latency target",
        "budget per 1,000 requests",
        "budget per month",
    ]
    assert {one.target for one in found} == {"t"}
