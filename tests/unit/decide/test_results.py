"""Results are made from what is stored, and what cannot be concluded is said."""

from typing import Any

import msgspec
import pytest
from tests.unit.decide.parts import answers_of, benchmark, sample

from bakeoff.decide.results import RunData, build_results, error_share
from bakeoff.plan import make_plan
from bakeoff.records import (
    Case,
    Choice,
    DecideSpec,
    Event,
    LoadSpec,
    ModelSpec,
    Results,
    Sample,
    Score,
    SloSpec,
    Spec,
    StageCheck,
    Target,
)
from bakeoff.records.rule import QualityRule

EXACT = Choice(type="exact")
GRADED = benchmark(scorers=[EXACT])


def run_data(
    passed: dict[str, list[bool | None]],
    *,
    benchmarks: list[Any] | None = None,
    events: list[Event] | None = None,
    **rules: Any,
) -> RunData:
    """Return a run in which every target answered the benchmark `b` so."""
    spec = Spec(models=[ModelSpec(name=name) for name in passed], benchmarks=benchmarks or [GRADED], **rules)
    count = max(len(values) for values in passed.values())
    cases = [Case(id=f"c{n}", reference="r") for n in range(count)]
    targets = [Target(name=name, provider="openai_chat", model=f"{name}-model") for name in passed]
    stored = [answers_of(name, values) for name, values in passed.items()]
    return RunData(
        run="run-1",
        spec=spec,
        plan=make_plan(spec, targets, {b.name: cases for b in spec.benchmarks}),
        targets=targets,
        cases={b.name: {case.id: case for case in cases} for b in spec.benchmarks},
        samples=[one for samples, _ in stored for one in samples],
        scores=[one for _, scores in stored for one in scores],
        events=events or [],
        environment={"bakeoff": "0"},
    )


def results(passed: dict[str, list[bool | None]], **options: Any) -> Results:
    return build_results(run_data(passed, **options))


def test_a_run_becomes_results_that_survive_their_file():
    found = results({"a": [True] * 30, "b": [True] * 5 + [False] * 25})
    assert (found.run, found.verdict.choice, found.environment) == ("run-1", "a", {"bakeoff": "0"})
    assert found.plan_hash
    assert [target.outcomes for target in found.targets] == [{"b": {"ok": 30}}] * 2
    assert [(row.a, row.b, row.metric) for row in found.comparisons] == [("a", "b", "b.accuracy")]
    assert found.benchmarks["b"]["cases"] == 30
    assert msgspec.json.decode(msgspec.json.encode(found), type=Results) == found


def test_the_same_store_gives_the_same_results():
    assert results({"a": [True, False], "b": [None, True]}) == results(
        {"a": [True, False], "b": [None, True]}
    )


@pytest.mark.parametrize("values", [[True], [False], [None]])
def test_one_case_never_chooses_between_two(values):
    found = results({"a": values, "b": [not values[0]]}).verdict
    assert found.choice is None


@pytest.mark.parametrize("values", [[True] * 40, [False] * 40, [True, False] * 20])
def test_equal_targets_are_a_tie(values):
    found = results({"a": values, "b": values}).verdict
    assert (found.state, found.choice, found.tied) == ("inconclusive", None, ["a", "b"])
    assert found.sentence.startswith(
        "No clear winner: a and b cannot be told apart on b.accuracy (a minus b: +0.0"
    )


@pytest.mark.parametrize("errors_count", [True, False])
def test_nothing_but_errors_is_no_verdict(errors_count):
    graded = benchmark(scorers=[EXACT], errors_count=errors_count)
    found = results({"a": [None] * 5, "b": [None] * 5}, benchmarks=[graded])
    assert found.verdict.choice is None
    assert found.verdict.sentence.startswith("No verdict: no ")
    assert error_share(found) == 1.0


def test_errors_above_the_tolerance_are_a_reason_and_below_are_not():
    values: list[bool | None] = [None] * 2 + [True] * 38
    assert any("5.0%" in r for r in results({"a": values}, error_tolerance=0.04).verdict.reasons)
    assert not any("5.0%" in r for r in results({"a": values}, error_tolerance=0.05).verdict.reasons)


def test_a_target_without_samples_has_no_value_and_is_said():
    data = run_data({"a": [True] * 4, "b": [True] * 4})
    data = msgspec.structs.replace(
        data,
        samples=[s for s in data.samples if s.target == "a"],
        scores=[s for s in data.scores if s.target == "a"],
    )
    found = build_results(data)
    assert "b on b: 0 of 4 planned samples are there" in found.warnings
    assert "b: it has no value for b.accuracy and was not compared" in found.verdict.reasons
    assert found.targets[1].outcomes == {"b": {}}
    assert error_share(found) == 0.0


def test_samples_that_were_never_graded_are_warned_of():
    data = run_data({"a": [True] * 4})
    data = msgspec.structs.replace(data, scores=list(data.scores)[:3])
    (warning,) = build_results(data).warnings
    assert warning.startswith("b on a: 1 samples were not graded before a crash")


def test_the_quality_metric_is_the_rules_or_the_first_graded():
    both = [benchmark(name="load", measured=True), GRADED]
    assert "b.accuracy" in results({"a": [True] * 4}, benchmarks=both).verdict.sentence
    rule = DecideSpec(quality=QualityRule(metric="b.other"))
    named = results({"a": [True] * 4}, decide=rule).verdict
    assert named.sentence == "No verdict: no target has a value for b.other."


def test_without_scores_nothing_was_graded():
    data = msgspec.structs.replace(run_data({"a": [True]}, benchmarks=[benchmark()]), scores=[])
    assert "nothing was graded" in build_results(data).verdict.sentence


def test_answers_that_hit_the_limit_come_first_among_the_warnings():
    data = run_data({"a": [True] * 10})
    cut = [msgspec.structs.replace(s, outcome="truncated") if s.case == "c0" else s for s in data.samples]
    found = build_results(msgspec.structs.replace(data, samples=cut[:9]))
    assert found.warnings[0] == "b on a: 1 of 9 answers hit the token limit; raise `params.max_tokens`"
    assert found.warnings[1] == "b on a: 9 of 10 planned samples are there"


def test_several_names_of_one_target_are_warned_of():
    data = run_data({"a": [True] * 2})
    named = [msgspec.structs.replace(s, model=f"m-{s.case}") for s in data.samples]
    found = build_results(msgspec.structs.replace(data, samples=named))
    assert found.warnings == ["a answered under several model names: m-c0, m-c1"]
    assert found.targets[0].answered_by == {"m-c0": 1, "m-c1": 1}


def test_the_policy_is_stated_for_graded_benchmarks():
    graded = [GRADED, benchmark(name="c", scorers=[EXACT], errors_count=False), benchmark(name="load")]
    policy = results({"a": [True]}, benchmarks=graded).policy
    assert policy.startswith("b: a sample without a grade (truncated,")
    assert "counts as not right; c: " in policy
    assert policy.endswith("is left out of the rate")
    assert "load" not in policy


def ended(stage: str, *, valid: bool) -> Event:
    check = StageCheck(
        benchmark="load", target="a", stage=stage, valid=valid, reasons=[] if valid else ["late"]
    )
    return Event(kind="stage_ended", facts={"check": msgspec.to_builtins(check)})


def test_the_last_check_of_a_stage_counts_and_the_warm_ups_does_not():
    events = [
        Event(kind="run_started"),
        Event(kind="stage_ended", facts={}),
        ended("warmup", valid=False),
        ended("main", valid=False),
        ended("main", valid=True),
    ]
    load = benchmark(name="load", measured=True, load=LoadSpec(warmup=1))
    data = run_data({"a": [True] * 60}, benchmarks=[GRADED, load], events=events)
    warm = [msgspec.structs.replace(one, stage="warmup") for one in load_samples("a", 0.1)[:1]]
    samples = [*data.samples, *warm, *load_samples("a", 0.1)[1:]]
    found = build_results(msgspec.structs.replace(data, samples=samples))
    assert [(check.stage, check.valid) for check in found.checks] == [("main", True)]


def load_samples(target: str, seconds: float) -> list[Sample]:
    at = [10**9 * n for n in range(60)]
    return [
        sample(
            f"c{n}",
            target,
            benchmark="load",
            scheduled_at=when,
            sent_at=when,
            first_token_at=when + round(seconds * 1e9),
            done_at=when + round(2 * seconds * 1e9),
        )
        for n, when in enumerate(at)
    ]


@pytest.mark.parametrize(
    ("own", "asked"), [(None, "asked 90%"), (SloSpec(ttft=10.0, attainment=0.5), "asked 50%")]
)
def test_a_benchmarks_own_latency_targets_win_over_the_rules(own, asked):
    load = benchmark(
        name="load", measured=True, slo=own, load=LoadSpec(kind="constant", options={"rate": 1.0})
    )
    rule = DecideSpec(slo=SloSpec(ttft=0.5, attainment=0.9, at_rate=1.0))
    data = run_data({"a": [True] * 60}, benchmarks=[GRADED, load], decide=rule)
    samples: list[Sample] = [*data.samples, *load_samples("a", 2.0)]
    found = build_results(msgspec.structs.replace(data, samples=samples))
    (reason,) = [r for r in found.verdict.reasons if "latency target" in r]
    assert asked in reason
    assert reason.startswith("a misses" if own is None else "a meets")


def test_a_measured_benchmark_compares_latencies():
    load = benchmark(name="load", measured=True)
    data = run_data({"a": [True] * 60, "b": [True] * 60}, benchmarks=[GRADED, load])
    samples = [*data.samples, *load_samples("a", 0.5), *load_samples("b", 0.1)]
    found = build_results(msgspec.structs.replace(data, samples=samples))
    assert [row.metric for row in found.comparisons] == ["b.accuracy", "load.ttft", "load.e2e"]
    assert found.comparisons[1].difference == pytest.approx(0.4)
    assert found.targets[0].metrics["load.request_rate"].value is not None


def test_scores_of_unknown_cases_do_no_harm():
    data = run_data({"a": [True] * 3})
    scores: list[Score] = list(data.scores)
    found = build_results(msgspec.structs.replace(data, cases={}, scores=scores))
    assert found.targets[0].metrics["b.accuracy"].n == 3


@pytest.mark.parametrize(("temperature", "warned"), [(0.0, True), (0.7, False)])
def test_repeats_without_temperature_are_warned_of(temperature, warned):
    asked = benchmark(scorers=[EXACT], repeats=3, params={"temperature": temperature})
    found = results({"a": [True, False]}, benchmarks=[asked])
    assert any("repeats at temperature 0" in text for text in found.warnings) is warned


def test_a_load_sample_that_was_sent_again_after_a_resume_counts_once():
    load = benchmark(name="load", measured=True, load=LoadSpec(requests=20))
    data = run_data({"a": [None]}, benchmarks=[load])
    twice = load_samples("a", 1.0) + load_samples("a", 2.0)
    once = msgspec.structs.replace(data, samples=twice, scores=[], events=[Event(kind="run_resumed")])
    (target,) = build_results(once).targets
    assert sum(target.outcomes["load"].values()) == len(twice) // 2
    assert target.metrics["load.ttft.p50"].value == pytest.approx(2.0)


CONTEXT = "http_400: HTTP 400: request ({} tokens) exceeds the context"


def test_why_requests_failed_is_told_once_for_each_cause():
    data = run_data({"a": [None, None, None, True]})
    causes = [CONTEXT.format(5000), "timeout: no answer within 60 s", CONTEXT.format(9000), ""]
    samples = [msgspec.structs.replace(s, error=e) for s, e in zip(data.samples, causes, strict=True)]
    found = build_results(msgspec.structs.replace(data, samples=samples))
    told = "HTTP 400: request (5000 tokens) exceeds the context (2); no answer within 60 s (1)"
    assert found.warnings == [f"b on a: 3 of 4 requests failed: {told}"]


def test_why_requests_of_a_load_failed_is_told():
    load = benchmark(name="load", measured=True)
    data = run_data({"a": [True]}, benchmarks=[load])
    one, *rest = load_samples("a", 1.0)
    failed = msgspec.structs.replace(one, outcome="error", error="reset: the server closed the connection")
    found = build_results(msgspec.structs.replace(data, samples=[failed, *rest], scores=[]))
    told = f"load on a: 1 of {len(rest) + 1} requests failed: the server closed the connection (1)"
    assert told in found.warnings
