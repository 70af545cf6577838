"""What several outcomes make together: no failure is ever lost, whatever its text, weight or place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.assertions.combine import Outcome, as_set, combine
from bakeoff.records import Part

REASONS = st.sampled_from(["", " ", "failed", "passed", "All assertions passed", "x" * 900])
WEIGHTS = st.sampled_from([0.0, 0.5, 1.0, 3.0])


@st.composite
def outcomes(draw):
    passed = draw(st.sampled_from([True, False, None]))
    unread = passed is False and draw(st.booleans())
    score = None if passed is None or unread else draw(st.floats(0, 1))
    weight = draw(WEIGHTS)
    return Outcome(
        score=score,
        passed=passed,
        judged=score is not None,
        reason=draw(REASONS),
        weight=weight,
        excused=weight == 0 and draw(st.booleans()),
    )


def outcome(*, passed, score=None, weight=1.0, reason="", excused=False, **more):
    score = float(bool(passed)) if score is None else score
    return Outcome(score=score, passed=passed, weight=weight, reason=reason, excused=excused, **more)


@given(st.lists(outcomes(), min_size=1, max_size=6))
def test_a_failing_assertion_never_becomes_a_pass(members):
    counted = [member for member in members if not member.excused]
    whole = combine(members)
    assert (whole.passed is True) == all(member.passed is True for member in counted)
    assert (whole.passed is False) == any(member.passed is False for member in counted)


@given(st.lists(outcomes(), min_size=1, max_size=6), st.floats(0, 1))
def test_with_a_threshold_the_weighted_mean_decides_alone(members, threshold):
    whole = combine(members, threshold)
    open_ = any(m.passed is None and m.score is None and m.weight for m in members)
    weights = sum(member.weight for member in members)
    score = sum((m.score or 0.0) * m.weight for m in members) / weights if weights else 0.0
    assert whole.passed == (None if open_ else score >= threshold)


@given(st.lists(outcomes(), min_size=1, max_size=6), st.lists(REASONS, min_size=6, max_size=6))
def test_no_reason_changes_an_outcome(members, reasons):
    other = [
        Outcome(score=m.score, passed=m.passed, judged=m.judged, reason=r, weight=m.weight, excused=m.excused)
        for m, r in zip(members, reasons, strict=False)
    ]
    assert combine(other).passed == combine(members).passed
    assert combine(other, 0.5).passed == combine(members, 0.5).passed
    assert len(combine(members).reason) < 2000


@given(st.lists(outcomes(), min_size=1, max_size=6), st.randoms())
def test_the_order_of_assertions_does_not_matter(members, random):
    mixed = random.sample(members, len(members))
    assert combine(mixed).passed == combine(members).passed
    assert combine(mixed).score == pytest.approx(combine(members).score)


def test_the_published_example_of_a_lost_failure_fails():
    whole = combine([outcome(passed=False, reason="no `nowhere`"), outcome(passed=False, reason="")])
    assert whole.passed is False
    assert whole.reason == "2 of 2 assertions failed: no `nowhere`; no reason given"


def test_the_score_is_the_weighted_mean():
    whole = combine(
        [outcome(passed=True, weight=3.0), outcome(passed=False), outcome(passed=True, weight=0.0)]
    )
    assert (whole.score, whole.passed) == (0.75, False)


def test_weight_zero_counts_nowhere():
    failing = outcome(passed=False, weight=0.0, excused=True)
    assert combine([outcome(passed=True), failing]).passed is True
    only = combine([failing])
    assert (only.passed, only.score) == (True, 0.0)


def test_a_set_of_weight_zero_counts_in_no_mean_but_can_fail():
    assert combine([outcome(passed=True), outcome(passed=False, weight=0.0)]).passed is False


def test_nothing_asserted_passes():
    assert combine([]) == Outcome(score=1.0, passed=True, reason="nothing is asserted")


def test_what_could_not_be_judged_leaves_the_whole_open():
    unknown = Outcome(score=None, passed=None, judged=False, reason="the case has no reference")
    assert combine([outcome(passed=True), unknown]).passed is None
    assert combine([outcome(passed=True), unknown], 0.5).passed is None
    assert combine([outcome(passed=False), unknown]).passed is False
    assert "were not judged" in combine([unknown]).reason


def test_a_reason_is_a_few_sentences():
    many = combine([outcome(passed=False, reason=f"r{n}") for n in range(9)])
    assert many.reason == "9 of 9 assertions failed: r0; r1; r2; and 6 more"
    assert combine([outcome(passed=True, reason="fine")]).reason == "fine"
    assert combine([outcome(passed=True)] * 2).reason == "all 2 assertions passed"
    assert combine([outcome(passed=True)] * 2, 0.5).reason == "the weighted score 1 reaches 0.5"
    low = combine([outcome(passed=False, reason="why")], 0.5)
    assert low.reason == "the weighted score 0 is below 0.5: why"


def test_a_sets_parts_keep_their_share_and_feed_no_metric_twice():
    parts = [
        Part(scorer="a", metric="Tone", value=1.0, passed=True, weight=2.0),
        Part(scorer="b", metric="Other", value=0.0, passed=False),
    ]
    whole = Outcome(score=0.5, passed=False, parts=parts)
    own, first, second = as_set(whole, scorer="assert-set", metric="Tone", weight=3.0).parts
    assert (own.metric, own.value, own.weight) == ("Tone", 0.5, 3.0)
    assert (first.metric, first.weight) == ("", 6.0)
    assert (second.metric, second.weight) == ("Other", 3.0)
