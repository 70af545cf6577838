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

SMALL, LARGE, CONCURRENCY = 200, 2000, 64


def run() -> None:
    """Print CPU ms per sample, start-up CPU and peak memory, streamed and not."""
    with TruthProcess(TruthSettings(answer="arithmetic"), cpu=SERVER_CORE) as server:
        for stream in (False, True):
            small, large = (_run(server.url, n, stream=stream) for n in (SMALL, LARGE))
            per_sample = (large.cpu_s - small.cpu_s) / (LARGE - SMALL)
            startup = small.cpu_s - SMALL * per_sample
            print(
                f"  {'streamed' if stream else 'whole   '}  {1000 * per_sample:.3f} ms CPU a sample, "
                f"{startup:.2f} s CPU start-up and report, peak {large.peak_mb:.0f} MB, "
                f"n = {LARGE}, concurrency {CONCURRENCY}, wall {large.wall_s:.2f} s"
            )
    help_cost = measured([sys.executable, "-m", "bakeoff", "--help"])
    print(f"  --help    {1000 * help_cost.cpu_s:.0f} ms CPU, {help_cost.peak_mb:.0f} MB")


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
