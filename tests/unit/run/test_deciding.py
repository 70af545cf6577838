"""Assumptions read from flags, and what is said of a changed rule."""

from decimal import Decimal

import pytest

from bakeoff.errors import UsageError
from bakeoff.records import BudgetRule, DecideSpec, MetricRule, SloSpec
from bakeoff.run.deciding import differences, read_prices, read_targets, read_traffic

OLD = DecideSpec(incumbent="a", slo=SloSpec(ttft=0.5), rules=(MetricRule(metric="b.c", at_least=1.0),))


def test_rules_that_are_the_same_differ_in_nothing():
    assert differences(OLD, OLD) == []


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (DecideSpec(slo=OLD.slo, rules=OLD.rules), ["decide.incumbent: not set (was a)"]),
        (
            DecideSpec(incumbent="a", slo=SloSpec(ttft=0.3), rules=OLD.rules),
            ["decide.slo.ttft: 0.3 (was 0.5)"],
        ),
        (
            DecideSpec(incumbent="a", slo=OLD.slo),
            ["decide.rules[0].metric: not set (was b.c)", "decide.rules[0].at_least: not set (was 1.0)"],
        ),
        (
            DecideSpec(
                incumbent="a",
                slo=OLD.slo,
                rules=OLD.rules,
                race=True,
                budget=BudgetRule(usd_per_month=Decimal("2.50")),
            ),
            ["decide.budget.usd_per_month: 2.50 (was not set)", "decide.race: true (was false)"],
        ),
    ],
)
def test_each_changed_value_is_told_with_its_path(new, said):
    assert differences(new, OLD) == said


def test_prices_are_by_target_and_class_and_a_name_may_hold_dots():
    assert read_prices(["a.input=3", "a.output=6", "v1.2.input=1"]) == {
        "a": {"input": "3", "output": "6"},
        "v1.2": {"input": "1"},
    }
    assert read_prices([]) == {}


@pytest.mark.parametrize("text", ["a=3", "input=3", "a.input", ".input=3", "a.input=", "a.=3", "=3"])
def test_a_price_of_another_form_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"is not NAME\.CLASS=USD") as caught:
        read_prices([text])
    assert "next.output=3" in caught.value.hint


def test_latency_targets_are_by_name():
    assert read_targets(["ttft=300ms", "e2e=2s"]) == {"ttft": "300ms", "e2e": "2s"}
    for text in ("ttft", "=1", "ttft="):
        with pytest.raises(UsageError, match="is not NAME=TIME"):
            read_targets([text])


@pytest.mark.parametrize(("text", "rate"), [("5/s", 5.0), ("300/min", 5.0), ("0.5", 0.5), (None, None)])
def test_traffic_is_read_as_in_a_spec(text, rate):
    assert read_traffic(text) == rate


@pytest.mark.parametrize(
    ("text", "said"), [("many", "expected a rate"), ("0", "more than 0"), ("-1", "more than 0")]
)
def test_a_traffic_that_is_none_is_refused(text, said):
    with pytest.raises(UsageError, match=f"--traffic: .*{said}"):
        read_traffic(text)
