"""How long the report of a million recorded samples takes, and how much memory: two cores, no request.

A short load test makes the run directory; its samples are then written over and over, moved in time and
with another repeat, until there are as many as wanted. What is measured is `bakeoff report`: reading,
results, all four files.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bakeoff.records import Sample
from bakeoff.run.folder import list_folders
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bench._child import SERVER_CORE, measured
from bench._table import show

SAMPLES, TOKENS, PROMPTS = 1_000_000, 32, 1000
TARGET_S, TARGET_MB = 30, 1024
_BLOCK = 5000


def run(share: float = 1.0) -> None:
    """Print wall time, CPU and memory."""
    wanted = max(1000, round(SAMPLES * share))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        size_mb = _write_run(folder, wanted)
        cost = measured([sys.executable, "-m", "bakeoff", "report"], cwd=place, core=None)
    show(
        f"bakeoff report, answers of {TOKENS} tokens",
        ("samples", "file MB", "wall s", "target", "CPU s", "peak MB", "target", "samples/s"),
        [
            (
                wanted,
                size_mb,
                cost.wall_s,
                f"< {TARGET_S}",
                cost.cpu_s,
                cost.peak_mb,
                f"< {TARGET_MB}",
                wanted / cost.wall_s,
            )
        ],
    )


def _write_run(folder: Path, wanted: int) -> float:
    """Make a run directory with so many samples and return the size of its samples in MB."""
    prompts = [f"Tell me about number {n} in a few words." for n in range(PROMPTS)]
    (folder / "prompts.txt").write_text("\n".join(prompts))
    settings = TruthSettings(ttft=0.005, itl=0.0005, tokens=TOKENS, jitter=0.2)
    with TruthProcess(settings, cpu=SERVER_CORE) as server:
        command = [sys.executable, "-m", "bakeoff", "perf", "--endpoint", server.url, "--model", "m"]
        command += ["--dataset", "prompts.txt", "--output-tokens", str(TOKENS), "--concurrency", "32"]
        command += ["--requests", str(wanted), "--duration", "1s", "--quiet", "--allow-invalid"]
        command += ["--slo", "ttft=50ms,e2e=1s"]
        measured(command, cwd=str(folder))
    (run,) = list_folders(folder / "runs")
    kept = [sample for sample in read_records(run, Sample) if sample.stage == "main"]
    path = run / "samples.jsonl"
    with path.open("wb") as file:
        block: list[bytes] = []
        for sample in _repeated(kept, wanted):
            block.append(sample)
            if len(block) == _BLOCK:
                file.write(b"".join(block))
                block.clear()
        file.write(b"".join(block))
    return path.stat().st_size / 1e6


_TIMES = (
    "scheduled_at",
    "sent_at",
    "first_byte_at",
    "first_token_at",
    "first_answer_at",
    "last_token_at",
    "done_at",
)


def _repeated(kept: list[Sample], wanted: int) -> Iterator[bytes]:
    """Yield lines of samples, each round of them after the one before."""
    encode = msgspec.json.Encoder().encode
    first = min(sample.scheduled_at for sample in kept)
    length = max(sample.done_at or 0 for sample in kept) - first
    for number in range(wanted):
        turn, place = divmod(number, len(kept))
        sample = kept[place]
        moved = {
            name: None if (at := getattr(sample, name)) is None else at + turn * length for name in _TIMES
        }
        case = number % PROMPTS
        yield (
            encode(
                msgspec.structs.replace(
                    sample, case=kept[case % len(kept)].case, repeat=number // PROMPTS, **moved
                )
            )
            + b"\n"
        )
