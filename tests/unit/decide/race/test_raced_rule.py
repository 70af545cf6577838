"""A race drops only whom the decision rule can choose no more: its margin, incumbent and open rules count."""

from random import Random

import msgspec
import pytest
from tests.unit.decide.parts import evidence
from tests.unit.decide.race.test_raced import Made

from bakeoff.decide.race.contest import DECIDED, USED_UP
from bakeoff.decide.race.raced import raced_facts, raced_targets
from bakeoff.decide.verdict.verdict import decide
from bakeoff.records import DecideSpec, PlannedRace, QualityRule, RaceRule, TargetCost, TargetResult, Verdict

RULES = [RaceRule(step=50), RaceRule(method="obrien_fleming", looks=5)]
both_methods = pytest.mark.parametrize("rule", RULES, ids=["anytime", "planned looks"])
CASES = 2_000


class Ruled(Made):
    """A raced run whose race knows more of the decision rule."""

    def __init__(self, values, *, rule: RaceRule, decide: DecideSpec = DecideSpec(), **options) -> None:  # noqa: B008  it is frozen
        super().__init__(values, rule=rule)
        self.decide = msgspec.structs.replace(decide, race=rule)
        race = PlannedRace(
            benchmark="b", rule=rule, lead=decide.quality.margin, incumbent=decide.incumbent, **options
        )
        self.plan = msgspec.structs.replace(self.plan, race=race)
        self.spec = msgspec.structs.replace(self.spec, decide=self.decide)

    def verdict(self, costs: dict[str, float]) -> Verdict:
        """Return the verdict on what the race left over, at these costs of a thousand requests."""
        contest = self.raced().contest
        asked: dict[str, list[float]] = {name: [] for name in costs}
        for score in self.scores:
            asked[score.target].append(score.value or 0.0)
        values = {
            name: sum(own[: contest.cases(contest.steps_of(name))]) / contest.cases(contest.steps_of(name))
            for name, own in asked.items()
        }
        known = [
            TargetCost(target=name, benchmark="b", basis="tokens", per_1k_requests=usd)
            for name, usd in costs.items()
        ]
        return decide(evidence(values, self.rows(), rule=self.decide, costs=known))


def close(seed: int, behind: float) -> dict[str, list[float]]:
    """Return passes of a target that is right in 80 % and of one that is so much worse, mostly together."""
    rng = Random(seed)
    dear = [float(rng.random() < 0.8) for _ in range(CASES)]
    cheap = [0.0 if one and rng.random() < behind / 0.8 else one for one in dear]
    return {"dear": dear, "cheap": cheap}


WITHIN = DecideSpec(quality=QualityRule(margin=0.08))
COSTS = {"dear": 8.0, "cheap": 1.0}


@both_methods
def test_a_cheaper_target_within_the_margin_is_kept_and_chosen(rule: RaceRule) -> None:
    for seed in range(4):
        values = close(seed, 0.04)
        without = Ruled(values, rule=rule)
        assert [each.target for each in without.raced().contest.dropped] == ["cheap"]
        assert without.verdict(COSTS).choice == "dear"
        made = Ruled(values, rule=rule, decide=WITHIN)
        assert made.raced().contest.dropped == []
        assert made.raced().contest.ended == USED_UP
        assert made.verdict(COSTS).choice == "cheap"


@both_methods
def test_a_target_beyond_the_margin_is_dropped(rule: RaceRule) -> None:
    made = Ruled(close(1, 0.3), rule=rule, decide=WITHIN)
    contest = made.raced().contest
    assert contest.ended == DECIDED
    assert [(each.target, each.lead) for each in contest.dropped] == [("cheap", 0.08)]
    assert raced_facts(made.raced(), "b")["race"]["dropped"]["cheap"]["worse_by_more_than"] == 0.08
    assert made.verdict(COSTS).choice == "dear"


@both_methods
def test_a_challenger_within_the_margin_of_the_incumbent_is_kept(rule: RaceRule) -> None:
    defended = msgspec.structs.replace(WITHIN, incumbent="dear")
    made = Ruled(close(2, 0.04), rule=rule, decide=defended)
    assert made.raced().contest.dropped == []
    found = made.verdict(COSTS)
    assert (found.choice, found.sentence[:26]) == ("cheap", "Switch from dear to cheap:")


@both_methods
def test_an_incumbent_that_is_shown_to_be_worse_leaves_whatever_the_margin(rule: RaceRule) -> None:
    upside = msgspec.structs.replace(WITHIN, incumbent="cheap")
    made = Ruled(close(3, 0.05), rule=rule, decide=upside)
    contest = made.raced().contest
    assert [(each.target, each.lead) for each in contest.dropped] == [("cheap", 0.0)]
    assert made.verdict(COSTS).choice == "dear"


def test_an_incumbent_that_does_not_race_is_no_reference() -> None:
    gone = msgspec.structs.replace(WITHIN, incumbent="elsewhere")
    assert Ruled(close(1, 0.3), rule=RULES[0], decide=gone).raced().contest.ended == DECIDED


@both_methods
def test_who_was_dropped_though_a_rule_may_exclude_the_leader_says_so(rule: RaceRule) -> None:
    values = {"dear": [1.0] * 200, "cheap": [0.0] * 200}
    made = Ruled(values, rule=rule, open_rules=("decide.slo",))
    raced = made.raced()
    assert [each.target for each in raced.contest.dropped] == ["cheap"]
    assert raced_facts(raced, "b")["race"]["open_rules"] == ["decide.slo"]
    bare = [
        TargetResult(name=name, model=name, engine=None, metrics={}, outcomes={})
        for name in ("cheap", "dear")
    ]
    cheap, dear = raced_targets(raced, bare)
    assert "where `decide.slo` rules out dear, which leads it, these cases are all" in cheap.notes[0]
    assert "decide.slo" not in " ".join(dear.notes)


def test_a_margin_of_everything_drops_nobody() -> None:
    whole = DecideSpec(quality=QualityRule(margin=1.0))
    values = {"dear": [1.0] * 100, "cheap": [0.0] * 100}
    assert Ruled(values, rule=RULES[0], decide=whole).raced().contest.dropped == []
