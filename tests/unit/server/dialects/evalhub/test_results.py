"""Scores of whole jobs: given where they mean something, refused with the reason where not."""

from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs bakeoff[server]")

from bakeoff.records.result import Estimate, Results, TargetResult, Verdict
from bakeoff.server.dialects.evalhub.asked import Part, Wanted
from bakeoff.server.dialects.evalhub.results import found_of, results_of
from bakeoff.server.jobs.job import Job, JobLimits


def a_job() -> Job:
    return Job(
        id="job-1",
        project="default",
        name="j",
        dialect="evalhub",
        state="completed",
        document={},
        asked={},
        labels={},
        limits=JobLimits(),
        owner="o",
        created_at=0,
        updated_at=0,
    )


def part(name: str, metric: str = "accuracy", **more: Any) -> Part:
    return Part(id=name, provider="bakeoff", label=name, metric=metric, **more)


def overall(
    parts: list[Part], values: dict[str, tuple[float | None, str]], threshold: float | None = None
) -> Any:
    metrics = {name: Estimate(value=value, unit=unit, n=9) for name, (value, unit) in values.items()}
    outcomes = {each.label: {"ok": 9} for each in parts}
    target = TargetResult(name="m", model="m", engine=None, metrics=metrics, outcomes=outcomes)
    verdict = Verdict(state="pass", choice=None, tied=[], sentence="")
    results = Results(run="r", name="n", plan_hash="h", targets=[target], comparisons=[], verdict=verdict)
    wanted = Wanted(request={}, parts=parts, threshold=threshold)
    shown = results_of(a_job(), wanted, [found_of(results, each) for each in parts])
    return shown.model_dump(by_alias=True, exclude_unset=True).get("test")


def test_shares_have_a_weighted_mean_and_lower_ones_count_from_the_other_end():
    parts = [part("a", weight=3), part("b", "errors", lower=True)]
    values = {"a.accuracy": (0.8, "share"), "b.errors": (0.4, "share")}
    assert overall(parts, values, 0.7) == {
        "score": pytest.approx((3 * 0.8 + 0.6) / 4),
        "threshold": 0.7,
        "pass": True,
    }
    assert overall(parts, values, 0.9)["pass"] is False


@pytest.mark.parametrize(
    ("parts", "values", "reason"),
    [
        ([part("a", "ttft", lower=True)], {"a.ttft": (0.35, "s")}, "no share"),
        ([part("a", "rating")], {"a.rating": (4.0, "share")}, "no share"),
        ([part("a"), part("b", "")], {"a.accuracy": (0.5, "share")}, "no primary score"),
        ([part("a", "nope")], {"a.accuracy": (0.5, "share")}, "no value of `nope`"),
        ([part("a")], {"a.accuracy": (None, "share")}, "no value of `accuracy`"),
        ([part("a", weight=0.0)], {"a.accuracy": (0.5, "share")}, "weights"),
    ],
)
def test_no_mean_is_made_up_of_what_has_none(parts: list[Part], values: Any, reason: str):
    found = overall(parts, values, 0.5)
    assert found["score"] is None
    assert reason in found["reason"]
    assert "pass" not in found


def test_thresholds_of_single_benchmarks_decide_where_there_is_no_score():
    slow = part("a", "ttft", lower=True, threshold=0.5)
    assert overall([slow], {"a.ttft": (0.35, "s")})["pass"] is True
    assert overall([slow], {"a.ttft": (0.7, "s")})["pass"] is False
    assert overall([slow], {"a.ttft": (0.7, "s")}, 0.1)["pass"] is False
    assert "pass" not in overall([slow], {"a.ttft": (0.35, "s")}, 0.1)
    assert "pass" not in overall([slow], {})


def test_a_job_without_thresholds_and_primary_scores_has_no_test():
    assert overall([part("a", "")], {"a.accuracy": (0.5, "share")}) is None


def test_metrics_of_lm_eval_have_their_short_names_too():
    parts = [part("a", "acc_norm", threshold=0.5)]
    values = {"a.acc_norm,none": (0.6, "share"), "a.accuracy": (0.4, "share")}
    assert overall(parts, values) == {"score": 0.6, "pass": True}
