"""What came of a job: metrics of each benchmark, thresholds met or missed, and a score or why not."""

from collections.abc import Mapping, Sequence

import msgspec

from bakeoff.records.result import Estimate, Results, StageResult
from bakeoff.server.dialects.evalhub.asked import Part, Wanted
from bakeoff.server.dialects.evalhub.shown import BenchmarkResult, JobResults, JobTest, MetricKind, Test
from bakeoff.server.jobs.job import Job

_MS = 1000.0
_UNANSWERED = ("error", "timeout", "cancelled", "judge_failed")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one benchmark of a job.

    Attributes:
        metrics: values by name.
        shares: names of metrics that are shares of 1.
        estimates: those with intervals.
        outcomes: samples by outcome.
    """

    metrics: dict[str, float]
    shares: frozenset[str]
    estimates: dict[str, Estimate]
    outcomes: dict[str, int]

    @property
    def asked(self) -> int:
        """Return the number of samples."""
        return sum(self.outcomes.values())

    @property
    def answered(self) -> int:
        """Return the number of samples that are answers, right, wrong or unreadable."""
        return self.asked - sum(self.outcomes.get(name, 0) for name in _UNANSWERED)


def found_of(results: Results, part: Part) -> Found:
    """Return what the results of a job's run say of one of its benchmarks."""
    estimates: dict[str, Estimate] = {}
    outcomes: dict[str, int] = {}
    start = f"{part.label}."
    for target in results.targets:
        outcomes = target.outcomes.get(part.label, {})
        estimates = {
            name.removeprefix(start): each for name, each in target.metrics.items() if name.startswith(start)
        }
    metrics = {name: each.value for name, each in estimates.items() if each.value is not None}
    shares = {name for name, each in estimates.items() if each.unit == "share"}
    stages = [each for each in results.stages if each.benchmark == part.label]
    for name, value in _speed(stages, outcomes).items():
        metrics.setdefault(name, value)
    shares.add("success_rate")
    metrics |= _short_names(metrics)
    shares |= {name.partition(",")[0] for name in shares}
    return Found(metrics=metrics, shares=frozenset(shares), estimates=estimates, outcomes=outcomes)


def results_of(job: Job, wanted: Wanted, found: Sequence[Found]) -> JobResults:
    """Return the results of a job that has ended."""
    tests = [_test(part, each) for part, each in zip(wanted.parts, found, strict=True)]
    benchmarks = [_result(job, at, wanted.parts[at], each, tests[at]) for at, each in enumerate(found)]
    overall = _overall(wanted, found, tests)
    return JobResults(benchmarks=benchmarks, **({} if overall is None else {"test": overall}))


def _result(job: Job, at: int, part: Part, found: Found, test: Test | None) -> BenchmarkResult:
    here = f"/api/v1/runs/{job.id}"
    return BenchmarkResult(
        id=part.id,
        provider_id=part.provider,
        benchmark_index=at,
        metrics=found.metrics,
        metrics_schema=[MetricKind(name=name, type="numeric") for name in found.metrics],
        artifacts={
            "estimates": {name: msgspec.to_builtins(each) for name, each in found.estimates.items()},
            "outcomes": found.outcomes,
            "benchmark": part.label,
            "run": here,
            "report": f"{here}/report",
        },
        logs_path=f"/api/v1/evaluations/jobs/{job.id}/benchmarks/{at}/logs",
        **({} if test is None else {"test": test}),
    )


def _test(part: Part, found: Found) -> Test | None:
    if not part.metric:
        return None
    value = found.metrics.get(part.metric)
    said: dict[str, object] = {}
    if part.threshold is not None:
        said["threshold"] = part.threshold
    if value is None:
        known = ", ".join(found.metrics) or "none"
        said["reason"] = f"the run has no metric `{part.metric}`; its metrics: {known}"
    elif part.threshold is not None:
        said["passed"] = value <= part.threshold if part.lower else value >= part.threshold
    return Test.model_validate({"primary_score": value, "primary_score_metric": part.metric, **said})


def _overall(wanted: Wanted, found: Sequence[Found], tests: Sequence[Test | None]) -> JobTest | None:
    """Return score and pass of a job, None where it asked for neither."""
    if wanted.threshold is None and not any(part.metric for part in wanted.parts):
        return None
    reason = _no_score(wanted.parts, found)
    score = None if reason else _score(wanted.parts, found)
    said: dict[str, object] = {"score": score}
    if reason:
        said["reason"] = reason
    if wanted.threshold is not None:
        said["threshold"] = wanted.threshold
    passed = _passed(wanted, score, tests)
    if passed is not None:
        said["passed"] = passed
    return JobTest.model_validate(said)


def _passed(wanted: Wanted, score: float | None, tests: Sequence[Test | None]) -> bool | None:
    """Tell whether every threshold is met; None where there is none, or one that cannot be told."""
    single = [test.passed for test in tests if test is not None and test.threshold is not None]
    whole = [] if wanted.threshold is None else [None if score is None else score >= wanted.threshold]
    said = [*single, *whole]
    if not said or (None in said and False not in said):
        return None
    return all(each is True for each in said)


def _no_score(parts: Sequence[Part], found: Sequence[Found]) -> str:
    """Say why primary scores have no mean that means anything; empty where they have."""
    for part, each in zip(parts, found, strict=True):
        if not part.metric:
            return f"the benchmark `{part.id}` has no primary score"
        value = each.metrics.get(part.metric)
        if value is None:
            return f"the benchmark `{part.id}` has no value of `{part.metric}`"
        if part.metric not in each.shares or not 0 <= value <= 1:
            return (
                f"`{part.metric}` of the benchmark `{part.id}` is no share of 1, and a mean over different "
                "units says nothing"
            )
    return "" if sum(part.weight for part in parts) > 0 else "all weights are 0"


def _score(parts: Sequence[Part], found: Sequence[Found]) -> float:
    total = sum(part.weight for part in parts)
    values = [each.metrics[part.metric] for part, each in zip(parts, found, strict=True)]
    good = [1 - value if part.lower else value for part, value in zip(parts, values, strict=True)]
    return sum(part.weight * value for part, value in zip(parts, good, strict=True)) / total


def _short_names(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return lm-eval's metrics by their names alone too: `acc_norm,none` as `acc_norm`."""
    short: dict[str, float] = {}
    for name, value in metrics.items():
        plain = name.partition(",")[0]
        if plain != name and plain not in metrics:
            short.setdefault(plain, value)
    return short


def _speed(stages: Sequence[StageResult], outcomes: Mapping[str, int]) -> dict[str, float]:
    """Return the figures of load stages by GuideLLM's names; with several, of the one of the highest rate.

    Every other one stands beside it as `STAGE/NAME`.
    """
    known = [stage for stage in stages if stage.request_rate is not None]
    total = sum(outcomes.values())
    found: dict[str, float] = {}
    if stages and total:
        found["success_rate"] = (outcomes.get("ok", 0) + outcomes.get("truncated", 0)) / total
    if not known:
        return found
    best = max(known, key=lambda stage: stage.request_rate or 0.0)
    found |= _figures(best)
    if len(stages) > 1:
        for stage in stages:
            found |= {f"{stage.stage}/{name}": value for name, value in _figures(stage).items()}
    return found


def _figures(stage: StageResult) -> dict[str, float]:
    said: dict[str, float | None] = {
        "requests_per_second": stage.request_rate,
        "output_tokens_per_second": stage.output_token_rate,
    }
    if stage.request_rate is not None and stage.prompt_tokens is not None:
        said["prompt_tokens_per_second"] = stage.request_rate * stage.prompt_tokens.mean
    for name, each in (("ttft", stage.ttft), ("itl", stage.itl), ("e2e", stage.e2e)):
        if each is not None:
            said[f"mean_{name}_ms"] = each.mean * _MS
            said[f"p95_{name}_ms"] = each.p95 * _MS
    return {name: value for name, value in said.items() if value is not None}
