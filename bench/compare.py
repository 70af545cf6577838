"""How long `bakeoff compare` takes over ten models and 20,000 cases each, and how much memory.

Run directories are written without a request: answers that are right or wrong, or scores in clusters with
prices, in one run of ten models or in ten runs of one.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec

from bakeoff import clock
from bakeoff.clock import Anchor
from bakeoff.records import Case, Event, Plan, Price, Sample, Score, Stage, Target, Usage
from bakeoff.run.folder import RunFacts, write_plan
from bakeoff.stores.jsonl import JsonlStore
from bench._child import measured
from bench._table import show

MODELS, CASES = 10, 20_000
TARGET_S, TARGET_MB = 10, 1024
_TEXT = "An answer of the length that a short question usually gets, with a reason or two given in it. " * 3


def run(share: float = 1.0) -> None:
    """Print CPU and memory."""
    count = max(100, round(CASES * share))
    rows = []
    for name, scored, apart in (
        ("passes, one run", False, False),
        ("passes, ten runs", False, True),
        ("scores in clusters, with prices", True, False),
    ):
        with tempfile.TemporaryDirectory() as place:
            folders = _write_runs(Path(place), count, scored=scored, apart=apart)
            command = [sys.executable, "-m", "bakeoff", "compare", *map(str, folders), "--rows", "5"]
            cost = measured(command, cwd=place)
        rows.append(
            (name, MODELS, count, cost.cpu_s, f"< {TARGET_S}", cost.peak_mb, f"< {TARGET_MB}", cost.wall_s)
        )
    columns = ("data", "models", "cases each", "CPU s", "target", "peak MB", "target", "wall s")
    show("bakeoff compare, all pairs", columns, rows)


def _write_runs(place: Path, count: int, *, scored: bool, apart: bool) -> list[Path]:
    """Write one run of all models, or one for each."""
    names = [f"model-{number}" for number in range(MODELS)]
    rng = Random(1)
    hard = [rng.random() for _ in range(count)]
    groups = [[name] for name in names] if apart else [names]
    folders = [place / f"20260101-00000{at}-bench-{at:04x}" for at in range(len(groups))]
    for folder, group in zip(folders, groups, strict=True):
        _write_run(folder, group, hard, scored=scored)
    return folders


def _write_run(folder: Path, names: Sequence[str], hard: Sequence[float], *, scored: bool) -> None:
    price = Price(input=Decimal(1), output=Decimal(4))
    targets = [
        Target(name=name, provider="openai", model=name, price=price if scored else None) for name in names
    ]
    cases = [
        Case(
            id=f"c{at}",
            fields={"question": f"What is asked in row {at}? {_TEXT}"},
            reference=str(at),
            cluster=f"document {at // 4}" if scored else None,
        )
        for at in range(len(hard))
    ]
    ids = [case.id for case in cases]
    load = {"kind": "concurrent"}
    stages = [
        Stage(name="main", benchmark="b", target=name, cases=ids, requests=len(ids), load=load)
        for name in names
    ]
    document = {
        "version": 1,
        "name": "bench",
        "models": [{"name": name, "endpoint": "http://127.0.0.1:1/v1", "model": name} for name in names],
        "benchmarks": [{"name": "b", "dataset": {"type": "jsonl", "path": "cases.jsonl"}}],
    }
    store = JsonlStore(folder)
    write_plan(store, Plan(hash="0", seed=0, targets=targets, stages=stages), document, {"b": cases})
    facts = RunFacts(
        anchor=Anchor(wall_ns=clock.wall_ns(), mono_ns=0, boot=""), base=str(folder), command="bench"
    )
    store.grouped = True
    store.add(Event(kind="run_started", facts=msgspec.to_builtins(facts)))
    for name in names:
        for record in _records(name, hard, scored=scored):
            store.add(record)
    store.close()


def _records(name: str, hard: Sequence[float], *, scored: bool) -> Iterator[Sample | Score]:
    rng = Random(name)
    for at, ease in enumerate(hard):
        value = (
            min(1.0, max(0.0, ease + rng.gauss(0.0, 0.2)))
            if scored
            else float(rng.random() < 0.4 + 0.5 * ease)
        )
        yield Sample(
            benchmark="b",
            case=f"c{at}",
            target=name,
            outcome="ok",
            text=_TEXT,
            scheduled_at=at,
            usage=Usage(prompt=100 + at % 50, completion=rng.randrange(20, 80), counted_by="server"),
        )
        yield Score(
            benchmark="b",
            case=f"c{at}",
            target=name,
            scorer="exact",
            metric="accuracy",
            value=value,
            passed=None if scored else value == 1.0,
            outcome="ok",
            parsed="an answer",
        )
