"""Made-up load tests for tests of reports: a queue before a few slots, from idle to overload.

The numbers are drawn from a seed and measure nothing.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from bakeoff.metrics.itl import token_gaps
from bakeoff.records import (
    BenchmarkSpec,
    Bounds,
    Choice,
    Distribution,
    Estimate,
    ModelSpec,
    Results,
    Sample,
    SloSpec,
    Spec,
    StageCheck,
    StageResult,
    Usage,
)
from bakeoff.records.view import CaseText, RunView
from bakeoff.reports import build_view
from bakeoff.stats.intervals import clopper_pearson, quantile_interval
from bakeoff.stats.quantiles import summarise
from bakeoff.testing.views import make_case, make_results

SLO = SloSpec(ttft=0.5, e2e=4.0, attainment=0.9)
_SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
_SLOTS = 8


def describe(values: Sequence[float]) -> Distribution | None:
    """Return the summary of values with the intervals of its percentiles, None without values."""
    if not values:
        return None
    ordered = sorted(values)
    bounds = {name: quantile_interval(ordered, share) for name, share in _SHARES.items()}
    return Distribution(
        **msgspec.structs.asdict(summarise(ordered)),
        bounds={name: Bounds(low=one.low, high=one.high) for name, one in bounds.items()},
    )


def load_samples(name: str, place: int, rate: float, count: int, rng: Random) -> Iterator[Sample]:
    """Yield the samples of one stage: Poisson arrivals that wait for one of eight slots."""
    ready = [0.0] * _SLOTS
    due = 100.0 * place
    for number in range(count):
        due += rng.expovariate(rate)
        start = max(due + 0.0003, heapq.heappop(ready))
        prompt = max(int(rng.gauss(550, 150)), 20)
        tokens = max(int(rng.gauss(40, 8)), 4)
        first = start + (0.03 + prompt * 0.0001) * (1 + place * 0.4) * rng.uniform(0.9, 1.3)
        gaps = [int(rng.gauss(20_000, 2_500)) for _ in range(tokens - 1)]
        done = first + sum(gaps) / 1e6
        failed = number % 41 == 40
        heapq.heappush(ready, first + 0.05 if failed else done)
        yield Sample(
            benchmark="load",
            case=f"s{number}",
            target=name,
            stage=f"rate={rate:g}",
            outcome="timeout" if failed else "ok",
            scheduled_at=int(due * 1e9),
            sent_at=int((due + 0.0003) * 1e9),
            first_token_at=None if failed else int(first * 1e9),
            last_token_at=None if failed else int(done * 1e9),
            done_at=int((first + 0.05 if failed else done) * 1e9),
            usage=Usage() if failed else Usage(prompt=prompt, completion=tokens, counted_by="server"),
            chunks=0 if failed else tokens,
            chunk_us=None if failed else gaps,
            stamped_by="kernel",
        )


def stage_result(samples: Sequence[Sample], rate: float, *, valid: bool = True) -> StageResult:
    """Return the summary of one stage's samples."""
    ok = [sample for sample in samples if sample.ok]
    first, last = min(s.scheduled_at for s in samples), max(s.done_at or 0 for s in samples)
    seconds = (last - first) / 1e9
    ttft = [((s.first_token_at or 0) - s.scheduled_at) / 1e9 for s in ok]
    e2e = [((s.done_at or 0) - s.scheduled_at) / 1e9 for s in ok]
    met = sum(a <= (SLO.ttft or 0) and b <= (SLO.e2e or 0) for a, b in zip(ttft, e2e, strict=True))
    exact = clopper_pearson(met, len(samples))
    one = samples[0]
    reasons = [] if valid else ["requests went out late: lag p99 41.0 ms; lower the rate or add --processes"]
    facts: dict[str, float | str | None] = {
        "cpu_share": 0.12,
        "loop_delay_p99_s": 0.0004,
        "lag_p99_s": 0.0003 if valid else 0.041,
        "stamped_by": "kernel",
    }
    return StageResult(
        benchmark=one.benchmark,
        target=one.target,
        stage=one.stage,
        load={"kind": "poisson", "rate": rate},
        outcomes=dict(Counter(sample.outcome for sample in samples)),
        ttft=describe(ttft),
        itl=describe([gap for sample in ok for gap in token_gaps(sample) or []]),
        tpot=describe(
            [(b - a) / ((s.usage.completion or 0) - 1) for a, b, s in zip(ttft, e2e, ok, strict=True)]
        ),
        e2e=describe(e2e),
        lag=describe([0.0003] * len(samples)),
        request_rate=len(ok) / seconds,
        output_token_rate=sum(sample.usage.completion or 0 for sample in ok) / seconds,
        asked_rate=rate,
        slo_attainment=Estimate(
            value=met / len(samples),
            low=exact.low,
            high=exact.high,
            n=len(samples),
            unit="share",
            note="exact",
        ),
        goodput=met / seconds,
        seconds=seconds,
        concurrency_mean=sum(e2e) / seconds,
        client=StageCheck(
            benchmark=one.benchmark,
            target=one.target,
            stage=one.stage,
            valid=valid,
            reasons=reasons,
            facts=facts,
        ),
        prompt_tokens=describe([float(sample.usage.prompt or 0) for sample in ok]),
        output_tokens=describe([float(sample.usage.completion or 0) for sample in ok]),
        steady_from=0.1 * seconds,
        steady_to=0.8 * seconds,
    )


def make_load_view(*, targets: int = 2, stages: int = 8, requests: int = 200, seed: int = 0) -> RunView:
    """Return the view of a made-up load test; its last stage is invalid on the first target."""
    names = [f"model-{letter}" for letter in "abcdefghij"[:targets]]
    rng = Random(seed)
    samples: list[Sample] = []
    results: list[StageResult] = []
    for step in range(stages):
        rate = 1.0 + 1.5 * step
        for place, name in enumerate(names):
            own = list(load_samples(name, place, rate, requests, rng))
            samples += own
            results.append(stage_result(own, rate, valid=place > 0 or step < stages - 1 or stages == 1))
    made = msgspec.structs.replace(
        make_results(names),
        stages=results,
        checks=[result.client for result in results if result.client is not None],
    )
    return load_view(made, names, samples)


def load_view(results: Results, names: Sequence[str], samples: Sequence[Sample]) -> RunView:
    """Return the view of load results and their samples."""
    data = Choice(type="synthetic")
    spec = Spec(
        name="load-test",
        models=[ModelSpec(name=name, endpoint="http://127.0.0.1:1/v1") for name in names],
        benchmarks=[BenchmarkSpec(name="load", dataset=data, measured=True, slo=SLO)],
    )
    return build_view(results, spec, samples=samples, scores=[], cases=_case)


def _case(benchmark: str, case: str) -> CaseText:
    return make_case(benchmark, case)
