"""Ranks go only as far as the tests of all pairs: everything else shares a place."""

from random import Random

from bakeoff.decide.compare.comparisons import quality_comparisons
from bakeoff.decide.compare.ranking import rankings
from bakeoff.decide.gather.collect import Answers, Collected
from bakeoff.records import BenchmarkSpec, Case, Choice, DecideSpec, Ranking, Score

BENCHMARK = BenchmarkSpec(name="b", dataset=Choice(type="inline"), scorers=[Choice(type="exact")])


def answered(target: str, passes: dict[str, bool]) -> Answers:
    scores = {
        (case, 0): Score(
            benchmark="b",
            case=case,
            target=target,
            repeat=0,
            stage="main",
            scorer="exact",
            metric="accuracy",
            value=float(passed),
            passed=passed,
            outcome="ok",
            parsed="x",
        )
        for case, passed in passes.items()
    }
    return Answers(samples=[], scores={"exact": scores})


def ranked(passes: dict[str, dict[str, bool]], cases: dict[str, Case] | None = None) -> list[Ranking]:
    collected: Collected = {("b", target): answered(target, own) for target, own in passes.items()}
    known = cases or {case: Case(id=case, fields={}) for own in passes.values() for case in own}
    rule = DecideSpec()
    rows = quality_comparisons(collected, BENCHMARK, known, list(passes), rule)
    return rankings(collected, BENCHMARK, known, rows, rule.level)


def shares(right: dict[str, float], n: int = 300) -> dict[str, dict[str, bool]]:
    rng = Random(4)
    luck = [rng.random() for _ in range(n)]
    return {t: {f"c{i}": each < share for i, each in enumerate(luck)} for t, share in right.items()}


def test_what_the_tests_tell_apart_has_a_rank_of_its_own():
    (found,) = ranked(shares({"poor": 0.2, "good": 0.9, "fair": 0.55}))
    assert [(p.target, p.rank_low, p.rank_high) for p in found.places] == [
        ("good", 1, 1),
        ("fair", 2, 2),
        ("poor", 3, 3),
    ]
    assert not any(place.tied for place in found.places)
    assert found.places[0].best == 1.0
    assert (found.metric, found.n, found.note) == ("b.accuracy", 300, "")


def test_what_cannot_be_told_apart_shares_its_places_and_its_chance():
    passes = shares({"a": 0.8, "b": 0.8, "c": 0.3})
    passes["b"] |= {"c0": not passes["a"]["c0"]}
    (found,) = ranked(passes)
    first, second, last = found.places
    assert {(first.rank_low, first.rank_high), (second.rank_low, second.rank_high)} == {(1, 2)}
    assert (first.tied, second.tied, last.tied) == (False, True, False)
    assert last.rank_low == last.rank_high == 3
    assert 0.1 < (second.best or 0) < 0.9


def test_chances_add_up_to_one():
    (found,) = ranked(shares({"a": 0.5, "b": 0.52, "c": 0.55, "d": 0.5}, n=80))
    assert abs(sum(place.best or 0.0 for place in found.places) - 1) < 1e-9


def test_cases_that_one_target_lacks_are_left_out_for_all_and_that_is_said():
    passes = shares({"a": 0.8, "b": 0.3, "c": 0.5}, n=100)
    for case in range(10):
        del passes["b"][f"c{case}"]
    (found,) = ranked(passes)
    assert found.n == 90
    assert "10 others are left out" in found.note


def test_without_a_common_case_there_is_no_chance_of_being_the_best():
    (found,) = ranked({"a": {"c1": True, "c2": True}, "b": {"d1": False, "d2": True}})
    assert [place.best for place in found.places] == [None, None]
    assert "cases of its own" in found.note
    assert found.n == 0


def test_a_single_target_has_no_rank():
    assert ranked({"a": {"c1": True}}) == []


def test_clusters_are_drawn_as_wholes():
    n = 60
    passes = {"a": {}, "b": {}}
    cases: dict[str, Case] = {}
    for i in range(n):
        cluster = i // 20
        cases[f"c{i}"] = Case(id=f"c{i}", fields={}, cluster=f"k{cluster}")
        passes["a"][f"c{i}"] = cluster != 0
        passes["b"][f"c{i}"] = cluster == 0
    (found,) = ranked(passes, cases)
    assert found.places[0].target == "a"
    assert 0.6 < (found.places[0].best or 0) < 0.9
