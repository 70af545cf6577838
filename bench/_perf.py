"""Run `bakeoff perf` on the client's core and return what it told and what it stored."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.records import Event, Sample
from bakeoff.run.folder import list_folders, read_facts
from bakeoff.stores.jsonl import read_records
from bench._child import Cost, measured

PROMPT = "16"
_PARTIAL = 5
"""The exit code of a run with many errors, which some servers here are told to make."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One load test.

    Attributes:
        stage: its main stage, as `--json` gives it.
        samples: of the main stage.
        zero: monotonic ns of the times in the samples.
        cost: of the whole process, start-up and report included.
    """

    stage: dict[str, Any]
    samples: list[Sample]
    zero: int
    cost: Cost


def perf(url: str, *options: str, env: dict[str, str] | None = None) -> Told:
    """Run one load test of an endpoint."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bakeoff", "perf", "--endpoint", url, "--model", "m"]
        command += ["--prompt-tokens", PROMPT, "--quiet", "--allow-invalid", "--json", *options]
        cost = measured(command, cwd=folder, env=env, allowed=(0, _PARTIAL))
        (run,) = list_folders(Path(folder, "runs"))
        stages = msgspec.json.decode(cost.output)["stages"]
        events = list(read_records(run, Event))
        return Told(
            stage=next(stage for stage in stages if stage["stage"] == "main"),
            samples=[sample for sample in read_records(run, Sample) if sample.stage == "main"],
            zero=read_facts(events, run).anchor.mono_ns,
            cost=cost,
        )
