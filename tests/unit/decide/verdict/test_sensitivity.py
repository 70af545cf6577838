"""Each part of the rule that changes the choice when it is dropped is said, and no other."""

from decimal import Decimal

from tests.unit.decide.parts import evidence, row, share

from bakeoff.decide.verdict.constraints import Measured
from bakeoff.decide.verdict.verdict import decide
from bakeoff.records import BudgetRule, DecideSpec, Estimate, SloSpec

LOAD = (Measured(name="load", attainment=0.95),)


def test_the_rule_that_rules_out_the_best_is_named():
    rule = DecideSpec(slo=SloSpec(e2e=1.0), budget=BudgetRule(usd_per_1k_requests=Decimal(50)))
    each = Estimate(value=0.001, unit="USD", n=9)
    more = {
        "a": {"load.slo_attainment": share(0.5), "b.cost": each},
        "b": {"load.slo_attainment": share(0.99, spread=0.005), "b.cost": each},
    }
    rows = [row("a", "b", 0.2, clear=True)]
    found = decide(evidence({"a": 0.9, "b": 0.7}, rows, rule=rule, more=more, measured=LOAD))
    assert found.choice == "b"
    assert found.changes == ["without the latency target: a would be chosen"]
    assert {(c.target, c.state) for c in found.constraints if "latency" in c.name} == {
        ("a", "missed"),
        ("b", "met"),
    }


def test_nobody_meeting_the_rules_names_what_stands_in_the_way():
    rule = DecideSpec(slo=SloSpec(e2e=1.0))
    more = {"a": {"load.slo_attainment": share(0.5)}, "b": {"load.slo_attainment": share(0.5)}}
    rows = [row("a", "b", 0.2, clear=True)]
    found = decide(evidence({"a": 0.9, "b": 0.7}, rows, rule=rule, more=more, measured=LOAD))
    assert found.state == "fail"
    assert found.changes == ["without the latency target: a would be chosen"]


def test_an_incumbent_that_only_stays_because_it_is_one_is_said():
    rows = [
        row("a", "b", 0.2, clear=True),
        row("a", "c", 0.01, clear=False),
        row("b", "c", -0.1, clear=False),
    ]
    found = decide(evidence({"a": 0.9, "b": 0.7, "c": 0.89}, rows, rule=DecideSpec(incumbent="c")))
    assert found.choice == "c"
    assert found.changes == ["without the incumbent's advantage: no target could be chosen"]


def test_a_plain_rule_hangs_on_nothing():
    found = decide(evidence({"a": 0.9, "b": 0.7}, [row("a", "b", 0.2, clear=True)]))
    assert found.changes == []
