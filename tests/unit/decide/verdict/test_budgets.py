"""Ceilings of cost: each benchmark's amount with its interval, and unknown where it is."""

from decimal import Decimal

import pytest
from tests.unit.decide.parts import result

from bakeoff.decide.verdict.budgets import budget_constraints
from bakeoff.records import Constraint, DecideSpec, Estimate, TargetCost
from bakeoff.records.rule import BudgetRule

EACH = Estimate(value=0.001, unit="USD", n=50, low=0.0008, high=0.0012)


def cost(**fields: object) -> TargetCost:
    return TargetCost(**({"target": "t", "benchmark": "b", "basis": "tokens"} | fields))


def rule(traffic: float | None = None, **ceilings: str) -> DecideSpec:
    return DecideSpec(budget=BudgetRule(**{k: Decimal(v) for k, v in ceilings.items()}), traffic=traffic)


def held(asked: DecideSpec, *costs: TargetCost, each: Estimate | None = None) -> list[Constraint]:
    metrics = {} if each is None else {"b.cost": each}
    return list(budget_constraints(result("t", metrics), asked, costs))


def test_no_budget_asks_nothing():
    assert held(DecideSpec()) == held(rule()) == []


@pytest.mark.parametrize(("usd", "state"), [("1.3", "met"), ("1.0", "open"), ("0.7", "missed")])
def test_the_requests_own_interval_decides_and_gives_the_chance(usd, state):
    (found,) = held(rule(usd_per_1k_requests=usd), cost(per_1k_requests=99.0), each=EACH)
    assert (found.state, found.name) == (state, "b budget per 1,000 requests")
    assert "$1.00 per 1,000 requests" in found.text
    assert "95% interval $0.8 to $1.20, n = 50" in found.text
    assert {"met": found.chance > 0.975, "open": found.chance == 0.5, "missed": found.chance < 0.025}[state]


def test_one_request_tells_no_mean():
    one = Estimate(value=0.001, unit="USD", n=1)
    (found,) = held(rule(usd_per_1k_requests="5"), each=one)
    assert (found.state, found.chance) == ("open", None)


@pytest.mark.parametrize(("usd", "state"), [("2", "met"), ("1", "missed")])
def test_a_hosted_target_is_judged_by_its_amount(usd, state):
    row = cost(basis="hardware", per_1k_requests=1.5, note="2 servers at $3 per hour")
    (found,) = held(rule(usd_per_1k_requests=usd), row)
    assert (found.state, found.chance) == (state, None)
    assert "(2 servers at $3 per hour)" in found.text


@pytest.mark.parametrize(("usd", "state"), [("4", "met"), ("2", "open"), ("1", "missed")])
def test_successes_take_the_interval_of_the_success_rate(usd, state):
    row = cost(
        per_1k_successes=2.0, per_1k_successes_low=1.5, per_1k_successes_high=3.0, note="n = 50 requests"
    )
    (found,) = held(rule(usd_per_1k_successes=usd), row, each=EACH)
    assert (found.state, found.name) == (state, "b budget per 1,000 successes")
    assert "95% interval $1.50 to $3.00, n = 50 requests" in found.text
    assert found.chance is not None


def test_a_success_rate_that_may_be_0_leaves_the_ceiling_open():
    row = cost(per_1k_successes=2.0, per_1k_successes_low=1.5)
    (found,) = held(rule(usd_per_1k_successes="4"), row)
    assert (found.state, found.chance) == ("open", None)
    assert found.text.endswith("asked $4.00 (95% interval $1.50 to unknown)")


@pytest.mark.parametrize(("usd", "state"), [("1300", "met"), ("1000", "open"), ("700", "missed")])
def test_a_month_has_the_interval_of_its_requests(usd, state):
    (found,) = held(rule(traffic=1.0, usd_per_month=usd), cost(per_month=1000.0), each=EACH)
    assert (found.state, found.name) == (state, "b budget per month")
    assert "95% interval $800.00 to $1,200.00, n = 50" in found.text


def test_a_month_of_servers_is_what_it_is():
    row = cost(basis="hardware", per_month=1000.0)
    (found,) = held(rule(traffic=1.0, usd_per_month="1000"), row, each=EACH)
    assert (found.state, found.chance) == ("met", None)
    assert found.text.endswith("asked $1,000.00 (no interval)")


@pytest.mark.parametrize(
    ("asked", "rows", "why"),
    [
        (rule(usd_per_1k_requests="1"), [cost(note="unknown: `m` has no price")], "`m` has no price"),
        (rule(usd_per_1k_successes="1"), [cost(note="no answer was right")], "no answer was right"),
        (rule(usd_per_1k_successes="1"), [], "there is no price, or no token counts"),
        (rule(usd_per_month="1"), [cost(per_1k_requests=1.0)], "the traffic is not stated"),
        (rule(traffic=1.0, usd_per_month="1"), [cost(note="n = 3")], "n = 3"),
    ],
)
def test_what_is_unknown_is_open_and_says_what_it_wants(asked, rows, why):
    (found,) = held(asked, *rows)
    assert (found.state, found.chance) == ("open", None)
    assert found.name.startswith("budget per ")
    assert found.text.startswith("t: its cost per ")
    assert why in found.text
    assert "unknown: unknown" not in found.text


def test_only_the_targets_own_costs_count():
    (found,) = held(rule(usd_per_1k_requests="1"), cost(target="other", per_1k_requests=0.1))
    assert found.state == "open"


def test_every_benchmark_with_an_amount_is_a_row():
    rows = [cost(per_1k_successes=1.0), cost(benchmark="c", per_1k_successes=9.0), cost(benchmark="d")]
    found = held(rule(usd_per_1k_successes="5"), *rows)
    assert [(one.name, one.state) for one in found] == [
        ("b budget per 1,000 successes", "met"),
        ("c budget per 1,000 successes", "missed"),
    ]


def test_a_mean_over_the_priced_requests_alone_meets_no_ceiling():
    (found,) = held(rule(usd_per_1k_requests="99"), cost(note="12 answers have no price"), each=EACH)
    assert found.state == "open"
