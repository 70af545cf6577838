"""Turn a spec into a plan: every request in order, seeded and hashed, before anything is sent.

Knows cases and targets, but nothing of servers, connections or answers.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bakeoff import plugins
from bakeoff.extend import Ladder, Load
from bakeoff.prompts import content_hash
from bakeoff.records import BenchmarkSpec, Case, Intent, LoadSpec, Plan, Spec, Stage, Target

BLOCKS = 4
QUALITY_ATTEMPTS = 8
MEASURED_REQUESTS = 100
WARMUP_CONCURRENCY = 8


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
    """Return how many cases a benchmark takes of an endless data set, warm-up included; None for all."""
    if not benchmark.measured:
        return benchmark.limit or benchmark.load.requests
    load = benchmark.load
    own = make_load(load).length()
    return load.warmup + (load.requests or own or benchmark.limit or MEASURED_REQUESTS)


def make_load(load: LoadSpec) -> Load:
    """Return a benchmark's load."""
    made: Load = plugins.create("loads", load.kind, load.options)
    return made


def _warmup_load(load: LoadSpec) -> dict[str, Any]:
    """Return the load of a warm-up: the benchmark's own, unless that has steps or times of its own."""
    if make_load(load).length() is None:
        return {"kind": load.kind, **load.options}
    return {"kind": "concurrent", "concurrency": WARMUP_CONCURRENCY}


def _is_ladder(load: LoadSpec) -> bool:
    return isinstance(make_load(load), Ladder)


def _quality_stages(
    benchmark: BenchmarkSpec, targets: list[str], cases: list[Case], seed: int
) -> list[Stage]:
    ids = [case.id for case in cases]
    total = benchmark.load.requests or len(ids) * benchmark.repeats
    # Limits of time and errors hold for all that a target is asked, so it is asked in one piece.
    limited = benchmark.load.seconds is not None or benchmark.load.errors is not None
    blocks = 1 if limited or len(targets) == 1 else min(BLOCKS, len(ids))
    stages: list[Stage] = []
    for block in range(blocks):
        low, high = len(ids) * block // blocks, len(ids) * (block + 1) // blocks
        requests = _share(total, len(ids), low, high)
        stages += [
            _stage(
                benchmark,
                targets[(block + turn) % len(targets)],
                ids[low:high],
                requests=requests,
                seed=derive_seed(seed, benchmark.name, "main", block),
            )
            for turn in range(len(targets) if requests else 0)
        ]
    return stages


def _content(load: LoadSpec) -> LoadSpec:
    """Return the load with a file of its own named by its content, wherever it lies."""
    path = load.options.get("path")
    if not isinstance(path, str):
        return load
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return msgspec.structs.replace(load, options=load.options | {"path": digest})


def _share(total: int, size: int, low: int, high: int) -> int:
    """Return how many of `total` requests, dealt to `size` cases in turn, fall on those from low to high."""
    rounds, rest = divmod(total, size)
    return rounds * (high - low) + max(0, min(high, rest) - low)


def _measured_stages(
    benchmark: BenchmarkSpec, targets: list[str], cases: list[Case], seed: int
) -> list[Stage]:
    ids = [case.id for case in cases]
    load = benchmark.load
    # A prompt of the warm-up may be answered from a cache later, so it gets cases of its own, at most half.
    warm = min(load.warmup, len(ids) // 2)
    main = ids[warm:]
    stages: list[Stage] = []
    for target in targets:
        if load.warmup:
            stages.append(
                _stage(
                    benchmark,
                    target,
                    ids[:warm] or ids,
                    name="warmup",
                    warmup=True,
                    requests=load.warmup,
                    load=_warmup_load(load),
                    ladder=False,
                    seed=derive_seed(seed, benchmark.name, "warmup"),
                )
            )
        stages.append(
            _stage(
                benchmark,
                target,
                main,
                requests=load.requests or len(main) * benchmark.repeats,
                seed=derive_seed(seed, benchmark.name, "main"),
            )
        )
    return stages


def _stage(benchmark: BenchmarkSpec, target: str, ids: list[str], **own: Any) -> Stage:  # noqa: ANN401
    """Return a stage with what all stages of a benchmark share, and what is its own."""
    load = benchmark.load
    fields: dict[str, Any] = {
        "name": "main",
        "load": {"kind": load.kind, **load.options},
        "seconds": load.seconds,
        "errors": load.errors,
        "attempts": benchmark.attempts or (1 if benchmark.measured else QUALITY_ATTEMPTS),
        "measured": benchmark.measured,
        "ladder": _is_ladder(load),
    }
    return Stage(benchmark=benchmark.name, target=target, cases=ids, **(fields | own))


def _hash(spec: Spec, targets: Sequence[Target], cases: dict[str, list[Case]]) -> str:
    """Name exactly the requests of a plan: what is asked, of whom, how and when.

    How answers are scored, priced and decided upon is left out, so that it may change without a new request.
    """
    asked = [
        {
            "name": b.name,
            "version": b.version,
            "prompt": b.prompt,
            "load": _content(b.load),
            "repeats": b.repeats,
            "params": b.params,
            "measured": b.measured,
            "attempts": b.attempts,
            "cases": content_hash(cases[b.name]),
        }
        for b in spec.benchmarks
    ]
    servers = [{"provider": model.provider, "deploy": model.deploy} for model in spec.models]
    unpriced = [msgspec.structs.replace(target, price=None, notes=()) for target in targets]
    encoder = msgspec.json.Encoder(order="deterministic", decimal_format="string")
    text = encoder.encode(
        {
            "v": 1,
            "seed": spec.seed,
            "sampling": spec.sampling,
            "targets": unpriced,
            "servers": servers,
            "benchmarks": asked,
        }
    )
    return hashlib.sha256(text).hexdigest()
