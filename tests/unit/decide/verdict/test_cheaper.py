"""A cheaper target is chosen where it is shown to lose less than the rule accepts, and only there."""

from typing import Any

import pytest
from tests.unit.decide.parts import evidence, row

from bakeoff.decide.verdict.turned import lowest
from bakeoff.decide.verdict.verdict import decide
from bakeoff.records import Comparison, DecideSpec, QualityRule, TargetCost

MARGIN = DecideSpec(quality=QualityRule(margin=0.05))
DEFENDED = DecideSpec(incumbent="a", quality=QualityRule(margin=0.05))


def cost(target: str, usd: float | None, benchmark: str = "b") -> TargetCost:
    return TargetCost(target=target, benchmark=benchmark, basis="tokens", per_1k_requests=usd)


def close(a: str, b: str, difference: float = 0.01, reach: float = 0.02, **fields: Any) -> Comparison:
    return row(a, b, difference, clear=False, low=difference - reach, high=difference + reach, **fields)


def test_a_cheaper_challenger_within_the_margin_replaces_the_incumbent():
    costs = [cost("a", 8.0), cost("b", 2.0)]
    found = decide(evidence({"a": 0.81, "b": 0.8}, [close("a", "b")], rule=DEFENDED, costs=costs))
    assert (found.state, found.choice, found.tied) == ("pass", "b", ["b", "a"])
    assert found.sentence == (
        "Switch from a to b: it costs less ($2.00 instead of $8.00 per 1,000 requests in b) and is not worse "
        "than a on b.accuracy by more than 5.0% (lower bound -3.0%)."
    )
    assert found.changes[0] == "b stays the cheaper one until it costs 4 times as much as now"
    assert "without the accepted loss of quality: a would be chosen" in found.changes


def test_without_an_incumbent_the_cheaper_of_two_close_ones_is_run():
    costs = [cost("a", 8.0), cost("b", 2.0)]
    found = decide(evidence({"a": 0.81, "b": 0.8}, [close("a", "b")], rule=MARGIN, costs=costs))
    assert (found.state, found.choice) == ("pass", "b")
    assert found.sentence.startswith("Run b: it costs less")


def test_a_loss_within_the_margin_is_accepted_even_where_it_is_shown():
    costs = [cost("a", 8.0), cost("b", 2.0)]
    rows = [row("a", "b", 0.02, clear=True, low=0.01, high=0.03)]
    found = decide(evidence({"a": 0.82, "b": 0.8}, rows, rule=DEFENDED, costs=costs))
    assert found.choice == "b"
    assert found.tied == []


@pytest.mark.parametrize(
    ("reach", "costs", "rule"),
    [
        pytest.param(0.06, (8.0, 2.0), DEFENDED, id="it may be worse by more"),
        pytest.param(0.02, (2.0, 8.0), DEFENDED, id="it costs more"),
        pytest.param(0.02, (2.0, 2.0), DEFENDED, id="it costs the same"),
        pytest.param(0.02, (8.0, None), DEFENDED, id="its cost is unknown"),
        pytest.param(0.02, (8.0, 2.0), DecideSpec(incumbent="a"), id="no margin"),
    ],
)
def test_otherwise_the_incumbent_stays(reach, costs, rule):
    known = [cost("a", costs[0]), cost("b", costs[1])]
    given = evidence({"a": 0.81, "b": 0.8}, [close("a", "b", reach=reach)], rule=rule, costs=known)
    assert decide(given).choice == "a"


def test_a_saving_that_its_own_test_does_not_show_is_none():
    costs = [cost("a", 2.1), cost("b", 2.0)]
    noisy = row("a", "b", 0.0001, clear=False, metric="b.cost", test="paired")
    found = decide(evidence({"a": 0.81, "b": 0.8}, [close("a", "b"), noisy], rule=DEFENDED, costs=costs))
    assert found.choice == "a"


def test_costs_of_different_benchmarks_are_not_held_against_each_other():
    costs = [cost("a", 8.0, "b"), cost("b", 2.0, "load")]
    given = evidence({"a": 0.81, "b": 0.8}, [close("a", "b")], rule=DEFENDED, costs=costs)
    assert decide(given).choice == "a"


def test_of_several_the_cheapest_is_chosen():
    costs = [cost("a", 8.0), cost("b", 2.0), cost("c", 1.0)]
    rows = [close("a", "b"), close("a", "c"), close("b", "c")]
    found = decide(evidence({"a": 0.81, "b": 0.8, "c": 0.8}, rows, rule=DEFENDED, costs=costs))
    assert found.choice == "c"


def test_bounds_for_several_at_once_are_wider():
    one = close("a", "b", 0.0, 0.0196)
    assert lowest(one, 1) == pytest.approx(-0.0196)
    # the normal quantiles of 1 - 0.05 / 2 and 1 - 0.05 / 4
    assert lowest(one, 2) == pytest.approx(-0.0196 * 2.241403 / 1.959964, rel=1e-6)
    assert lowest(row("a", "b", None, clear=False, low=None), 1) is None
    assert lowest(None, 1) is None
