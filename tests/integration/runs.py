"""Run specs in this process or in one that may be killed, for tests of the engine as a whole."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bakeoff.engine.control import Control
from bakeoff.run.execute import prepare_run, resume_run, start_run
from bakeoff.run.finish import Finished
from bakeoff.run.stored import load_stored
from bakeoff.spec import load_spec


def write_cases(path: Path, count: int) -> None:
    """Write sums that the truth server answers in its arithmetic mode."""
    lines = [
        msgspec.json.encode(
            {
                "id": f"c{i}",
                "input": f"What is {i} + {i % 7}?",
                "reference": str(i + i % 7),
                "category": f"k{i % 3}",
            }
        )
        for i in range(count)
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")


def write_spec(folder: Path, url: str, *, models: list[str], cases: int, **changes: Any) -> Path:
    """Write a spec with one quality benchmark of `cases` sums, and return its path."""
    write_cases(folder / "cases.jsonl", cases)
    spec: dict[str, Any] = {
        "version": 1,
        "name": "test",
        "models": [{"name": name, "endpoint": url, "model": name} for name in models],
        "benchmarks": [
            {
                "name": "sums",
                "dataset": "cases.jsonl",
                "scorers": ["numeric"],
                "load": {"kind": "concurrent", "concurrency": 8},
            }
        ],
    }
    spec.update(changes)
    path = folder / "bakeoff.yaml"
    path.write_text(yaml.safe_dump(spec))
    return path


def run(spec: Path, root: Path, control: Control | None = None) -> Finished:
    """Run a spec to its end."""

    async def work() -> Finished:
        prepared = await prepare_run(load_spec(spec, {}), lambda _: None)
        return await start_run(prepared, root, control or Control(), command="test")

    return asyncio.run(work())


def resume(folder: Path, *, retry_failed: bool = False) -> Finished:
    """Go on with a stored run to its end."""

    async def work() -> Finished:
        prepared = await prepare_run(load_stored(folder, {}), lambda _: None)
        return await resume_run(prepared, folder, Control(), retry_failed=retry_failed)

    return asyncio.run(work())
