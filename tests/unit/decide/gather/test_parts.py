"""Metrics that single checks feed: their means, their names, and what is missing in them."""

import msgspec
import pytest
from tests.unit.decide.parts import benchmark

from bakeoff.decide.compare.comparisons import quality_comparisons
from bakeoff.decide.estimate.estimates import answer_estimates
from bakeoff.decide.gather.collect import collect
from bakeoff.decide.gather.parts import part_scores
from bakeoff.records import Case, DecideSpec, Part, Sample, Score


def score(case, *parts, scorer="assert-set", metric="accuracy", value=1.0, target="t"):
    return Score(
        benchmark="b", case=case, target=target, scorer=scorer, metric=metric,
        value=value, passed=None if value is None else value == 1.0, outcome="ok", parts=list(parts),
    )  # fmt: skip


def part(metric, value, weight=1.0):
    return Part(scorer="contains", metric=metric, value=value, passed=None, weight=weight)


def named(*scores):
    found = part_scores({"assert-set": {(each.case, 0): each for each in scores}})
    return {
        next(iter(each.values())).metric: {k[0]: s.value for k, s in each.items()} for each in found.values()
    }


def test_a_metric_is_the_weighted_mean_of_its_parts():
    found = named(score("a", part("Tone", 1.0, 3.0), part("Tone", 0.0), part("", 0.5)))
    assert found == {"Tone": {"a": 0.75}}


def test_parts_without_weight_count_alike():
    assert named(score("a", part("Tone", 1.0, 0.0), part("Tone", 0.0, 0.0)))["Tone"] == {"a": 0.5}


def test_a_part_without_a_value_is_none():
    assert named(score("a", part("Tone", None), part("Tone", 0.5)))["Tone"] == {"a": 0.5}


def test_an_ungraded_sample_is_missing_where_every_graded_one_has_the_metric():
    scores = [score("a", part("Tone", 1.0)), score("lost", value=None)]
    assert named(*scores)["Tone"] == {"a": 1.0, "lost": None}
    assert named(*scores, score("b", part("Other", 1.0)))["Tone"] == {"a": 1.0}


def test_a_name_that_is_taken_gets_the_metric_before_it():
    one = {("a", 0): score("a", part("score", 0.5), part("accuracy", 1.0))}
    two = {("a", 0): score("a", part("score", 0.25), scorer="other", metric="style")}
    found = part_scores({"one": one, "two": two})
    metrics = [next(iter(each.values())).metric for each in found.values()]
    assert metrics == ["score", "accuracy_accuracy", "style_score"]


def graded(target, *values):
    scores = [score(f"c{n}", part("Tone", v), value=1.0, target=target) for n, v in enumerate(values)]
    samples = [Sample(benchmark="b", case=f"c{n}", target=target, outcome="ok") for n in range(len(values))]
    return samples, scores


def test_they_are_estimated_beside_the_rate_of_passes():
    samples, scores = graded("t", 1.0, 0.0, 0.5)
    answers = collect(samples, scores, frozenset())["b", "t"]
    cases = {f"c{n}": Case(id=f"c{n}") for n in range(3)}
    found = dict(answer_estimates(answers, benchmark(), cases, 0.95))
    assert list(found) == ["b.accuracy", "b.Tone"]
    assert (found["b.Tone"].value, found["b.Tone"].n, found["b.Tone"].unit) == (0.5, 3, "share")


def test_a_score_that_is_no_share_has_a_plain_mean():
    samples, scores = graded("t", 7.0, 9.0, 8.0)
    answers = collect(samples, scores, frozenset())["b", "t"]
    found = dict(answer_estimates(answers, benchmark(), {}, 0.95))
    tone = found["b.Tone"]
    assert (tone.value, tone.unit) == (pytest.approx(8.0), "score")
    assert tone.low < 8.0 < tone.high


def test_targets_are_compared_on_them():
    (samples, scores), (other_samples, other) = graded("s", 1.0, 0.5, 1.0), graded("t", 0.0, 0.5, 0.5)
    collected = collect([*samples, *other_samples], [*scores, *other], frozenset())
    rows = quality_comparisons(collected, benchmark(), {}, ["s", "t"], DecideSpec())
    assert [row.metric for row in rows] == ["b.accuracy", "b.Tone"]
    assert rows[1].difference == pytest.approx(0.5)


def test_a_metric_that_could_be_read_counts_where_the_whole_score_could_not():
    read = score("a", part("strict", 0.0), part("lenient", 1.0))
    lost = msgspec.structs.replace(read, outcome="unparsable")
    found = part_scores({"s": {("a", 0): lost}})
    values = {name: (each["a", 0].value, each["a", 0].outcome) for name, each in found.items()}
    assert values == {"s:strict": (0.0, "ok"), "s:lenient": (1.0, "ok")}
