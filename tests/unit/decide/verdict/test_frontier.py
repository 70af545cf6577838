"""A target dominates another only where the tests show it; a missing axis is never assumed."""

from tests.unit.decide.parts import evidence, row, share

from bakeoff.decide.verdict.constraints import Measured
from bakeoff.decide.verdict.frontier import find_axes, frontier, missing_axes
from bakeoff.records import Estimate, TargetCost

LOAD = (Measured(name="load", attainment=0.95),)


def speed(value: float | None) -> dict[str, Estimate]:
    return {"load.e2e": Estimate(value=value, unit="s", n=50)}


def slower(a: str, b: str, *, clear: bool = True):
    return row(a, b, 0.5, clear=clear, metric="load.e2e", test="block bootstrap")


def test_better_on_one_axis_and_as_good_on_the_other_dominates():
    rows = [row("a", "b", 0.2, clear=True), slower("b", "a", clear=False)]
    given = evidence({"a": 0.9, "b": 0.7}, rows, more={"a": speed(1.0), "b": speed(1.5)}, measured=LOAD)
    found = frontier(given)
    assert (found.names, found.dominated) == (["a"], {"b": ["a"]})
    assert [axis.metric for axis in find_axes(given)] == ["b.accuracy", "load.e2e"]


def test_a_trade_leaves_both_on_the_frontier():
    rows = [row("a", "b", 0.2, clear=True), slower("a", "b")]
    more = {"a": speed(1.5), "b": speed(1.0)}
    found = frontier(evidence({"a": 0.9, "b": 0.7}, rows, more=more, measured=LOAD))
    assert (found.names, found.dominated) == (["a", "b"], {})


def test_a_difference_that_is_not_shown_dominates_nobody():
    rows = [row("a", "b", 0.2, clear=False), slower("b", "a", clear=False)]
    more = {"a": speed(1.0), "b": speed(1.5)}
    assert frontier(evidence({"a": 0.9, "b": 0.7}, rows, more=more, measured=LOAD)).dominated == {}


def test_an_axis_that_only_one_target_has_is_not_assumed_for_the_other():
    rows = [row("a", "b", 0.2, clear=True)]
    more = {"a": speed(1.0), "b": speed(None)}
    assert frontier(evidence({"a": 0.9, "b": 0.7}, rows, more=more, measured=LOAD)).dominated == {}


def test_an_axis_that_nobody_has_stands_in_no_way():
    rows = [row("a", "b", 0.2, clear=True)]
    more = {"a": speed(None), "b": speed(None)}
    found = frontier(evidence({"a": 0.9, "b": 0.7}, rows, more=more, measured=LOAD))
    assert found.dominated == {"b": ["a"]}


def test_cost_is_an_axis():
    rows = [
        row("a", "b", 0.01, clear=False),
        row("b", "a", 0.4, clear=True, metric="b.cost", test="paired"),
    ]
    more = {"a": {"b.cost": share(0.1)}, "b": {"b.cost": share(0.5)}}
    assert frontier(evidence({"a": 0.8, "b": 0.79}, rows, more=more)).dominated == {"b": ["a"]}


def test_without_any_axis_everybody_is_on_the_frontier():
    found = frontier(evidence({"a": None, "b": None}))
    assert (found.names, found.dominated) == (["a", "b"], {})


def test_what_nothing_is_known_of_is_said_by_name():
    priced = {"a": {"b.cost": share(0.1)}}
    assert missing_axes(evidence({"a": 0.8, "b": 0.7}, more=priced)) == [
        "latency under load: no benchmark is measured",
        "cost of b: no price is known",
    ]
    costs = [TargetCost(target="a", benchmark="b", basis="hardware", per_1k_requests=0.1)]
    given = evidence({"a": None}, measured=LOAD, costs=costs, quality=None)
    assert missing_axes(given) == ["quality: nothing was graded"]


def test_targets_without_a_price_for_one_reason_are_one_line():
    costs = [
        TargetCost(target=t, benchmark="b", basis="tokens", note=f"unknown: `{t}` has no price in the spec")
        for t in ("a", "b")
    ]
    assert missing_axes(evidence({"a": 0.8, "b": 0.7}, measured=LOAD, costs=costs)) == [
        "cost of a and b: no price in the spec"
    ]


def test_why_a_cost_is_unknown_is_said_where_that_is_known():
    costs = [TargetCost(target="a", benchmark="b", basis="hardware", note="no stage met the latency targets")]
    assert missing_axes(evidence({"a": 0.8, "b": 0.7}, measured=LOAD, costs=costs)) == [
        "cost of a: no stage met the latency targets",
        "cost of b: no price is known",
    ]
