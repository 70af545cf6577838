"""Where most answers are not known, nobody is named as if they were."""

import msgspec
import pytest
from tests.unit.decide.parts import METRIC, evidence, row, share

from bakeoff.decide.verdict.field import Evidence
from bakeoff.decide.verdict.verdict import decide
from bakeoff.records import DecideSpec, Estimate

KEEP = DecideSpec(incumbent="old")


def graded(count: int) -> dict[str, Estimate]:
    """Return what stands beside a value over 100 samples of which so many were graded."""
    return {f"{METRIC}_answered": share(0.5 if count else None, n=count)}


def counted(found: Evidence, **outcomes: dict[str, int]) -> Evidence:
    targets = [msgspec.structs.replace(t, outcomes={"b": outcomes.get(t.name, {})}) for t in found.targets]
    return msgspec.structs.replace(found, targets=targets)


def test_an_incumbent_without_a_graded_answer_is_not_kept():
    rows = [row("new", "old", 0.02, clear=False)]
    more = {"old": graded(0), "new": graded(5)}
    found = decide(evidence({"old": 0.0, "new": 0.02}, rows, rule=KEEP, more=more))
    assert (found.state, found.choice) == ("inconclusive", None)
    assert found.sentence == "No verdict: no answer of old, which runs now, could be graded."


def test_a_challenger_without_a_graded_answer_does_not_unseat_anyone():
    rows = [row("old", "new", 0.7, clear=True)]
    found = decide(evidence({"old": 0.7, "new": 0.0}, rows, rule=KEEP, more={"new": graded(0)}))
    assert (found.state, found.choice) == ("pass", "old")
    assert "new: none of its answers could be graded" in found.reasons


@pytest.mark.parametrize(("count", "state"), [(49, "inconclusive"), (50, "pass")])
def test_a_choice_rests_on_answers_of_its_own(count: int, state: str):
    found = decide(
        evidence({"a": 0.3, "b": 0.1}, [row("a", "b", 0.2, clear=True)], more={"a": graded(count)})
    )
    assert (found.state, found.choice) == (state, "a")
    assert ("; most answers of a could not be graded." in found.sentence) == (state == "inconclusive")
    assert f"a: {100 - count}% of its answers could not be graded and count as wrong" in found.reasons


def test_failures_of_others_speak_against_them():
    rows = [row("a", "b", 0.6, clear=True)]
    found = decide(evidence({"a": 0.7, "b": 0.1}, rows, more={"b": graded(20)}))
    assert (found.state, found.choice) == ("pass", "a")
    assert "b: 80% of its answers could not be graded and count as wrong" in found.reasons


def test_a_token_limit_speaks_against_nobody():
    rows = [row("a", "b", 0.6, clear=True)]
    some = evidence({"a": 0.7, "b": 0.1}, rows, more={"b": graded(20)})
    found = decide(counted(some, b={"ok": 20, "truncated": 80}))
    assert (found.state, found.choice) == ("inconclusive", "a")
    assert found.sentence.endswith("; most answers of b hit the token limit.")
    text = "b: 80% of its answers could not be graded and count as wrong (80% hit the token limit)"
    assert text in found.reasons
    found = decide(counted(some, b={"ok": 60, "truncated": 40}))
    assert found.state == "pass"


def test_a_few_that_were_not_graded_are_not_told():
    found = decide(evidence({"a": 0.8, "b": 0.5}, [row("a", "b", 0.3, clear=True)], more={"a": graded(95)}))
    assert (found.state, [reason for reason in found.reasons if "graded" in reason]) == ("pass", [])


def test_a_value_over_nothing_has_no_missing_part():
    nothing = {METRIC: share(0.5, n=0), f"{METRIC}_answered": share(0.5, n=0)}
    found = decide(evidence({"a": 0.8, "b": 0.5}, [row("a", "b", 0.3, clear=True)], more={"b": nothing}))
    assert found.choice == "a"
