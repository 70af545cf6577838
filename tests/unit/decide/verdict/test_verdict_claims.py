"""Whatever the data, the verdict does not claim more than they show."""

import re
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.decide.parts import METRIC, evidence, row
from tests.unit.decide.verdict.test_verdict import BROKEN, LOAD, MAY, MEETS, MISSES

from bakeoff.decide.verdict.field import Evidence
from bakeoff.decide.verdict.verdict import decide
from bakeoff.records import Comparison, DecideSpec, SloSpec
from bakeoff.records.rule import QualityRule

NAMES = ["a", "b", "c", "d"]
SHARES = st.sampled_from([None, 0.0, 0.3, 0.6, 1.0])


@st.composite
def anything(draw: st.DrawFn) -> Evidence:
    names = NAMES[: draw(st.integers(1, 4))]
    rows: list[Comparison] = []
    for a, b in combinations(names, 2):
        difference = draw(st.sampled_from([None, -1.0, -0.2, 0.0, 0.2]))
        if draw(st.booleans()):
            rows.append(row(a, b, difference, clear=bool(difference) and draw(st.booleans())))
    rule = DecideSpec(
        incumbent=draw(st.sampled_from([None, *names])),
        slo=draw(st.sampled_from([None, SloSpec(ttft=1.0)])),
        quality=QualityRule(margin=draw(st.sampled_from([0.0, 0.05]))),
    )
    return evidence(
        {name: draw(SHARES) for name in names},
        rows,
        rule=rule,
        quality=draw(st.sampled_from([METRIC, METRIC, METRIC, None])),
        measured=[LOAD] * draw(st.integers(0, 1)),
        more={name: draw(st.sampled_from([{}, MEETS, MISSES, MAY])) for name in names},
        checks=[BROKEN] * draw(st.integers(0, 1)),
        partial=draw(st.sampled_from([{}, {names[0]: 0.4}])),
    )


def shown_better(given: Evidence, a: str, b: str) -> bool:
    for one in given.comparisons:
        if {one.a, one.b} == {a, b} and one.p_adjusted == 0.02 and one.difference:
            return (one.difference > 0) == (one.a == a)
    return False


@settings(max_examples=400)
@given(anything())
def test_whatever_the_data_the_verdict_does_not_claim_more_than_they_show(given_evidence):
    found = decide(given_evidence)
    incumbent = given_evidence.rule.incumbent
    assert found.sentence.endswith(".")
    assert "-0.0 " not in found.sentence
    assert found.state in {"pass", "fail", "inconclusive", "invalid"}
    if found.sentence.startswith("No "):
        assert found.choice is None
        assert found.state != "pass"
    elif not found.sentence.startswith("Within the rules"):
        assert found.choice is not None
    assert found.choice is not None or found.sentence.startswith(("No ", "Within the rules: all of"))
    if found.choice is not None:
        assert not found.tied or found.tied[0] == found.choice
        assert found.state in {"pass", "inconclusive"}
        assert not misses(given_evidence, found.choice)
    match = re.match(r"Run (\w): better than ([\w, ]+) on ", found.sentence)
    if match:
        assert found.tied == []
        for other in re.findall(r"\b[a-d]\b", match[2]):
            assert shown_better(given_evidence, match[1], other)
    match = re.match(r"Switch from (\w) to (\w): better", found.sentence)
    if match:
        assert match[1] == incumbent
        assert shown_better(given_evidence, match[2], match[1])
    if found.sentence.startswith("Keep "):
        assert found.choice == incumbent
        assert not better_challengers(given_evidence, incumbent)
    if found.sentence.startswith("No clear winner") and "contradict" not in found.sentence:
        for other in found.tied[1:]:
            assert not shown_better(given_evidence, found.tied[0], other)
            assert not shown_better(given_evidence, other, found.tied[0])


def better_challengers(given: Evidence, incumbent: str) -> list[str]:
    """Return those that may be chosen and are shown to be better than the incumbent."""
    return [
        t.name
        for t in given.targets
        if t.name != incumbent
        and not misses(given, t.name)
        and t.metrics[METRIC].value is not None
        and shown_better(given, t.name, incumbent)
    ]


def misses(given: Evidence, name: str) -> bool:
    """Tell whether the load shows that a target misses the rule."""
    metrics = next(t.metrics for t in given.targets if t.name == name)
    estimate = metrics.get("load.slo_attainment")
    if given.rule.slo is None or not given.measured or estimate is None or estimate.high is None:
        return False
    return estimate.high < 0.95


def test_a_challenger_that_loses_to_the_chosen_one_is_said_to_be_out():
    rows = [
        row("new", "old", 0.2, clear=True),
        row("poor", "old", -0.3, clear=True),
        row("new", "poor", 0.5, clear=True),
    ]
    found = decide(evidence({"old": 0.6, "poor": 0.3, "new": 0.8}, rows, rule=DecideSpec(incumbent="old")))
    assert found.choice == "new"
    assert [text.partition(" on ")[0] for text in found.reasons] == ["poor is ruled out: worse than new"]
