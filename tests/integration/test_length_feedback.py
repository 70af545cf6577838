"""A load's prompts have the asked length at the server, are learnt once, and stay the same on a resume."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.runs import resume

from bakeoff.engine.control import Control, Progress
from bakeoff.engine.memory import learned_lengths
from bakeoff.errors import InterruptedRun
from bakeoff.records import Event, Sample
from bakeoff.run.execute import prepare_run, start_run
from bakeoff.run.folder import list_folders
from bakeoff.run.stored import load_stored
from bakeoff.spec import load_spec
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bakeoff.testing.truth.settings import Fault

SYSTEM = "you are a very helpful assistant indeed"


def write(folder: Path, url: str, *, prompt: dict[str, Any], models: int = 1, **one: Any) -> Path:
    """Write a spec with a load of 20 synthetic prompts."""
    benchmark = {
        "name": "load",
        "synthetic": {"prompt_tokens": {"mean": 120, "stddev": 40, "min": 40}, "output_tokens": 2},
        "prompt": prompt,
        "load": {"kind": "concurrent", "concurrency": 2, "requests": 20},
    }
    document = {
        "version": 1,
        "models": [{"name": f"m{n}", "endpoint": url, "model": f"m{n}"} for n in range(models)],
        "benchmarks": [benchmark | one],
    }
    path = folder / "bakeoff.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def go(spec: Path, root: Path, control: Control | None = None) -> Path:
    async def work() -> Path:
        prepared = await prepare_run(load_spec(spec, {}), lambda _: None)
        return (await start_run(prepared, root, control or Control(), command="test")).folder

    return asyncio.run(work())


def counted(folder: Path) -> list[tuple[int, int]]:
    """Return asked and counted tokens of every measured prompt."""

    async def asked() -> dict[str, int]:
        prepared = await prepare_run(load_stored(folder, {}), lambda _: None)
        return {case.id: case.prompt_tokens or 0 for case in prepared.cases["load"]}

    lengths = asyncio.run(asked())
    samples = [sample for sample in read_records(folder, Sample) if sample.stage == "main"]
    return [(lengths[sample.case], sample.usage.prompt or 0) for sample in samples]


@pytest.mark.parametrize(
    ("prompt", "step"), [({"system": SYSTEM}, 0), ({"template": "{{prompt}} and {{prompt}}"}, 1)]
)
def test_every_prompt_has_its_asked_length_from_the_first_on(
    tmp_path: Path, prompt: dict[str, Any], step: int
) -> None:
    with TruthProcess() as server:
        folder = go(write(tmp_path, server.url, prompt=prompt, models=2), tmp_path / "runs")
    found = counted(folder)
    assert len(found) == 40
    assert [pair for pair in found if abs(pair[0] - pair[1]) > step] == []
    stages = Counter((sample.target, sample.stage) for sample in read_records(folder, Sample))
    assert stages == {(t, s): n for t in ("m0", "m1") for s, n in (("calibration", 4), ("main", 20))}
    learnt = learned_lengths(read_records(folder, Event))
    assert set(learnt) == {("load", "m0"), ("load", "m1")}


def test_calibration_stands_in_no_number(tmp_path: Path) -> None:
    with TruthProcess() as server:
        folder = go(write(tmp_path, server.url, prompt={"system": SYSTEM}), tmp_path / "runs")
    results = (folder / "report" / "results.json").read_bytes()
    assert b"calibration" not in results
    assert b'"ok":20' in results.replace(b" ", b"")


def test_a_resume_asks_for_no_length_again_and_sends_the_same_prompts(tmp_path: Path) -> None:
    def tell(step: Progress) -> None:
        if step.kind == "sample" and step.stage is not None and step.stage.name == "main" and step.done >= 8:
            heard.drain()

    heard = Control(tell)
    with TruthProcess() as server:
        spec = write(tmp_path, server.url, prompt={"system": SYSTEM})
        go(spec, tmp_path / "whole")
        whole = Counter(record.body_hash for record in server.truth())
        server.reset()
        with pytest.raises(InterruptedRun):
            go(spec, tmp_path / "cut", heard)
        (folder,) = list_folders(tmp_path / "cut")
        resume(folder)
        parts = Counter(record.body_hash for record in server.truth())
    samples = list(read_records(folder, Sample))
    assert Counter(sample.stage for sample in samples) == {"calibration": 4, "main": 20}
    assert {sample.segment for sample in samples} == {0, 1}
    assert set(parts) == set(whole)
    assert [event.kind for event in read_records(folder, Event)].count("lengths_learned") == 1


def test_a_calibration_that_was_stopped_is_sent_again(tmp_path: Path) -> None:
    heard = Control(lambda step: heard.drain() if step.kind == "sample" else None)
    with TruthProcess() as server:
        spec = write(tmp_path, server.url, prompt={"system": SYSTEM})
        with pytest.raises(InterruptedRun):
            go(spec, tmp_path / "runs", heard)
        (folder,) = list_folders(tmp_path / "runs")
        assert [sample.stage for sample in read_records(folder, Sample)] == ["calibration"]
        resume(folder)
    assert all(asked == tokens for asked, tokens in counted(folder))


def test_a_server_that_counts_nothing_is_told_and_sent_one_word_a_token(tmp_path: Path) -> None:
    notes: list[str] = []
    control = Control(lambda step: notes.append(step.text) if step.kind == "note" else None)
    with TruthProcess(TruthSettings(usage="none")) as server:
        folder = go(write(tmp_path, server.url, prompt={"system": SYSTEM}), tmp_path / "runs", control)
        sent = {record.prompt_tokens for record in server.truth() if record.tokens == 2}
    assert "m0 told no prompt tokens: load sends a word for each asked token" in notes
    assert sent == {asked + len(SYSTEM.split()) for asked, _ in counted(folder)}


def test_a_server_that_fails_is_not_asked_for_lengths_again_and_again(tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(faults=(Fault(kind="500"),))) as server:
        folder = go(write(tmp_path, server.url, prompt={"system": SYSTEM}), tmp_path / "runs")
    trials = [sample for sample in read_records(folder, Sample) if sample.stage == "calibration"]
    assert [(sample.outcome, len(sample.attempts)) for sample in trials] == [("error", 1)]
    assert len(counted(folder)) == 20
