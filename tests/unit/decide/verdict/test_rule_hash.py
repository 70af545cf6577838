"""The hash of a decision rule."""

from decimal import Decimal

import msgspec
import pytest

from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.records.rule import BudgetRule, DecideSpec, MetricRule, QualityRule, RaceRule, SloSpec


def test_equal_rules_have_one_hash_that_never_changes() -> None:
    rule = DecideSpec(incumbent="now", quality=QualityRule(metric="own.accuracy", margin=0.03))
    assert rule_hash(rule) == rule_hash(msgspec.structs.replace(rule))
    # Stands in archives; a change of it must be meant.
    assert rule_hash(DecideSpec()) == "c316bdc85cdcb32450f9178191b4defe12d08c054e2bb0bfcdab1c88286cd0d9"


@pytest.mark.parametrize(
    "changed",
    [
        DecideSpec(incumbent="other"),
        DecideSpec(quality=QualityRule(margin=0.01)),
        DecideSpec(rules=(MetricRule(metric="a.b", at_least=0.5),)),
        DecideSpec(slo=SloSpec(ttft=0.5)),
        DecideSpec(budget=BudgetRule(usd_per_month=Decimal("0.1"))),
        DecideSpec(traffic=2.0),
        DecideSpec(race=True),
        DecideSpec(level=0.9),
    ],
)
def test_every_part_of_a_rule_counts(changed: DecideSpec) -> None:
    assert rule_hash(changed) != rule_hash(DecideSpec())


def test_two_ways_to_write_a_rule_are_one() -> None:
    def costs(text: str) -> DecideSpec:
        return DecideSpec(budget=BudgetRule(usd_per_1k_requests=Decimal(text)))

    assert rule_hash(costs("2")) == rule_hash(costs("2.00"))
    assert rule_hash(costs("2")) != rule_hash(costs("20"))
    assert rule_hash(DecideSpec(race=True)) == rule_hash(DecideSpec(race=RaceRule()))
    assert rule_hash(DecideSpec(race=RaceRule(step=5))) != rule_hash(DecideSpec(race=True))


def test_the_order_of_rules_counts_and_a_rule_without_conditions_does_too() -> None:
    first, second = MetricRule(metric="a.b"), MetricRule(metric="a.c")
    assert rule_hash(DecideSpec(rules=(first, second))) != rule_hash(DecideSpec(rules=(second, first)))
    assert rule_hash(DecideSpec(rules=(first,))) != rule_hash(DecideSpec())
