"""Turn a spec into a plan: every request in order, seeded and hashed, before anything is sent.

Knows cases and targets, but nothing of servers, connections or answers.
"""

import hashlib
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec

from bakeoff.prompts import content_hash
from bakeoff.records import BenchmarkSpec, Case, Intent, Plan, Spec, Stage, Target

BLOCKS = 4
QUALITY_ATTEMPTS = 8
MEASURED_REQUESTS = 100


def make_plan(spec: Spec, targets: Sequence[Target], cases: dict[str, list[Case]]) -> Plan:
    """Return the plan of a spec.

    A quality benchmark is cut into blocks and the targets take turns within each, so that a drift of the
    machine or the network over time falls on all alike. A measured benchmark runs target by target.

    Args:
        spec: with all defaults filled in.
        targets: resolved, in the order of the spec.
        cases: the cases of each benchmark by its name, in sending order.
    """
    stages: list[Stage] = []
    for benchmark in spec.benchmarks:
        chosen = cases[benchmark.name]
        build = _measured_stages if benchmark.measured else _quality_stages
        stages += build(benchmark, [target.name for target in targets], chosen, spec.seed)
    return Plan(hash=_hash(spec, targets, cases), seed=spec.seed, targets=list(targets), stages=stages)


def derive_seed(*parts: object) -> int:
    """Return a seed that depends on every part and on nothing else."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def intents(stage: Stage, due_ns: Sequence[int] | None = None) -> Iterator[Intent]:
    """Yield a stage's intents in sending order; cases start over as further repeats."""
    size = len(stage.cases)
    for index in range(stage.requests):
        yield Intent(
            benchmark=stage.benchmark,
            case=stage.cases[index % size],
            target=stage.target,
            repeat=stage.repeat0 + index // size,
            stage=stage.name,
            due_ns=due_ns[index] if due_ns is not None else None,
        )


def schedule_rng(stage: Stage) -> Random:
    """Return the random numbers that make a stage's schedule."""
    return Random(stage.seed)


def request_count(benchmark: BenchmarkSpec) -> int | None:
    """Return how many cases a benchmark takes, warm-up included; None for the whole data set."""
    if not benchmark.measured:
        return benchmark.limit
    return benchmark.load.warmup + (benchmark.load.requests or benchmark.limit or MEASURED_REQUESTS)


def _quality_stages(
    benchmark: BenchmarkSpec, targets: list[str], cases: list[Case], seed: int
) -> list[Stage]:
    ids = [case.id for case in cases]
    blocks = min(BLOCKS, len(ids)) if len(targets) > 1 else 1
    bounds = [len(ids) * block // blocks for block in range(blocks + 1)]
    return [
        _stage(
            benchmark,
            targets[(block + turn) % len(targets)],
            ids[bounds[block] : bounds[block + 1]],
            repeats=benchmark.repeats,
            seed=derive_seed(seed, benchmark.name, "main", block),
        )
        for block in range(blocks)
        for turn in range(len(targets))
    ]


def _measured_stages(
    benchmark: BenchmarkSpec, targets: list[str], cases: list[Case], seed: int
) -> list[Stage]:
    ids = [case.id for case in cases]
    warm = min(benchmark.load.warmup, max(len(ids) - 1, 0))
    stages: list[Stage] = []
    for target in targets:
        if warm:
            stages.append(
                _stage(
                    benchmark,
                    target,
                    ids[:warm],
                    name="warmup",
                    warmup=True,
                    requests=benchmark.load.warmup,
                    seed=derive_seed(seed, benchmark.name, "warmup"),
                )
            )
        stages.append(
            _stage(
                benchmark,
                target,
                ids[warm:],
                requests=benchmark.load.requests or len(ids) - warm,
                seed=derive_seed(seed, benchmark.name, "main"),
            )
        )
    return stages


def _stage(benchmark: BenchmarkSpec, target: str, ids: list[str], **changes: Any) -> Stage:  # noqa: ANN401
    load = benchmark.load
    repeats = changes.pop("repeats", 1)
    fields: dict[str, Any] = {
        "name": "main",
        "requests": len(ids) * repeats,
        "load": {"kind": load.kind, **load.options},
        "seconds": load.seconds,
        "errors": load.errors,
        "attempts": benchmark.attempts or (1 if benchmark.measured else QUALITY_ATTEMPTS),
        "measured": benchmark.measured,
    }
    return Stage(benchmark=benchmark.name, target=target, cases=ids, **(fields | changes))


def _hash(spec: Spec, targets: Sequence[Target], cases: dict[str, list[Case]]) -> str:
    """Name exactly the requests of a plan: what is asked, of whom, how and when.

    How answers are scored and decided upon is left out, so that both may change without a new request.
    """
    asked = [
        {
            "name": b.name,
            "prompt": b.prompt,
            "load": b.load,
            "repeats": b.repeats,
            "params": b.params,
            "measured": b.measured,
            "attempts": b.attempts,
            "cases": content_hash(cases[b.name]),
        }
        for b in spec.benchmarks
    ]
    encoder = msgspec.json.Encoder(order="deterministic", decimal_format="string")
    text = encoder.encode(
        {"v": 1, "seed": spec.seed, "sampling": spec.sampling, "targets": list(targets), "benchmarks": asked}
    )
    return hashlib.sha256(text).hexdigest()
