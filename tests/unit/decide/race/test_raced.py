"""A raced run is told by tests that may be looked at any time; who was dropped is marked and not missed."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from tests.unit.decide.parts import benchmark, sample, score

from bakeoff.decide.compare.comparisons import quality_comparisons
from bakeoff.decide.gather.collect import collect
from bakeoff.decide.race.contest import DECIDED, TIED, USED_UP, step_values
from bakeoff.decide.race.raced import (
    Raced,
    follow_race,
    raced_comparisons,
    raced_facts,
    raced_metric,
    raced_skips,
    raced_targets,
)
from bakeoff.plan import intents, make_plan
from bakeoff.records import (
    BenchmarkSpec,
    Case,
    Choice,
    Comparison,
    DecideSpec,
    Estimate,
    ModelSpec,
    Part,
    Plan,
    QualityRule,
    RaceRule,
    Sample,
    Score,
    Spec,
    Target,
    TargetResult,
)
from bakeoff.stats.betting import Betting
from bakeoff.stats.multiple import holm

EXACT = Choice(type="exact")
Values = Mapping[str, Sequence[float | None]]


class Made:
    """A run of a race whose answers are made by hand, in the order of the plan."""

    def __init__(self, values: Values, *, rule: RaceRule, asked: Sequence[Case] = (), **options: Any) -> None:
        count = max(map(len, values.values()))
        self.cases = list(asked) or [Case(id=f"c{n}") for n in range(count)]
        self.benchmark: BenchmarkSpec = benchmark(scorers=[EXACT], **options.pop("benchmark", {}))
        self.spec = Spec(
            models=[ModelSpec(name=name) for name in values],
            benchmarks=[self.benchmark],
            decide=DecideSpec(race=rule, quality=QualityRule(metric=options.pop("metric", None))),
        )
        targets = [Target(name=name, provider="openai_chat", model=name) for name in values]
        self.plan: Plan = make_plan(self.spec, targets, {"b": self.cases})
        self.scores: list[Score] = []
        self.samples: list[Sample] = []
        self.steps: dict[str, int] = options.pop("steps", {})
        for name, own in values.items():
            self._fill(name, list(own))

    def _fill(self, target: str, values: list[float | None]) -> None:
        """Answer a target's steps in order; `steps` says how many of them were sent."""
        stages = [stage for stage in self.plan.stages if stage.target == target]
        for stage in stages[: self.steps.get(target, len(stages))]:
            for intent in intents(stage):
                if not values:
                    return
                value = values.pop(0)
                fields: dict[str, Any] = {"repeat": intent.repeat}
                self.samples.append(sample(intent.case, target, **fields))
                given = None if value is None else bool(value) if value in {0, 1} else None
                one = score(intent.case, target, given, **fields)
                self.scores.append(msgspec.structs.replace(one, value=value))

    def raced(self) -> Raced:
        """Return the race as it is followed afterwards."""
        collected = collect(self.samples, self.scores, frozenset())
        found = follow_race(self.plan, self.spec, {"b": self.by_id}, collected)
        assert found is not None
        return found

    @property
    def by_id(self) -> dict[str, Case]:
        return {case.id: case for case in self.cases}

    def rows(self) -> list[Comparison]:
        """Return the comparisons as they stand in the results."""
        collected = collect(self.samples, self.scores, frozenset())
        names = [target.name for target in self.plan.targets]
        rows = quality_comparisons(collected, self.benchmark, self.by_id, names, self.spec.decide)
        return raced_comparisons(self.raced(), rows)


GOOD, FAIR, POOR = [1.0] * 60, ([0.0] + [1.0] * 9) * 6, [0.0] * 60


def test_a_target_that_is_shown_to_be_worse_leaves_after_a_step() -> None:
    made = Made({"good": GOOD, "fair": FAIR, "poor": POOR}, rule=RaceRule(step=20), steps={"poor": 1})
    contest = made.raced().contest
    assert [(each.target, each.by, each.steps, each.cases) for each in contest.dropped] == [
        ("poor", "good", 1, 20)
    ]
    assert contest.remaining == ("good", "fair")
    assert contest.ended == USED_UP
    assert raced_skips(made.raced()) == {("b", "poor"): 40, ("b", "good"): 0, ("b", "fair"): 0}


def test_the_race_ends_when_one_is_left_and_what_came_later_is_not_looked_at() -> None:
    whole = Made({"good": GOOD, "poor": POOR}, rule=RaceRule(step=20))
    cut = Made({"good": GOOD, "poor": POOR}, rule=RaceRule(step=20), steps={"good": 1, "poor": 1})
    for made in (whole, cut):
        assert made.raced().contest.ended == DECIDED
        assert made.rows()[0].n == 20
    assert whole.rows() == cut.rows()


def test_the_rows_of_the_deciding_metric_are_those_of_the_race() -> None:
    made = Made({"good": GOOD, "fair": FAIR, "poor": POOR}, rule=RaceRule(step=20), steps={"poor": 1})
    rows = made.rows()
    assert [(row.a, row.b, row.n) for row in rows] == [
        ("good", "fair", 60),
        ("good", "poor", 20),
        ("fair", "poor", 20),
    ]
    assert {row.test for row in rows} == {"betting (anytime-valid)"}
    assert [row.p_adjusted for row in rows] == list(holm([row.p for row in rows]))
    by_race = {(each.a, each.b): each for each in made.raced().contest.pairs()}
    for row in rows:
        pair = by_race[row.a, row.b]
        assert row.p_adjusted == pytest.approx(pair.p)
        assert row.difference == pytest.approx(pair.difference)
        assert row.low is not None
        assert pair.interval.low <= row.low  # the race's own holds for all pairs at once
    test = Betting()
    test.add([1.0 - value for value in FAIR[:20]])
    test.add([1.0 - value for value in FAIR[20:40]])
    test.add([1.0 - value for value in FAIR[40:]])
    assert rows[0].p == pytest.approx(test.p)
    assert rows[0].low == pytest.approx(test.interval().low)
    assert (rows[0].only_a, rows[0].only_b) == (6, 0)


def test_a_lead_that_was_lost_keeps_the_interval_of_the_surest_look() -> None:
    swing = [0.0] * 20 + [1.0] * 400
    made = Made(
        {"a": [1.0] * 20 + [0.0] * 16 + [1.0] * 384, "b": swing, "c": GOOD * 7}, rule=RaceRule(step=20)
    )
    (row,) = [row for row in made.rows() if {row.a, row.b} == {"a", "b"}]
    assert row.p is not None
    assert row.low is not None
    assert (row.p <= 0.05) == (row.low > 0.0)


def test_planned_looks_have_their_own_p_values_and_intervals() -> None:
    lower = [0.0, 1.0, 1.0, 1.0] * 15
    made = Made({"good": GOOD, "lower": lower}, rule=RaceRule(method="obrien_fleming", looks=3))
    (row,) = made.rows()
    assert row.test == "O'Brien-Fleming, look 2 of 3"
    assert row.n == 40
    assert row.p is not None
    assert row.low is not None
    assert 0.001 < row.p < 0.05
    assert row.low > 0.0


def test_clusters_count_as_one_each() -> None:
    asked = [Case(id=f"c{n}", cluster=str(n // 5)) for n in range(60)]
    made = Made({"good": GOOD, "poor": POOR}, rule=RaceRule(step=20), asked=asked)
    (row,) = made.rows()
    assert row.test == "betting over clusters (anytime-valid)"
    test = Betting()
    contest = made.raced().contest
    for _ in range(contest.taken):
        test.add([1.0] * 4)
    assert row.p == pytest.approx(test.p)
    assert row.n == 20 * contest.taken
    looks = Made({"good": GOOD, "fair": FAIR}, rule=RaceRule(method="obrien_fleming", looks=3), asked=asked)
    assert looks.raced().contest.sizes == [4, 8, 12]
    assert looks.rows()[0].test.startswith("O'Brien-Fleming over clusters, look")


def test_equals_within_the_margin_end_tied_and_the_row_says_so() -> None:
    made = Made({"a": GOOD * 4, "b": GOOD * 4}, rule=RaceRule(step=40, margin=0.1))
    contest = made.raced().contest
    assert contest.ended == TIED
    assert contest.taken < 6
    assert made.rows()[0].note == "the race showed that they differ by less than 0.1"


@pytest.mark.parametrize(("policy", "n", "note"), [(True, 20, ""), (False, 10, "10 cases are left out")])
def test_answers_without_a_grade_count_by_the_benchmarks_policy(policy: bool, n: int, note: str) -> None:
    made = Made(
        {"good": GOOD[:20], "poor": [None, 0.0] * 10},
        rule=RaceRule(step=20),
        benchmark={"errors_count": policy},
    )
    (row,) = made.rows()
    assert row.n == n
    assert row.note.startswith(note)


def test_a_pair_without_a_case_in_common_has_no_test() -> None:
    made = Made(
        {"good": GOOD[:20], "gone": [None] * 20}, rule=RaceRule(step=20), benchmark={"errors_count": False}
    )
    row = Comparison(
        a="good",
        b="gone",
        metric="b.accuracy",
        difference=None,
        low=None,
        high=None,
        p=None,
        p_adjusted=None,
        n=0,
        test="none",
    )
    (found,) = raced_comparisons(made.raced(), [row])
    assert (found.n, found.p, found.test) == (0, None, "none")
    assert "no graded case in common" in found.note


def test_repeats_are_averaged_within_their_case() -> None:
    made = Made(
        {"good": GOOD + GOOD, "half": [1.0, 0.0] * 60},
        rule=RaceRule(step=60),
        asked=[Case(id=f"c{n}") for n in range(60)],
        benchmark={"repeats": 2},
    )
    (row,) = made.rows()
    assert (row.n, row.difference) == (60, pytest.approx(0.5))


def test_slices_and_other_metrics_are_tested_by_betting_too() -> None:
    asked = [Case(id=f"c{n}", slices={"kind": "ab"[n % 2]}) for n in range(60)]
    made = Made({"good": GOOD, "fair": FAIR}, rule=RaceRule(method="obrien_fleming", looks=2), asked=asked)
    more = [msgspec.structs.replace(one, scorer="f1", metric="f1", passed=None) for one in made.scores]
    made.scores += more
    rows = {row.metric: row for row in made.rows()}
    assert set(rows) == {
        "b.accuracy",
        "b.accuracy@kind=a",
        "b.accuracy@kind=b",
        "b.f1",
        "b.f1@kind=a",
        "b.f1@kind=b",
    }
    assert rows["b.accuracy"].test.startswith("O'Brien-Fleming")
    assert {row.test for name, row in rows.items() if name != "b.accuracy"} == {"betting (anytime-valid)"}
    assert rows["b.accuracy@kind=a"].n + rows["b.accuracy@kind=b"].n == rows["b.accuracy"].n
    sliced = [rows["b.accuracy@kind=a"], rows["b.accuracy@kind=b"]]
    assert [row.p_adjusted for row in sliced] == list(holm([row.p for row in sliced]))


def test_the_metric_of_a_part_can_be_raced() -> None:
    made = Made({"good": GOOD, "poor": POOR}, rule=RaceRule(step=20), metric="b.style")
    made.scores = [
        msgspec.structs.replace(
            one,
            value=1.0,
            passed=True,
            parts=[Part(scorer="x", metric="style", value=one.value, passed=None)],
        )
        for one in made.scores
    ]
    raced = made.raced()
    assert raced_metric(raced) == "style"
    assert raced.contest.ended == DECIDED
    rows = {row.metric: row for row in made.rows()}
    assert rows["b.style"].difference == 1.0
    assert rows["b.accuracy"].difference == 0.0


def test_a_metric_that_nobody_feeds_drops_nobody() -> None:
    made = Made({"good": GOOD, "poor": POOR}, rule=RaceRule(step=20), metric="b.other")
    contest = made.raced().contest
    assert (contest.remaining, contest.ended) == (("good", "poor"), USED_UP)


def test_scores_that_know_no_bounds_drop_nobody_and_have_no_test() -> None:
    made = Made({"good": [5.0] * 40, "poor": POOR[:40]}, rule=RaceRule(step=20))
    contest = made.raced().contest
    assert (contest.ended, contest.dropped, contest.bounded) == (USED_UP, [], False)
    (row,) = made.rows()
    assert (row.p, row.low, row.n, row.difference) == (None, None, 40, 5.0)
    assert "outside 0..1" in row.note


def test_a_row_of_what_is_no_grade_keeps_its_numbers_and_says_so() -> None:
    made = Made({"good": GOOD, "poor": POOR}, rule=RaceRule(step=20))
    row = Comparison(
        a="good",
        b="poor",
        metric="b.e2e",
        difference=0.1,
        low=0.0,
        high=0.2,
        p=0.03,
        p_adjusted=0.03,
        n=20,
        test="t",
        note="a note",
    )
    other = msgspec.structs.replace(row, metric="else.accuracy")
    found = raced_comparisons(made.raced(), [row, other])
    assert (found[0].p, found[1]) == (0.03, other)
    assert found[0].note == "a note; the race chose how many cases there are, which this test does not know"


def test_a_step_that_lacks_a_score_is_not_looked_at_yet() -> None:
    made = Made({"good": FAIR, "poor": FAIR}, rule=RaceRule(step=20), steps={"good": 2, "poor": 1})
    raced = made.raced()
    assert (raced.contest.taken, raced.contest.ended) == (1, "")
    assert raced.contest.asked == ("good", "poor")
    assert raced_skips(raced) == {}
    assert raced_facts(raced, "b")["race"]["ended"] == "not yet: cases are missing"
    made.scores.pop()
    assert made.raced().contest.taken == 0
    assert step_values({}, made.plan.stages[0], None, errors_count=True) is None


def test_values_that_the_race_ended_are_marked() -> None:
    made = Made({"good": GOOD, "fair": FAIR, "poor": POOR}, rule=RaceRule(step=20), steps={"poor": 1})
    names = ("b.accuracy", "b.accuracy@kind=a", "b.accuracy_answered", "b.tokens", "b.accuracyish")
    results = [
        TargetResult(
            name=name,
            model=name,
            engine=None,
            outcomes={},
            metrics={metric: Estimate(value=0.5, unit="share", n=9, note="Wilson") for metric in names},
        )
        for name in ("good", "poor", "stranger")
    ]
    good, poor, stranger = raced_targets(made.raced(), results)
    assert (good, stranger) == (results[0], results[2])
    note = (
        "stopped after 20 of 60 cases by the race: its own value is biased towards the extreme; "
        "the comparison is valid"
    )
    assert poor.notes == [f"b: {note}"]
    marked = [name for name, each in poor.metrics.items() if each.note == f"Wilson; {note}"]
    assert marked == list(names[:3])


def test_the_facts_of_a_race_say_what_it_saved() -> None:
    made = Made({"good": GOOD, "poor": POOR}, rule=RaceRule(step=20), steps={"good": 1, "poor": 1})
    facts = raced_facts(made.raced(), "b")["race"]
    assert (facts["cases"], facts["looks"], facts["remaining"]) == (20, 1, ["good"])
    assert facts["saved"] == pytest.approx(2 / 3)
    assert list(facts["dropped"]) == ["poor"]
    assert (facts["dropped"]["poor"]["by"], facts["dropped"]["poor"]["cases"]) == ("good", 20)
    assert raced_facts(made.raced(), "other") == {}


def test_a_run_without_a_race_is_left_alone() -> None:
    made = Made({"good": GOOD, "poor": POOR}, rule=RaceRule(step=20))
    plain = msgspec.structs.replace(made.plan, race=None)
    assert follow_race(plain, made.spec, {"b": made.by_id}, {}) is None
    assert follow_race(made.plan, made.spec, {}, {}) is None
    gone = msgspec.structs.replace(made.spec, benchmarks=[])
    assert follow_race(made.plan, gone, {"b": made.by_id}, {}) is None
    alone = msgspec.structs.replace(made.plan, stages=made.plan.stages[:1])
    assert follow_race(alone, made.spec, {"b": made.by_id}, {}) is None
    assert raced_comparisons(None, []) == []
    assert raced_targets(None, []) == []
    assert raced_skips(None) == {}
    assert raced_facts(None, "b") == {}


def test_a_run_of_which_nothing_is_stored_is_an_open_race() -> None:
    made = Made({"good": [], "poor": []}, rule=RaceRule(step=20), asked=[Case(id="c0"), Case(id="c1")])
    raced = made.raced()
    assert (raced.contest.taken, raced_metric(raced)) == (0, None)
