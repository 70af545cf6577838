"""Rules on metrics: met, missed or open by the interval, with the chance, in words that give the numbers."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.parts import result, row, share

from bakeoff.decide.verdict.metric_rules import metric_constraints, state_of
from bakeoff.decide.verdict.turned import compared, turned
from bakeoff.records import Comparison, Constraint, Estimate, MetricRule

ENDS = st.none() | st.floats(-5, 5)


def only(rule: MetricRule, metrics: dict[str, Estimate], **given: object) -> Constraint:
    known = {"incumbent": None, "comparisons": ()} | given
    (found,) = metric_constraints(result("new", metrics), rule, known["incumbent"], known["comparisons"])
    return found


def floor(estimate: Estimate | None, bound: float = 0.8) -> Constraint:
    metrics = {} if estimate is None else {"b.accuracy": estimate}
    return only(MetricRule(metric="b.accuracy", at_least=bound), metrics)


def loss(comparison: Comparison | None, margin: float = 0.05, **given: object) -> Constraint:
    rows = [] if comparison is None else [comparison]
    rule = MetricRule(metric="b.accuracy", margin=margin)
    return only(rule, {"b.accuracy": share(0.8)}, **({"incumbent": "old", "comparisons": rows} | given))


@given(ENDS, ENDS, st.floats(-5, 5))
def test_a_ceiling_is_a_floor_upside_down(low, high, bound):
    if low is not None and high is not None:
        low, high = sorted((low, high))

    def minus(end: float | None) -> float | None:
        return None if end is None else -end

    assert state_of(low, high, bound, least=False) == state_of(minus(high), minus(low), -bound, least=True)


@pytest.mark.parametrize(
    ("low", "high", "least", "most"),
    [
        (0.5, 0.7, "met", "open"),
        (0.4, 0.5, "open", "met"),
        (0.3, 0.4, "missed", "met"),
        (0.6, 0.7, "met", "missed"),
        (None, 0.4, "missed", "met"),
        (0.6, None, "met", "missed"),
        (None, None, "open", "open"),
    ],
)
def test_the_whole_interval_lies_on_one_side_or_it_is_open(low, high, least, most):
    assert state_of(low, high, 0.5, least=True) == least
    assert state_of(low, high, 0.5, least=False) == most


@pytest.mark.parametrize(
    ("value", "state", "verb"),
    [(0.95, "met", "meets"), (0.5, "missed", "misses"), (0.8, "open", "may or may not")],
)
def test_a_floor_says_value_interval_and_n(value, state, verb):
    found = floor(share(value, spread=0.04))
    assert (found.state, found.name, found.target) == (state, "b.accuracy at least 80%", "new")
    ends = f"{value - 0.04:.1%} to {value + 0.04:.1%}"
    assert found.text.startswith(f"new {verb}")
    assert found.text.endswith(f"the rule {found.name}: {value:.1%} (95% interval {ends}, n = 100)")
    assert found.chance is not None


def test_a_ceiling_of_a_percentile_is_in_its_own_unit():
    p95 = Estimate(value=0.4, unit="s", n=300, low=0.35, high=0.48)
    found = only(MetricRule(metric="load.ttft.p95", at_most=0.5), {"load.ttft.p95": p95})
    assert (found.state, found.name) == ("met", "load.ttft.p95 at most 0.5 s")
    assert "0.4 s (95% interval 0.35 s to 0.48 s, n = 300)" in found.text
    assert found.chance == pytest.approx(0.9928, abs=0.001)


def test_a_percentile_whose_upper_end_is_unknown_cannot_be_under_a_ceiling():
    p99 = Estimate(value=0.4, unit="s", n=30, low=0.35)
    found = only(MetricRule(metric="load.ttft.p99", at_most=0.5), {"load.ttft.p99": p99})
    assert (found.state, found.chance) == ("open", None)
    assert "0.35 s to unknown" in found.text


@pytest.mark.parametrize(("n", "state"), [(200, "met"), (1, "open")])
def test_a_rate_has_no_interval_and_stands_for_itself(n, state):
    rate = Estimate(value=6.2, unit="requests/s", n=n)
    found = only(MetricRule(metric="load.goodput", at_least=5), {"load.goodput": rate})
    assert (found.state, found.chance) == (state, None)
    assert "6.2 requests/s (no interval, n = " in found.text


def test_a_score_is_told_without_a_unit():
    score = Estimate(value=7.25, unit="score", n=20, low=7.0, high=7.5)
    found = only(MetricRule(metric="b.points", at_least=6), {"b.points": score})
    assert (found.state, found.name) == ("met", "b.points at least 6")
    assert "7.25 (95% interval 7 to 7.5, n = 20)" in found.text


@pytest.mark.parametrize(
    ("metrics", "outcomes", "why"),
    [
        ({}, {}, "b.accuracy is unknown, as nothing measured it"),
        ({"b.acuracy": share(0.5)}, {}, "Did you mean `b.acuracy`?"),
        ({"b.accuracy": share(None)}, {}, "b.accuracy is unknown"),
        ({}, {"other": {"ok": 1}}, "as it was not asked `b`"),
        ({}, {"b": {"ok": 1}}, "as nothing measured it"),
        ({"b.accuracy.p50": share(0.5)}, {}, "name one of `b.accuracy.p50`"),
    ],
)
def test_what_is_unknown_is_open_and_the_text_says_why(metrics, outcomes, why):
    target = msgspec.structs.replace(result("new", metrics), outcomes=outcomes)
    (found,) = metric_constraints(target, MetricRule(metric="b.accuracy", at_least=0.8), None, ())
    assert (found.state, found.chance) == ("open", None)
    assert why in found.text


def test_the_note_of_an_unknown_value_is_told():
    found = floor(Estimate(value=None, unit="share", n=0, note="no graded sample"))
    assert found.text == "new: b.accuracy is unknown: no graded sample"


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [(-0.04, 0.02, "met"), (-0.2, -0.06, "missed"), (-0.08, 0.01, "open"), (None, None, "open")],
)
def test_a_loss_is_held_against_the_ends_of_the_paired_interval(low, high, state):
    found = loss(row("new", "old", -0.01, clear=False, low=low, high=high))
    assert (found.state, found.name) == (state, "b.accuracy loss at most 5 points")
    assert "against old: new minus old is -1.0 points" in found.text
    assert (found.chance is None) == (low is None)


def test_a_comparison_is_read_the_right_way_round():
    found = loss(row("old", "new", 0.2, clear=False, low=0.1, high=0.3))
    assert found.state == "missed"
    assert "new minus old is -20.0 points (95% interval -30.0 to -10.0, n = 100)" in found.text
    assert found.chance == pytest.approx(0.0016, abs=0.0005)


@pytest.mark.parametrize(("difference", "state"), [(-0.3, "met"), (0.3, "missed")])
def test_a_higher_latency_is_the_loss(difference, state):
    rows = [row("new", "old", difference, clear=True, metric="load.ttft")]
    metrics = {"load.ttft.p50": Estimate(value=1, unit="s", n=9)}
    rule = MetricRule(metric="load.ttft", margin=0.1)
    found = only(rule, metrics, incumbent="old", comparisons=rows)
    assert (found.state, found.name) == (state, "load.ttft loss at most 0.1 s")
    assert f"new minus old is {difference:+g} s" in found.text


@pytest.mark.parametrize(
    ("comparison", "given", "why"),
    [
        (None, {"incumbent": None}, "needs an incumbent: name one in `decide.incumbent`"),
        (None, {}, "nothing compares it with old on b.accuracy"),
        (row("new", "old", None, clear=False), {}, "nothing compares it with old on b.accuracy"),
        (row("new", "third", 0.0, clear=False), {}, "nothing compares it with old"),
    ],
)
def test_a_loss_that_nothing_tells_is_open(comparison, given, why):
    found = loss(comparison, **given)
    assert (found.state, found.chance) == ("open", None)
    assert why in found.text


def test_the_loss_of_a_percentile_names_the_mean_that_is_compared():
    rows = [row("new", "old", 0.1, clear=True, metric="load.ttft")]
    metrics = {"load.ttft.p95": Estimate(value=1, unit="s", n=9)}
    found = only(MetricRule(metric="load.ttft.p95", margin=0.1), metrics, incumbent="old", comparisons=rows)
    assert found.state == "open"
    assert "latencies are compared by their means: name `load.ttft`" in found.text


def test_no_loss_is_told_of_a_score_that_may_be_better_low():
    metrics = {"b.accuracy": Estimate(value=3, unit="score", n=9)}
    rows = [row("new", "old", 0.1, clear=True, unit="score")]
    found = only(MetricRule(metric="b.accuracy", margin=0.1), metrics, incumbent="old", comparisons=rows)
    assert (found.state, found.chance) == ("open", None)
    assert "not known whether more of b.accuracy is better" in found.text


def test_the_incumbent_cannot_lose_against_itself():
    rule = MetricRule(metric="b.accuracy", margin=0.1, at_least=0.5)
    found = list(metric_constraints(result("old", {"b.accuracy": share(0.9)}), rule, "old", ()))
    assert [one.name for one in found] == ["b.accuracy at least 50%"]


def test_turning_a_comparison_twice_gives_it_back():
    one = row("a", "b", 0.25, clear=True, n_b=70)
    back = turned(one)
    assert (back.a, back.difference, back.n, back.n_b, back.only_a) == ("b", -0.25, 70, 100, 10)
    assert turned(back) == one
    assert compared([one], one.metric, "b", "a") == back
    assert compared([one], "other", "a", "b") is None


def test_no_loss_is_told_of_a_metric_without_a_unit():
    rows = [row("new", "old", 0.1, clear=True)]
    found = only(MetricRule(metric="b.accuracy", margin=0.1), {}, incumbent="old", comparisons=rows)
    assert (found.state, found.name) == ("open", "b.accuracy loss at most 0.1")


def test_a_margin_is_harder_to_keep_for_one_of_several_challengers():
    near = row("new", "old", 0.0, clear=False, low=-0.045, high=0.045)
    assert loss(near).state == "met"
    others = [row(f"other{n}", "old", 0.0, clear=False) for n in range(3)]
    assert loss(near, comparisons=[near, *others]).state == "open"
