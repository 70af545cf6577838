"""Turn a spec into a plan: every request in order, seeded and hashed, before anything is sent.

Knows cases and targets, but nothing of servers, connections or answers.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain, pairwise
from math import ceil, sqrt
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bakeoff import plugins
from bakeoff.extend import Ladder, Load
from bakeoff.prompts import content_hash, conversations
from bakeoff.races import asked_race, planned_race, raced_order
from bakeoff.records import BenchmarkSpec, Case, Intent, LoadSpec, Plan, PlannedRace, Spec, Stage, Target
from bakeoff.words import Distinct, words_of

BLOCKS = 4
QUALITY_ATTEMPTS = 8
MEASURED_REQUESTS = 100
WARMUP_CONCURRENCY = 8
TIMED_RATE = 1000
"""Most requests per second of a stage whose length is a time and whose load is a closed loop."""
TIMED_REQUESTS = 200_000
"""Most requests of such a stage."""
TIMED_CASES = 5_000
"""Prompts of an endless data set for a stage whose length is a time; after them they come again."""
WARMUP_CASES = 100
"""Prompts of a warm-up whose length is a time; after them they come again."""
CALIBRATION = "calibration"
CALIBRATION_ATTEMPTS = 2
_CALIBRATED = (0.5, 0.9, 0.1, 0.5)
"""Lengths of its prompts, as quantiles of the asked ones."""

Turns = list[list[str]]
"""Ids of cases, conversation by conversation; a case by itself is one of a single turn."""


def make_plan(spec: Spec, targets: Sequence[Target], cases: dict[str, list[Case]]) -> Plan:
    """Return the plan of a spec.

    A quality benchmark is cut into blocks and the targets take turns within each, so that a drift of the
    machine or the network over time falls on all alike; one that is raced is cut into the steps of the race.
    A measured benchmark runs target by target.

    Args:
        spec: with all defaults filled in.
        targets: resolved, in the order of the spec.
        cases: the cases of each benchmark by its name, in sending order.

    Raises:
        UsageError: a race is asked for that cannot be run.
    """
    stages: list[Stage] = []
    race = planned_race(spec)
    for benchmark in spec.benchmarks:
        names = asked_names(benchmark, targets)
        stages += _calibration_stages(benchmark, names, cases[benchmark.name], spec.seed)
    for benchmark in spec.benchmarks:
        names = asked_names(benchmark, targets)
        if race is not None and race.benchmark == benchmark.name:
            stages += _raced_stages(benchmark, names, cases[benchmark.name], race, spec.seed)
            continue
        asked = [[case.id for case in turns] for turns in conversations(cases[benchmark.name])]
        build = _measured_stages if benchmark.measured else _quality_stages
        stages += build(benchmark, names, asked, spec.seed)
    return Plan(
        hash=_hash(spec, targets, cases, race),
        seed=spec.seed,
        targets=list(targets),
        stages=stages,
        race=race,
    )


def asked_names(benchmark: BenchmarkSpec, targets: Iterable[Target]) -> list[str]:
    """Return the names of the targets that a benchmark asks."""
    return [target.name for target in targets if not benchmark.models or target.name in benchmark.models]


def calibration_cases(benchmark: BenchmarkSpec, cases: Sequence[Case], seed: int) -> list[Case]:
    """Return prompts that tell what a word costs at a server; none where no prompt can be fitted.

    They are of lengths that the benchmark asks for, and are none of its own prompts, so that no cache knows
    these later.
    """
    asked = sorted(case.prompt_tokens or 0 for case in cases if words_of(case) is not None)
    if not benchmark.measured or not asked:
        return []
    texts = Distinct(Random(derive_seed(seed, benchmark.name, CALIBRATION)))
    found: list[Case] = []
    for number, share in enumerate(_CALIBRATED, 1):
        tokens = asked[round(share * (len(asked) - 1))]
        found.append(
            Case(
                id=f"{CALIBRATION}-{number}",
                fields={"prompt": " ".join(texts.draw(tokens))},
                prompt_tokens=tokens,
                output_tokens=1,
            )
        )
    return found


def derive_seed(*parts: object) -> int:
    """Return a seed that depends on every part and on nothing else."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def intents(
    stage: Stage, due_ns: Sequence[int] | None = None, following: Set[str] = frozenset()
) -> Iterator[Intent]:
    """Yield a stage's intents in sending order; cases start over as further repeats.

    Args:
        stage: the stage.
        due_ns: when each conversation begins, which all its turns bear; None in a closed loop.
        following: the cases that follow another one.
    """
    size = len(stage.cases)
    dues = iter(due_ns) if due_ns is not None else None
    due: int | None = None
    for index in range(stage.requests):
        case = stage.cases[index % size]
        if dues is not None and case not in following:
            due = next(dues)
        yield Intent(
            benchmark=stage.benchmark,
            case=case,
            target=stage.target,
            repeat=stage.repeat0 + index // size,
            stage=stage.name,
            due_ns=due,
        )


def schedule_rng(stage: Stage) -> Random:
    """Return the random numbers that make a stage's schedule."""
    return Random(stage.seed)


def request_count(benchmark: BenchmarkSpec) -> int | None:
    """Return how many conversations a benchmark takes of an endless data set, warm-up included; None for all.

    A prompt by itself is a conversation of one turn.
    """
    if not benchmark.measured:
        return benchmark.limit or benchmark.load.requests
    load = benchmark.load
    own = make_load(load).length()
    warm = min(_warmup_requests(load), max(load.warmup, WARMUP_CASES))
    timed = _timed_requests(load)
    usual = MEASURED_REQUESTS if timed is None else min(timed, TIMED_CASES)
    return warm + (load.requests or own or benchmark.limit or usual)


def make_load(load: LoadSpec) -> Load:
    """Return a benchmark's load."""
    made: Load = plugins.create("loads", load.kind, load.options)
    return made


def _warmup_load(load: LoadSpec) -> dict[str, Any]:
    """Return the load of a warm-up: the benchmark's own, unless that has steps or times of its own."""
    if make_load(load).length() is None:
        return {"kind": load.kind, **load.options}
    return {"kind": "concurrent", "concurrency": WARMUP_CONCURRENCY}


def _warmup_requests(load: LoadSpec) -> int:
    """Return how many conversations a warm-up begins at most: as many as asked, or as fit into its time."""
    if load.warmup_seconds is None:
        return load.warmup
    most = _fitting(_warmup_load(load), load.warmup_seconds)
    return min(load.warmup, most) if load.warmup else most


def _timed_requests(load: LoadSpec) -> int | None:
    """Return how many conversations begin at most in a load that ends by time alone; None for any other."""
    if load.seconds is None or load.requests is not None or make_load(load).length() is not None:
        return None
    return _fitting({"kind": load.kind, **load.options}, load.seconds)


def _fitting(load: dict[str, Any], seconds: float) -> int:
    """Return how many requests of a load fit into a time."""
    options = dict(load)
    pattern: Load = plugins.create("loads", options.pop("kind"), options)
    end, count = seconds * 1e9, 64
    while (due := pattern.schedule(count, Random(0)).due_ns) is not None:
        if due[-1] >= end or count >= TIMED_REQUESTS:
            # Random arrivals will differ from these, so some are kept in reserve.
            within = sum(each < end for each in due)
            return min(TIMED_REQUESTS, within + ceil(4 * sqrt(within)) + 1)
        count *= 4
    return min(TIMED_REQUESTS, max(1, ceil(seconds * TIMED_RATE)))


def _is_ladder(load: LoadSpec) -> bool:
    return isinstance(make_load(load), Ladder)


def _turns(asked: Turns, count: int) -> int:
    """Return how many turns `count` conversations have that are taken in order, over and over."""
    rounds, rest = divmod(count, len(asked))
    return rounds * sum(map(len, asked)) + sum(map(len, asked[:rest]))


def _quality_stages(benchmark: BenchmarkSpec, targets: list[str], asked: Turns, seed: int) -> list[Stage]:
    # Limits of time and errors hold for all that a target is asked, so it is asked in one piece.
    limited = benchmark.load.seconds is not None or benchmark.load.errors is not None
    blocks = 1 if limited or len(targets) == 1 else min(BLOCKS, len(asked))
    ends = [len(asked) * (block + 1) // blocks for block in range(blocks)]
    return _taking_turns(benchmark, targets, asked, ends, seed)


def _raced_stages(
    benchmark: BenchmarkSpec, targets: list[str], cases: list[Case], race: PlannedRace, seed: int
) -> list[Stage]:
    """Return the steps of a race; the order is random, so that the first cases stand for all."""
    rng = Random(derive_seed(seed, benchmark.name, "race"))
    order = raced_order(race, cases, rng, most=benchmark.load.requests)
    return _taking_turns(benchmark, targets, order.asked, order.ends, seed)


def _taking_turns(
    benchmark: BenchmarkSpec, targets: list[str], asked: Turns, ends: Sequence[int], seed: int
) -> list[Stage]:
    """Return the stages of blocks of conversations that end at `ends`; in each the targets take turns."""
    total = benchmark.load.requests or len(asked) * benchmark.repeats
    stages: list[Stage] = []
    for block, (low, high) in enumerate(pairwise([0, *ends])):
        requests = _share(total, len(asked), low, high)
        stages += [
            _stage(
                benchmark,
                targets[(block + turn) % len(targets)],
                asked[low:high],
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


def _calibration_stages(
    benchmark: BenchmarkSpec, targets: list[str], cases: list[Case], seed: int
) -> list[Stage]:
    """Return the stages that tell what prompts cost, before anything else is sent."""
    trials = [[case.id] for case in calibration_cases(benchmark, cases, seed)]
    return [
        _stage(
            benchmark,
            target,
            trials,
            name=CALIBRATION,
            warmup=True,
            measured=False,
            ladder=False,
            requests=len(trials),
            load={"kind": "sequential"},
            seconds=None,
            errors=None,
            attempts=CALIBRATION_ATTEMPTS,
            seed=derive_seed(seed, benchmark.name, CALIBRATION),
        )
        for target in (targets if trials else ())
    ]


def _measured_stages(benchmark: BenchmarkSpec, targets: list[str], asked: Turns, seed: int) -> list[Stage]:
    load = benchmark.load
    # A prompt of the warm-up may be answered from a cache later, so it gets cases of its own, at most half.
    first = _warmup_requests(load)
    own = first if load.warmup_seconds is None else min(first, max(load.warmup, WARMUP_CASES))
    warm = min(own, len(asked) // 2)
    main = asked[warm:]
    stages: list[Stage] = []
    for target in targets:
        if first:
            stages.append(
                _stage(
                    benchmark,
                    target,
                    asked[:warm] or asked,
                    name="warmup",
                    warmup=True,
                    requests=first,
                    seconds=load.warmup_seconds or load.seconds,
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
                requests=load.requests or _timed_requests(load) or len(main) * benchmark.repeats,
                seed=derive_seed(seed, benchmark.name, "main"),
            )
        )
    return stages


def _stage(benchmark: BenchmarkSpec, target: str, asked: Turns, *, requests: int, **own: Any) -> Stage:  # noqa: ANN401
    """Return a stage with what all stages of a benchmark share, and what is its own.

    Args:
        benchmark: whose stage.
        target: who is asked.
        asked: the conversations.
        requests: how many of them begin.
        own: fields of its own.
    """
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
    return Stage(
        benchmark=benchmark.name,
        target=target,
        cases=list(chain.from_iterable(asked)),
        requests=_turns(asked, requests),
        **(fields | own),
    )


def _hash(
    spec: Spec, targets: Sequence[Target], cases: dict[str, list[Case]], race: PlannedRace | None
) -> str:
    """Name exactly the requests of a plan: what is asked, of whom, how and when.

    How answers are scored, priced and decided upon is left out, so that it may change without a new request;
    a race decides what is asked.
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
        | ({"models": b.models} if b.models else {})
        | ({"multiple_choice": b.multiple_choice} if b.multiple_choice else {})
        for b in spec.benchmarks
    ]
    servers = [{"provider": model.provider, "deploy": model.deploy} for model in spec.models]
    unpriced = [msgspec.structs.replace(target, price=None, notes=()) for target in targets]
    encoder = msgspec.json.Encoder(order="deterministic", decimal_format="string")
    text = encoder.encode(
        {
            "v": 2,
            "seed": spec.seed,
            "sampling": spec.sampling,
            "targets": unpriced,
            "servers": servers,
            "benchmarks": asked,
        }
        | ({} if race is None else {"race": asked_race(race)})
    )
    return hashlib.sha256(text).hexdigest()
