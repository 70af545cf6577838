"""Run one measured benchmark on the client's core and return its samples."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from bakeoff.records import Sample
from bakeoff.run.folder import list_folders
from bakeoff.stores.jsonl import read_records
from bench._child import Cost, measured


def perf_samples(url: str, *, load: dict[str, Any], tokens: int) -> tuple[list[Sample], Cost]:
    """Return the samples of the main stage and what the whole process cost."""
    with tempfile.TemporaryDirectory() as folder:
        spec = {
            "version": 1,
            "models": [{"name": "m", "endpoint": url, "model": "m"}],
            "benchmarks": [
                {"name": "load", "synthetic": {"prompt_tokens": 8, "output_tokens": tokens}, "load": load}
            ],
        }
        Path(folder, "bakeoff.yaml").write_text(yaml.safe_dump(spec))
        command = [sys.executable, "-m", "bakeoff", "run", "--quiet", "--allow-invalid"]
        cost = measured(command, cwd=folder, env=dict(os.environ))
        (run,) = list_folders(Path(folder, "runs"))
        return [s for s in read_records(run, Sample) if s.stage != "warmup"], cost
