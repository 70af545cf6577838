"""Specs read from a file, as a run reads them."""

from pathlib import Path
from typing import Any

import yaml

from bakeoff.spec import LoadedSpec, load_spec

CASES = (
    '{"id": "one", "input": "1 + 1?", "reference": "2"}\n{"id": "two", "input": "2 + 2?", "reference": "4"}\n'
)


def load(folder: Path, env: dict[str, str] | None = None, **changes: Any) -> LoadedSpec:
    """Write a spec with the models `old` and `new` and one graded benchmark, and load it."""
    (folder / "cases.jsonl").write_text(CASES)
    document: dict[str, Any] = {
        "version": 1,
        "models": [
            {"name": name, "endpoint": "http://127.0.0.1:9/v1", "model": f"{name}-served"}
            for name in ("old", "new")
        ],
        "benchmarks": [{"name": "sums", "dataset": "cases.jsonl", "scorers": ["exact"]}],
    }
    path = folder / "bakeoff.yaml"
    path.write_text(yaml.safe_dump(document | changes))
    return load_spec(path, env or {})
