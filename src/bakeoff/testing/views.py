"""Made-up runs for tests of reports: the sizes and oddities that a report must survive.

The numbers are drawn from a seed and measure nothing.
"""

import math
from random import Random

from bakeoff.records import (
    BenchmarkSpec,
    Choice,
    Comparison,
    Estimate,
    ModelSpec,
    Results,
    Sample,
    Score,
    SloSpec,
    Spec,
    StageCheck,
    TargetResult,
    Usage,
    Verdict,
)
from bakeoff.records.view import CaseText, RunView
from bakeoff.reports import Caps, build_view

HOSTILE = (
    "</script><script>window.hacked=1</script>",
    "<img src=http://outside.test/x.png onerror=window.hacked=2>",
    "[click](javascript:window.hacked=3) <a href='javascript:window.hacked=3'>click</a>",
    "zero\x00bell\x07escape\x1b[31m back\x08 \x9b",
    "\u202eright to left override\u202c and عربى עברית",
    "</style></title></textarea>--><!-- {{ 7 * 7 }} {% raw %} ]]> &amp;",
    "long " * 4000,
    "x" * 3000,
)
_CATEGORIES = ("arithmetic", "extraction", "sentiment", "short facts")
_NAMES: tuple[str, ...] = (
    "small-a",
    "larger-b",
    "base-c",
    "router",
    "distilled-e",
    "f-8b-instruct",
    "g",
    "h",
    "i",
    "j",
)


def _interval(share: float, n: int) -> tuple[float, float]:
    width = 1.96 * math.sqrt(max(share * (1 - share), 0.01) / n)
    return max(share - width, 0.0), min(share + width, 1.0)


def _share(share: float, n: int) -> Estimate:
    low, high = _interval(share, n)
    return Estimate(value=share, low=low, high=high, n=n, unit="share")


def _around(value: float, unit: str, n: int, spread: float = 0.08) -> Estimate:
    return Estimate(value=value, low=value * (1 - spread), high=value * (1 + spread), n=n, unit=unit)


def _metrics(place: int) -> dict[str, Estimate]:
    base = 0.62 + 0.09 * ((place * 7) % 4) - 0.02 * place
    time = 0.09 * 1.6**place
    found = {"facts.accuracy": _share(base, 120)}
    for shift, category in enumerate(_CATEGORIES):
        found[f"facts.accuracy@category={category}"] = _share(min(base + 0.07 * (shift - 1.5), 1.0), 30)
    found |= {
        "facts.cost": Estimate(value=None, unit="USD", n=120, note="no price in the spec"),
        "load.slo_attainment": _share(max(0.99 - 0.11 * place, 0.0), 200),
        "load.ttft.p50": _around(time, "s", 200),
        "load.ttft.p95": _around(time * 2.4, "s", 200, 0.2),
        "load.e2e.p50": _around(time * 6, "s", 200),
        "load.e2e.p95": _around(time * 11, "s", 200, 0.2),
        "load.output_token_rate": _around(210 / (1 + place), "tokens/s", 200),
    }
    if place % 2:
        found["facts.cost"] = _around(0.0004 * (place + 1), "USD", 120)
    return found


def _target(name: str, place: int) -> TargetResult:
    return TargetResult(
        name=name,
        model=f"org/{name}-instruct",
        engine="llama.cpp b6000" if place % 2 == 0 else None,
        metrics=_metrics(place),
        outcomes={"facts": {"ok": 117, "truncated": 2, "error": 1}, "load": {"ok": 196, "timeout": 4}},
        notes=["a base model without a chat template"] if place == 2 else [],
        answered_by={f"{name}-instruct": 317},
    )


def make_results(names: list[str]) -> Results:
    """Return results with every part filled in."""
    targets = [_target(name, place) for place, name in enumerate(names)]
    comparisons = [
        Comparison(
            a=other.name,
            b=names[0],
            metric="facts.accuracy",
            difference=0.09 - 0.05 * place,
            low=0.02 - 0.06 * place,
            high=0.16 - 0.04 * place,
            p=0.004 * 10**place if place < 3 else 1.0,
            p_adjusted=0.012 if place == 0 else None,
            n=117,
            test="exact McNemar",
            only_a=19,
            only_b=8,
        )
        for place, other in enumerate(targets[1:])
    ]
    best = names[1] if len(names) > 1 else names[0]
    return Results(
        run="2026-11-21-support-bot-7f3a",
        name="support-bot",
        plan_hash="7f3a90c2e41b5d88",
        targets=targets,
        comparisons=comparisons,
        verdict=Verdict(
            state="pass",
            choice=best,
            tied=names[2:3],
            sentence=f"Run {best}: it answers 9 points more cases correctly than {names[0]} "
            "(95 % interval 2 to 16) and meets the latency target.",
            reasons=[
                "Quality decides: facts.accuracy, 117 paired cases, adjusted p 0.012.",
                "98.0 % of requests met 500 ms to the first token at 5 requests per second.",
            ],
        ),
        checks=[
            StageCheck(
                benchmark="load",
                target=best,
                stage="main",
                valid=False,
                reasons=["the client was 41 ms late at p99; use fewer requests per second or more cores"],
            )
        ],
        warnings=["facts: the price of small-a is unknown, so its cost is unknown\nhint: add `price` to it"],
        policy="Failed requests count as not passed.",
        environment={
            "bakeoff": "0.1.0",
            "python": "3.11.9",
            "hardware": {"cpu": "2 cores", "memory_gib": 24},
            "clock": {"source": "CLOCK_MONOTONIC", "stamps": "kernel receive times"},
            "command": "bakeoff run bakeoff.yaml --seed 0",
        },
        benchmarks={"facts": {"version": "1", "cases": 120}, "load": {"version": "1", "requests": 200}},
    )


def make_spec(names: list[str]) -> Spec:
    """Return the spec that belongs to `make_results`."""
    data = Choice(type="jsonl")
    return Spec(
        name="support-bot",
        models=[ModelSpec(name=name, endpoint="http://127.0.0.1:1/v1") for name in names],
        benchmarks=[
            BenchmarkSpec(name="facts", dataset=data, scorers=[Choice(type="exact")]),
            BenchmarkSpec(name="load", dataset=data, measured=True, slo=SloSpec(ttft=0.5, e2e=4.0)),
        ],
    )


def make_samples(names: list[str], cases: int, rng: Random) -> tuple[list[Sample], list[Score]]:
    """Return answers to `cases` cases and 200 load requests for each target."""
    samples: list[Sample] = []
    scores: list[Score] = []
    for place, name in enumerate(names):
        for number in range(cases):
            passed = (number * 7 + place * 3) % 10 < 7
            outcome = "ok" if (number + place) % 29 else "error"
            samples.append(_sample("facts", f"q{number:03d}", name, rng.uniform(0.1, 0.3), outcome))
            scores.append(
                Score(
                    benchmark="facts",
                    case=f"q{number:03d}",
                    target=name,
                    scorer="exact",
                    metric="accuracy",
                    value=float(passed),
                    passed=passed,
                    outcome=outcome,
                    reason="" if passed else "expected `Paris`",
                )
            )
        for number in range(200):
            first = rng.lognormvariate(math.log(0.09 * 1.6**place), 0.4)
            outcome = "timeout" if number % 50 == 49 else "ok"
            samples.append(_sample("load", f"s{number}", name, first, outcome))
    return samples, scores


def _sample(benchmark: str, case: str, target: str, first: float, outcome: str) -> Sample:
    answered = outcome == "ok"
    return Sample(
        benchmark=benchmark,
        case=case,
        target=target,
        outcome=outcome,
        sent_at=1000,
        first_token_at=int(first * 1e9) if answered else None,
        done_at=int(first * 6e9) if answered else None,
        usage=Usage(prompt=21, completion=12, counted_by="server") if answered else Usage(),
        text=f"The capital of France is Paris, says {target}." if answered else "",
        thinking="The user asks for a capital.\nThat is Paris." if answered and case.endswith("7") else "",
        error="" if answered else "HTTP 500: the server gave up",
    )


def make_case(benchmark: str, case: str) -> CaseText:
    """Return a case's text."""
    return CaseText(
        question=f"What is the capital of France? Answer with one word. ({benchmark} {case})",
        reference="Paris",
        slices={"category": _CATEGORIES[int(case[1:]) % 4]},
    )


def make_view(*, targets: int = 2, cases: int = 60, rows: int = 500, seed: int = 0) -> RunView:
    """Return the view of a made-up run."""
    names = list(_NAMES[:targets])
    samples, scores = make_samples(names, cases, Random(seed))
    return build_view(
        make_results(names),
        make_spec(names),
        samples=samples,
        scores=scores,
        cases=make_case,
        caps=Caps(rows=rows),
    )
