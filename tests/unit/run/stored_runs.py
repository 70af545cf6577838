"""Write a finished run without a server: a real plan, and answers as a test wants them."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bakeoff.clock import Anchor
from bakeoff.engine.grading import grade
from bakeoff.plan import intents
from bakeoff.records import Event, Intent, Sample
from bakeoff.run.benches import make_benches
from bakeoff.run.execute import prepare_run
from bakeoff.run.finish import finish
from bakeoff.run.folder import RunFacts, write_plan
from bakeoff.spec import load_spec
from bakeoff.stores.jsonl import JsonlStore

ID = "20260101-000000-sums-abcd"
MS = 1_000_000


def answer(intent: Intent) -> str:
    """Give the right sum, but for every third case of `poor`."""
    number = int(intent.case[1:])
    return str(number + 1 if intent.target == "poor" and number % 3 == 0 else number)


def spec_document(**changes: Any) -> dict[str, Any]:
    """Return a spec that asks two targets for numbers."""
    document = {
        "version": 1,
        "name": "sums",
        "models": [
            {"name": name, "endpoint": "http://127.0.0.1:9/v1", "model": name} for name in ("good", "poor")
        ],
        "benchmarks": [
            {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}", "scorers": ["numeric"]}
        ],
    }
    return document | changes


def write_run(
    root: Path, cases: int = 9, say: Callable[[Intent], str] = answer, run: str = ID, **changes: Any
) -> Path:
    """Write a run of `cases` sums under `root` and return its folder."""
    rows = [{"id": f"c{n}", "input": f"What is {n}?", "reference": str(n)} for n in range(cases)]
    root.mkdir(parents=True, exist_ok=True)
    (root / "cases.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    (root / "bakeoff.yaml").write_text(yaml.safe_dump(spec_document(**changes)))
    loaded = load_spec(root / "bakeoff.yaml", {})
    prepared = asyncio.run(prepare_run(loaded, lambda _: None))
    folder = root / "runs" / run
    benches = make_benches(prepared.loaded.spec, prepared.cases)
    with contextlib.closing(JsonlStore(folder)) as store:
        write_plan(store, prepared.plan, prepared.loaded.document, prepared.cases)
        facts = RunFacts(
            anchor=Anchor(wall_ns=1_767_225_600 * 10**9, mono_ns=0, boot=""),
            base=str(root),
            command="test",
            environment={"cores": 2},
        )
        store.add(Event(kind="run_started", facts=msgspec.to_builtins(facts)))
        at = 0
        for stage in prepared.plan.stages:
            for intent in intents(stage):
                at += 10 * MS
                sample = _sample(intent, at, say(intent))
                store.add(sample)
                bench = benches[intent.benchmark]
                for score in grade(sample, bench.cases[intent.case], bench.scorers):
                    store.add(score)
        store.add(Event(kind="run_ended", at=at + 10 * MS))
    finish(folder, prepared.loaded.spec, ("json",))
    return folder


def _sample(intent: Intent, at: int, text: str) -> Sample:
    return Sample(
        benchmark=intent.benchmark,
        case=intent.case,
        target=intent.target,
        repeat=intent.repeat,
        stage=intent.stage,
        outcome="ok" if text else "empty",
        text=text,
        model=intent.target,
        scheduled_at=at,
        sent_at=at + MS,
        first_token_at=at + 2 * MS,
        last_token_at=at + 3 * MS,
        done_at=at + 4 * MS,
    )
