"""What a sample costs the client: record, score and flush included, against a server without latency.

The slope between two sizes is the cost of a sample, the rest is start-up. Peers, measured the same way:
bare aiohttp with a line per sample 0.08 ms, lm-eval 0.4 to 0.8, promptfoo 2.8 to 4.2, inspect-ai 10.
"""

import sys
import tempfile
from pathlib import Path

import yaml

from bakeoff.testing.truth import TruthProcess, TruthSettings
from bench._child import SERVER_CORE, Cost, measured
from bench._table import Cell, show

SMALL, LARGE, CONCURRENCY = 200, 2000, 64


def run(share: float = 1.0) -> None:
    """Print CPU ms per sample, start-up CPU and peak memory, streamed and not."""
    few, many = max(CONCURRENCY, round(SMALL * share)), max(2 * CONCURRENCY, round(LARGE * share))
    rows: list[tuple[Cell, ...]] = []
    with TruthProcess(TruthSettings(answer="arithmetic"), cpu=SERVER_CORE) as server:
        for stream in (False, True):
            small, large = (_run(server.url, n, stream=stream) for n in (few, many))
            per_sample = (large.cpu_s - small.cpu_s) / (many - few)
            rows.append(
                (
                    "streamed" if stream else "whole",
                    many,
                    1000 * per_sample,
                    small.cpu_s - few * per_sample,
                    large.peak_mb,
                    large.wall_s,
                )
            )
    help_cost = measured([sys.executable, "-m", "bakeoff", "--help"])
    show(
        f"graded answers, concurrency {CONCURRENCY}",
        ("answers", "n", "CPU ms a sample", "CPU s start-up and report", "peak MB", "wall s"),
        rows,
    )
    show(
        "the command line",
        ("command", "CPU ms", "target", "MB"),
        [("--help", 1000 * help_cost.cpu_s, "< 150", help_cost.peak_mb)],
    )


def _run(url: str, count: int, *, stream: bool) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        rows = [f'{{"input": "What is {i} + 3?", "reference": "{i + 3}"}}' for i in range(count)]
        Path(folder, "cases.jsonl").write_text("\n".join(rows))
        spec = {
            "version": 1,
            "models": [{"name": "m", "endpoint": url, "model": "m", "stream": stream}],
            "benchmarks": [
                {
                    "name": "sums",
                    "dataset": "cases.jsonl",
                    "scorers": ["numeric"],
                    "params": {"max_tokens": 8},
                    "load": {"kind": "concurrent", "concurrency": CONCURRENCY},
                }
            ],
        }
        Path(folder, "bakeoff.yaml").write_text(yaml.safe_dump(spec))
        return measured([sys.executable, "-m", "bakeoff", "run", "--quiet"], cwd=folder)
