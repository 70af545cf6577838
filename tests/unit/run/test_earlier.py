"""A stored run tells what its requests took, and how often its targets disagreed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.decide.gather.collect import Answers
from bakeoff.records import BenchmarkSpec, Case, Choice, Sample, Score, Usage
from bakeoff.run.earlier import observed_of, shares_of, usual_of


def sample(case: str, *, ms: int | None = 100, **usage: int) -> Sample:
    done = None if ms is None else ms * 1_000_000
    return Sample(
        benchmark="b", case=case, target="t", outcome="ok", sent_at=0, done_at=done, usage=Usage(**usage)
    )


def answers(values: list[float | None]) -> Answers:
    scores = {
        (f"c{at}", 0): Score(
            benchmark="b",
            case=f"c{at}",
            target="t",
            scorer="exact",
            metric="accuracy",
            value=value,
            passed=None if value is None else value == 1,
            outcome="ok" if value is not None else "error",
        )
        for at, value in enumerate(values)
    }
    return Answers(samples=[], scores={"exact": scores} if scores else {})


def benchmark(**fields: bool) -> BenchmarkSpec:
    return BenchmarkSpec(name="b", dataset=Choice(type="jsonl"), **fields)


def cases(clusters: list[str | None]) -> dict[str, Case]:
    return {f"c{at}": Case(id=f"c{at}", cluster=name) for at, name in enumerate(clusters)}


def test_means_are_of_the_samples_that_have_a_value():
    found = usual_of(
        [sample("a", prompt=10, completion=4), sample("b", ms=300, prompt=21), sample("c", ms=None)]
    )
    assert (found.n, found.usage.prompt, found.usage.completion, found.usage.cached) == (3, 16, 4, None)
    assert found.seconds == pytest.approx(0.2)
    assert usual_of([sample("a", ms=None)]).seconds is None


def test_disagreement_is_the_share_that_one_alone_got_right():
    sides = {"x": answers([1, 1, 0, 0, 1]), "y": answers([1, 0, 1, 0, 1])}
    found = observed_of(benchmark(), cases([None] * 5), sides)
    one = found["b.accuracy"]["x", "y"]
    assert (one.disagreement, one.n, one.icc) == (pytest.approx(0.4), 5, None)


def test_shares_are_those_of_each_target():
    sides = {
        "x": answers([1, 1, 0, None]),
        "y": answers([0.5, 0.25]),
        "z": answers([7.0]),
        "none": answers([]),
    }
    found = shares_of(benchmark(), cases([None] * 4), sides)["b.accuracy"]
    assert {name: (one.share, one.n) for name, one in found.items()} == {"x": (0.5, 4), "y": (0.375, 2)}
    left_out = shares_of(benchmark(errors_count=False), cases([None] * 4), sides)["b.accuracy"]
    assert (left_out["x"].share, left_out["x"].n) == (pytest.approx(2 / 3), 3)


def test_of_scores_it_is_the_mean_squared_difference():
    sides = {"x": answers([0.5, 1.0]), "y": answers([0.0, 0.5])}
    assert observed_of(benchmark(), cases([None] * 2), sides)["b.accuracy"]["x", "y"].disagreement == 0.25


def test_failed_samples_count_as_the_benchmark_says():
    sides = {"x": answers([1, None]), "y": answers([1, 1])}
    counted = observed_of(benchmark(), cases([None] * 2), sides)["b.accuracy"]["x", "y"]
    left_out = observed_of(benchmark(errors_count=False), cases([None] * 2), sides)["b.accuracy"]["x", "y"]
    assert (counted.n, counted.disagreement) == (2, 0.5)
    assert (left_out.n, left_out.disagreement) == (1, 0.0)


def test_targets_without_a_case_in_common_tell_nothing():
    sides = {"x": answers([1, None]), "y": answers([])}
    assert observed_of(benchmark(), cases([None] * 2), sides) == {}


def test_clusters_whose_members_agree_are_worth_one_case():
    sides = {"x": answers([1, 1, 1, 0, 0, 0]), "y": answers([0] * 6)}
    named = cases(["p", "p", "p", "q", "q", "q"])
    assert observed_of(benchmark(), named, sides)["b.accuracy"]["x", "y"].icc == pytest.approx(1.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=1, max_size=60))
def test_what_is_observed_is_always_a_share(rows):
    sides = {"x": answers([float(a) for a, _, _ in rows]), "y": answers([float(b) for _, b, _ in rows])}
    one = observed_of(benchmark(), cases([f"k{k}" for _, _, k in rows]), sides)["b.accuracy"]["x", "y"]
    assert one.disagreement == pytest.approx(sum(a != b for a, b, _ in rows) / len(rows))
    assert one.icc is None or 0 <= one.icc <= 1
