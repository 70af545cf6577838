"""Every sentence of a verdict is true, above all where the data are poor."""

from decimal import Decimal

import msgspec
import pytest
from tests.unit.decide.parts import METRIC, evidence, result, row, share

from bakeoff.decide.verdict.constraints import Measured
from bakeoff.decide.verdict.verdict import decide
from bakeoff.records import DecideSpec, Estimate, SloSpec, StageCheck
from bakeoff.records.rule import BudgetRule, QualityRule

KEEP = DecideSpec(incumbent="old")
LOAD = Measured(name="load", attainment=0.95)
SLO = DecideSpec(slo=SloSpec(ttft=1.0))
BROKEN = StageCheck(benchmark="load", target="a", stage="main", valid=False, reasons=["lag p99 40 ms"])


def attained(low: float, high: float) -> dict[str, Estimate]:
    middle = (low + high) / 2
    return {"load.slo_attainment": Estimate(value=middle, unit="share", n=100, low=low, high=high)}


MEETS, MISSES, MAY = attained(0.96, 1.0), attained(0.1, 0.3), attained(0.9, 0.99)


def test_a_winner_that_the_data_can_tell_is_named_with_the_gap():
    found = decide(evidence({"a": 0.6, "b": 0.8}, [row("a", "b", -0.2, clear=True)]))
    assert (found.state, found.choice, found.tied) == ("pass", "b", [])
    assert found.sentence == (
        "Run b: better than a on b.accuracy (b minus a: +20.0 points, 95% interval +10.0 to +30.0, "
        "adjusted p = 0.02, n = 100)."
    )


def test_the_gap_that_is_shown_is_the_closest():
    rows = [
        row("a", "b", 0.3, clear=True),
        row("a", "c", 0.1, clear=True),
        row("b", "c", -0.2, clear=True),
    ]
    found = decide(evidence({"a": 0.9, "b": 0.6, "c": 0.8}, rows))
    assert found.sentence.startswith("Run a: better than c and b on b.accuracy (a minus c: +10.0 points")


def test_targets_that_cannot_be_told_apart_have_no_winner():
    found = decide(evidence({"a": 0.82, "b": 0.8}, [row("a", "b", 0.02, clear=False)]))
    assert (found.state, found.choice, found.tied) == ("inconclusive", None, ["a", "b"])
    assert found.sentence.startswith(
        "No clear winner: a and b cannot be told apart on b.accuracy (a minus b: +2.0"
    )
    assert found.surer == [
        (
            "to tell a from b if the true gap is the 2.0 points seen, about 5,885 cases are needed "
            "(80 % power, one comparison); 100 were used"
        )
    ]


def test_of_three_the_best_is_compared_with_each():
    rows = [row("a", "b", 0.02, clear=False), row("a", "c", 0.4, clear=True), row("b", "c", 0.4, clear=True)]
    found = decide(evidence({"a": 0.82, "b": 0.8, "c": 0.4}, rows))
    assert found.tied == ["a", "b"]
    assert found.reasons[0] == (
        "c is ruled out: worse than a on b.accuracy (a minus c: +40.0 points, 95% interval +20.0 to +60.0, "
        "adjusted p = 0.02, n = 100)"
    )
    rows = [row("a", "b", 0.02, clear=False), row("a", "c", 0.1, clear=False), row("b", "c", 0.4, clear=True)]
    found = decide(evidence({"a": 0.82, "b": 0.8, "c": 0.4}, rows))
    assert found.tied == ["a", "b", "c"]
    assert found.sentence.startswith("No clear winner: a cannot be told apart from b and c on")


def test_a_small_p_value_without_an_interval_that_leaves_0_out_is_no_win():
    doubtful = row("a", "b", 0.2, clear=True, low=-0.01)
    assert decide(evidence({"a": 0.8, "b": 0.6}, [doubtful])).choice is None


def test_an_interval_that_leaves_0_out_without_the_adjusted_p_value_is_no_win():
    doubtful = row("a", "b", 0.2, clear=True, p_adjusted=0.08)
    assert decide(evidence({"a": 0.8, "b": 0.6}, [doubtful])).choice is None


def test_a_p_value_at_the_level_is_no_win():
    assert (
        decide(evidence({"a": 0.8, "b": 0.6}, [row("a", "b", 0.2, clear=True, p_adjusted=0.051)])).choice
        is None
    )


def test_the_paired_comparison_decides_not_the_plain_shares():
    """`a` has the higher share over cases of its own, `b` is better on those that both answered."""
    found = decide(evidence({"a": 0.9, "b": 0.7}, [row("a", "b", -0.2, clear=True)]))
    assert found.choice == "b"
    assert "b minus a: +20.0 points" in found.sentence


def test_comparisons_that_contradict_each_other_name_nobody():
    rows = [row("a", "b", 0.2, clear=True), row("b", "c", 0.2, clear=True), row("a", "c", -0.2, clear=True)]
    found = decide(evidence({"a": 0.9, "b": 0.8, "c": 0.7}, rows))
    assert (found.state, found.choice, found.tied) == ("inconclusive", None, ["a", "b", "c"])
    assert found.sentence == "No clear winner: the comparisons on b.accuracy contradict each other."


def test_all_cases_different_has_no_interval_and_is_still_a_win():
    certain = row("a", "b", 1.0, clear=True, low=None, high=None, test="sign-flip permutation")
    found = decide(evidence({"a": 1.0, "b": 0.0}, [certain]))
    assert found.choice == "a"
    assert "interval" not in found.sentence


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
def test_identical_targets_have_no_winner_and_no_minus_zero(value):
    same = row("a", "b", 0.0, clear=False, p=1.0, p_adjusted=1.0, only_a=0, only_b=0)
    for pair in (["a", "b"], ["b", "a"]):
        found = decide(evidence(dict.fromkeys(pair, value), [same]))
        assert found.choice is None
        assert "+0.0 points" in found.sentence
        assert "-0.0" not in found.sentence
        assert found.surer == []


def test_targets_without_a_common_case_cannot_be_told_apart():
    nothing = row("a", "b", None, clear=False, low=None, high=None, p=None, p_adjusted=None, n=0, test="none")
    for rows in ([nothing], []):
        found = decide(evidence({"a": 0.9, "b": 0.2}, rows))
        assert found.sentence == "No clear winner: a and b cannot be told apart on b.accuracy."


def test_a_difference_without_a_test_is_shown_and_proves_nothing():
    untested = row("a", "b", 0.2, clear=True, p=None, p_adjusted=None)
    found = decide(evidence({"a": 0.8, "b": 0.6}, [untested]))
    assert found.choice is None
    assert found.sentence.endswith("(a minus b: +20.0 points, 95% interval +10.0 to +30.0, n = 100).")


def test_a_single_target_is_told_as_one_that_was_compared_with_nothing():
    found = decide(evidence({"a": 0.4}))
    assert (found.state, found.choice) == ("pass", "a")
    assert found.sentence == (
        "Run a: the only target that can be chosen, with b.accuracy 40.0% "
        "(95% interval 30.0% to 50.0%, n = 100)."
    )
    assert found.reasons == ["a was compared with no other target"]


def test_an_unknown_interval_is_said():
    alone = evidence({"a": 0.4})
    targets = [result("a", {METRIC: share(0.4, spread=None)})]
    found = decide(msgspec.structs.replace(alone, targets=targets))
    assert "40.0% (interval unknown, n = 100)" in found.sentence


def test_targets_without_a_value_are_named_as_not_compared():
    rows = [row("a", "c", 0.3, clear=True)]
    found = decide(evidence({"a": 0.4, "b": None, "c": 0.1}, rows))
    assert found.choice == "a"
    assert "b: it has no value for b.accuracy and was not compared" in found.reasons


def test_nothing_but_failures_chooses_nobody():
    failed = {f"{METRIC}_answered": Estimate(value=None, unit="share", n=0)}
    found = decide(evidence({"a": 0.0, "b": 0.0}, more={"a": failed, "b": failed}))
    assert (found.state, found.choice) == ("inconclusive", None)
    assert found.sentence == "No verdict: no answer could be graded, so b.accuracy says nothing."
    assert found.reasons == [
        "a: none of its answers could be graded",
        "b: none of its answers could be graded",
    ]


def test_a_target_that_only_failed_is_said_beside_a_winner():
    failed = {f"{METRIC}_answered": Estimate(value=None, unit="share", n=0)}
    proof = [row("a", "b", 0.9, clear=True)]
    found = decide(evidence({"a": 0.9, "b": 0.0}, proof, more={"b": failed}, partial={"b": 1.0}))
    assert found.sentence.endswith("; more samples of b failed than is tolerated.")
    assert "b: none of its answers could be graded" in found.reasons
    assert "b: 100.0% of its samples are errors or timeouts, more than tolerated" in found.reasons


def test_no_value_at_all_is_no_verdict():
    found = decide(evidence({"a": None, "b": None}))
    assert (found.state, found.choice) == ("inconclusive", None)
    assert found.sentence == "No verdict: no target has a value for b.accuracy."


def test_a_metric_that_is_no_share_cannot_rank():
    cheap = Estimate(value=0.01, unit="USD", n=9)
    found = decide(evidence({"a": 0.5}, quality="b.cost", more={"a": {"b.cost": cheap}}))
    assert found.choice is None
    assert "b.cost is no share of right answers" in found.sentence


def test_nothing_graded_gives_no_verdict_on_quality():
    found = decide(evidence({"a": None, "b": None}, quality=None))
    assert (found.state, found.choice, found.tied) == ("inconclusive", None, ["a", "b"])
    assert found.sentence == "No verdict on quality: nothing was graded. Not ruled out: a and b."


def test_without_quality_the_rules_choose_where_they_leave_one():
    found = decide(
        evidence(
            {"a": None, "b": None}, quality=None, rule=SLO, measured=[LOAD], more={"a": MEETS, "b": MISSES}
        )
    )
    assert (found.state, found.choice) == ("pass", "a")
    assert found.sentence == "Run a: the only one within the rules."
    assert found.reasons[-1] == "quality was not measured"


def test_without_quality_the_rules_do_not_choose_where_they_are_open():
    found = decide(
        evidence(
            {"a": None, "b": None}, quality=None, rule=SLO, measured=[LOAD], more={"a": MAY, "b": MISSES}
        )
    )
    assert (found.state, found.choice) == ("inconclusive", None)


def test_without_quality_all_within_the_rules_pass_and_none_is_preferred():
    found = decide(
        evidence(
            {"a": None, "b": None}, quality=None, rule=SLO, measured=[LOAD], more={"a": MEETS, "b": MEETS}
        )
    )
    assert (found.state, found.choice, found.tied) == ("pass", None, ["a", "b"])
    assert found.sentence == "Within the rules: all of a and b. Quality was not measured."


def test_a_single_target_within_the_rules_passes():
    given_evidence = evidence({"a": None}, quality=None, rule=SLO, measured=[LOAD], more={"a": MEETS})
    found = decide(given_evidence)
    assert (found.state, found.choice) == ("pass", "a")


def test_a_slice_in_which_targets_differ_is_said_with_its_interval():
    slice_row = msgspec.structs.replace(row("a", "b", -0.2, clear=True), metric=f"{METRIC}@category=sums")
    found = decide(evidence({"a": 0.5, "b": 0.52}, [row("a", "b", -0.02, clear=False), slice_row]))
    assert found.state == "inconclusive"
    assert any(
        reason.startswith(f"b is better than a on {METRIC}@category=sums: by 20 points")
        for reason in found.reasons
    )


def test_who_misses_a_rule_is_not_chosen_however_good():
    found = decide(
        evidence(
            {"a": 0.9, "b": 0.5},
            [row("a", "b", 0.4, clear=True)],
            rule=SLO,
            measured=[LOAD],
            more={"a": MISSES, "b": MEETS},
        )
    )
    assert found.choice == "b"
    assert "the only target that can be chosen" in found.sentence
    assert any(reason.startswith("a misses the latency target") for reason in found.reasons)


def test_no_target_within_the_rules_fails():
    found = decide(evidence({"a": 0.9, "b": 0.5}, rule=SLO, measured=[LOAD], more={"a": MISSES, "b": MISSES}))
    assert (found.state, found.choice, found.sentence) == ("fail", None, "No target meets the rules.")


def test_an_open_rule_makes_a_choice_uncertain_and_says_so():
    found = decide(
        evidence(
            {"a": 0.9, "b": 0.5},
            [row("a", "b", 0.4, clear=True)],
            rule=SLO,
            measured=[LOAD],
            more={"a": MAY, "b": MEETS},
        )
    )
    assert (found.state, found.choice) == ("inconclusive", "a")
    assert found.sentence.endswith("; whether it meets every rule is not certain yet.")


def test_a_rule_that_nothing_measured_is_never_taken_as_met():
    for rule in (SLO, DecideSpec(budget=BudgetRule(usd_per_1k_requests=Decimal(1)))):
        found = decide(evidence({"a": 0.9}, rule=rule))
        assert found.state == "inconclusive"
        assert "not certain yet" in found.sentence


@pytest.mark.parametrize(("rule", "quality"), [(SLO, METRIC), (DecideSpec(), None)])
def test_a_client_that_was_the_limit_makes_what_rests_on_the_load_invalid(rule, quality):
    found = decide(evidence({"a": 0.9}, checks=[BROKEN], rule=rule, quality=quality, measured=[LOAD]))
    assert (found.state, found.choice) == ("invalid", None)
    assert found.reasons[0] == "load on a: lag p99 40 ms"


def test_a_client_that_was_the_limit_does_not_touch_quality_but_is_said():
    valid = msgspec.structs.replace(BROKEN, valid=True, reasons=[])
    found = decide(evidence({"a": 0.9}, checks=[valid, BROKEN]))
    assert found.state == "pass"
    assert found.reasons[0] == "load on a: lag p99 40 ms"


def test_a_challenger_that_is_shown_to_be_better_replaces_the_incumbent():
    found = decide(evidence({"old": 0.6, "new": 0.8}, [row("new", "old", 0.2, clear=True)], rule=KEEP))
    assert (found.state, found.choice, found.tied) == ("pass", "new", [])
    assert found.sentence.startswith(
        "Switch from old to new: better on b.accuracy (new minus old: +20.0 points"
    )
    assert found.sentence.endswith("n = 100).")


def test_of_two_better_challengers_the_best_is_taken_and_the_tie_is_said():
    rows = [
        row("new", "old", 0.2, clear=True),
        row("other", "old", 0.18, clear=True),
        row("new", "other", 0.02, clear=False),
    ]
    found = decide(evidence({"old": 0.6, "other": 0.78, "new": 0.8}, rows, rule=KEEP))
    assert (found.choice, found.tied) == ("new", ["new", "other"])
    assert found.sentence.endswith("; not shown to be better than other.")


def test_better_challengers_that_contradict_each_other_still_beat_the_incumbent():
    rows = [row(name, "old", 0.2, clear=True) for name in ("x", "y", "z")]
    rows += [row("x", "y", 0.2, clear=True), row("y", "z", 0.2, clear=True), row("x", "z", -0.2, clear=True)]
    found = decide(evidence({"old": 0.1, "x": 0.5, "y": 0.4, "z": 0.3}, rows, rule=KEEP))
    assert (found.choice, found.tied) == ("x", ["x", "z"])


def test_the_incumbent_stays_where_nobody_was_shown_to_be_better():
    rows = [
        row("new", "old", 0.05, clear=False),
        row("worse", "old", -0.3, clear=True),
        row("near", "old", 0.07, clear=False),
    ]
    found = decide(evidence({"old": 0.6, "new": 0.65, "worse": 0.3, "near": 0.67}, rows, rule=KEEP))
    assert (found.state, found.choice, found.tied) == ("pass", "old", ["old", "near", "new"])
    assert found.sentence.startswith(
        "Keep old: no challenger was shown to be better on b.accuracy (near minus old: +7.0 points"
    )
    (said,) = [text for text in found.reasons if "worse" in text]
    assert said == (
        "worse is ruled out: worse than old on b.accuracy (old minus worse: +30.0 points, 95% interval +15.0 "
        "to +45.0, adjusted p = 0.02, n = 100)"
    )


def test_an_incumbent_without_challengers_stays():
    found = decide(evidence({"old": 0.6, "new": None}, rule=KEEP))
    assert (found.choice, found.sentence) == ("old", "Keep old: there is no challenger that can be chosen.")


def test_an_incumbent_without_a_value_cannot_be_kept_nor_beaten():
    found = decide(evidence({"old": None, "new": 0.7}, rule=KEEP))
    assert (found.state, found.choice) == ("inconclusive", None)


def test_an_incumbent_that_was_not_asked_stands_in_no_way():
    found = decide(evidence({"new": 0.7}, rule=KEEP))
    assert found.choice == "new"
    assert found.sentence.startswith("Run new: the only target that can be chosen")


@pytest.mark.parametrize(
    ("low", "text"),
    [
        (-0.02, "new is not worse than old by more than 3.0% (lower bound -2.0%)"),
        (-0.03, "new may be worse than old by more than 3.0% (lower bound -3.0%)"),
        (-0.2, "new may be worse than old by more than 3.0% (lower bound -20.0%)"),
        (None, "new: not known whether it is worse than old by more than 3.0%"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_accepted_loss_is_held_against_the_lower_bound(low, text, turned):
    rule = DecideSpec(incumbent="old", quality=QualityRule(margin=0.03))
    one = row("new", "old", 0.0, clear=False, low=low, high=0.1)
    if turned:
        high = None if low is None else -low
        one = row("old", "new", 0.0, clear=False, low=-0.1 if low is not None else None, high=high)
    found = decide(evidence({"old": 0.6, "new": 0.6}, [one], rule=rule))
    assert text in found.reasons


def test_the_level_is_written_as_it_is():
    rule = DecideSpec(level=0.999)
    certain = row("a", "b", 0.2, clear=True, p_adjusted=0.0001, level=0.999)
    assert "99.9% interval" in decide(evidence({"a": 0.8, "b": 0.6}, [certain], rule=rule)).sentence
    assert decide(evidence({"a": 0.8, "b": 0.6}, [row("a", "b", 0.2, clear=True)], rule=rule)).choice is None


def test_nobody_wins_against_a_target_whose_value_is_unknown():
    found = decide(evidence({"a": 0.9, "b": None}))
    assert (found.state, found.choice) == ("inconclusive", None)
    assert found.sentence == "No verdict: there is no b.accuracy of b to compare a with."
