"""What a graded sample costs the client as a run grows: request, record, score and report included.

The cost of a sample is the slope from a small run to each size, so start-up is left out. `score` grades the
stored answers of the same run again, without a request.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from bakeoff.testing.truth import TruthProcess, TruthSettings
from bench._child import SERVER_CORE, Cost, measured
from bench._table import Cell, show

FIRST, SIZES, CONCURRENCY = 200, (2_000, 100_000), 64
TARGET_MS = 0.25
SCORERS: dict[str, list[Any]] = {
    "numeric": ["numeric"],
    "4 assertions": [
        {
            "type": "assert-set",
            "assert": [
                {"type": "regex", "value": "^-?[0-9]+$"},
                {"type": "not-icontains", "value": "sorry"},
                {"type": "word-count", "value": {"max": 3}, "weight": 2},
                {"type": "is-json", "metric": "form"},
            ],
        }
    ],
}


def run(share: float = 1.0) -> None:
    """Print CPU ms per sample for each kind of scorer and each size."""
    first = max(CONCURRENCY, round(FIRST * share))
    sizes = [max(2 * CONCURRENCY, round(size * share)) for size in SIZES]
    rows: list[tuple[Cell, ...]] = []
    with TruthProcess(TruthSettings(answer="arithmetic"), cpu=SERVER_CORE, max_seconds=3600) as server:
        for name, scorers in SCORERS.items():
            sent, scored = _costs(server.url, first, scorers)
            for size in sizes:
                more_sent, more_scored = _costs(server.url, size, scorers)
                rows += [
                    _row(f"run, {name}", size, sent, more_sent, size - first),
                    _row(f"score, {name}", size, scored, more_scored, size - first),
                ]
    show(
        f"answers not streamed, concurrency {CONCURRENCY}",
        ("what", "n", "CPU ms a sample", "target", "peak MB", "wall s"),
        rows,
    )


def _row(what: str, size: int, small: Cost, large: Cost, more: int) -> tuple[Cell, ...]:
    cost_ms = 1000 * (large.cpu_s - small.cpu_s) / more
    return (what, size, cost_ms, f"<= {TARGET_MS}", large.peak_mb, large.wall_s)


def _costs(url: str, count: int, scorers: list[Any]) -> tuple[Cost, Cost]:
    """Return what a run of so many cases costs, and what grading it again does."""
    with tempfile.TemporaryDirectory() as folder:
        rows = (f'{{"input": "What is {i} + 3?", "reference": "{i + 3}"}}\n' for i in range(count))
        Path(folder, "cases.jsonl").write_text("".join(rows))
        bench = {
            "name": "sums",
            "dataset": "cases.jsonl",
            "scorers": scorers,
            "params": {"max_tokens": 8},
            "load": {"kind": "concurrent", "concurrency": CONCURRENCY},
        }
        models = [{"name": "m", "endpoint": url, "model": "m", "stream": False}]
        spec = {"version": 1, "models": models, "benchmarks": [bench]}
        Path(folder, "bakeoff.yaml").write_text(yaml.safe_dump(spec))
        sent = measured([sys.executable, "-m", "bakeoff", "run", "--quiet"], cwd=folder)
        return sent, measured([sys.executable, "-m", "bakeoff", "score"], cwd=folder)
