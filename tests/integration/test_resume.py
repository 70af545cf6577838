"""Going on with a run: only with the same plan, only with what is missing, and nothing stays ungraded."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.runs import resume, run, write_spec

from bakeoff.engine.control import Control, Progress
from bakeoff.errors import EndpointError, InterruptedRun, UsageError
from bakeoff.records import Event, Sample, Score
from bakeoff.run.execute import prepare_run, start_run
from bakeoff.run.folder import list_folders
from bakeoff.run.stored import load_stored
from bakeoff.spec import load_spec
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings

QUICK = TruthSettings(answer="arithmetic", ttft=0.002, itl=0.0005)


def changed(spec: Path, **fields: Any) -> Path:
    """Change fields of a spec's benchmark."""
    document = yaml.safe_load(spec.read_text())
    document["benchmarks"][0].update(fields)
    spec.write_text(yaml.safe_dump(document))
    return spec


def counts(folder: Path) -> tuple[int, int]:
    return len(list(read_records(folder, Sample))), len(list(read_records(folder, Score)))


def test_other_data_are_another_plan_and_are_refused(tmp_path: Path) -> None:
    with TruthProcess(QUICK) as server:
        folder = run(write_spec(tmp_path, server.url, models=["m"], cases=6), tmp_path / "runs").folder
        data = tmp_path / "cases.jsonl"
        data.write_text(data.read_text().replace("What is 0", "What would be 0"))
        before = counts(folder)
        with pytest.raises(UsageError, match="no longer what was planned"):
            resume(folder)
    assert counts(folder) == before


def test_a_sample_without_its_score_is_graded_not_asked_again(tmp_path: Path) -> None:
    with TruthProcess(QUICK) as server:
        folder = run(write_spec(tmp_path, server.url, models=["m"], cases=6), tmp_path / "runs").folder
        scores = folder / "scores.jsonl"
        lines = scores.read_bytes().splitlines(keepends=True)
        scores.write_bytes(b"".join(lines[:-1]))
        finished = resume(folder)
    assert counts(folder) == (6, 6)
    assert finished.results.targets[0].metrics["sums.accuracy"].n == 6
    assert finished.results.warnings == []


def test_a_load_whose_time_was_up_is_not_sent_longer_by_a_resume(tmp_path: Path) -> None:
    load = {"kind": "constant", "rate": 50, "requests": 400, "seconds": 0.5}
    with TruthProcess(QUICK) as server:
        spec = write_spec(tmp_path, server.url, models=["m"], cases=20)
        folder = run(changed(spec, load=load, measured=True, scorers=[]), tmp_path / "runs").folder
        before = counts(folder)
        resume(folder)
    assert 10 <= before[0] <= 40
    assert counts(folder) == before


def test_a_drained_run_is_told_with_the_command_that_goes_on(tmp_path: Path) -> None:
    def tell(step: Progress) -> None:
        if step.kind == "sample":
            control.drain()

    control = Control(tell)
    with TruthProcess(QUICK) as server:
        spec = write_spec(tmp_path, server.url, models=["a", "b"], cases=40)
        with pytest.raises(InterruptedRun) as caught:
            run(spec, tmp_path / "runs", control)
        (folder,) = list_folders(tmp_path / "runs")
        stored, scores = counts(folder)
        assert 0 < stored == scores < 80
        assert caught.value.message == f"interrupted; {stored} samples are stored"
        assert caught.value.hint == f"bakeoff resume {folder}"
        assert [e.kind for e in read_records(folder, Event)][-1] == "run_interrupted"
        finished = resume(folder)
    assert finished.samples == 80
    assert counts(folder) == (80, 80)


def test_a_run_that_could_not_begin_leaves_no_directory(tmp_path: Path) -> None:
    spec = write_spec(tmp_path, "http://127.0.0.1:9/v1", models=["m"], cases=2)
    with pytest.raises(EndpointError):
        run(spec, tmp_path / "runs")
    assert list_folders(tmp_path / "runs") == []


def test_a_spec_without_benchmarks_is_refused(tmp_path: Path) -> None:
    spec = write_spec(tmp_path, "http://127.0.0.1:9/v1", models=["m"], cases=2, benchmarks=[])
    with pytest.raises(UsageError, match="no benchmarks"):
        run(spec, tmp_path / "runs")


def test_a_stored_run_can_be_read_without_the_secrets_that_it_was_started_with(tmp_path: Path) -> None:
    with TruthProcess(QUICK) as server:
        path = write_spec(tmp_path, server.url, models=["m"], cases=3)
        document = yaml.safe_load(path.read_text())
        document["models"][0]["api_key"] = "${MADE_UP_KEY}"
        path.write_text(yaml.safe_dump(document))
        loaded = load_spec(path, {"MADE_UP_KEY": "a-secret-of-ours"})

        async def work() -> Path:
            prepared = await prepare_run(loaded, lambda _: None)
            return (await start_run(prepared, tmp_path / "runs", Control(), command="test")).folder

        folder = asyncio.run(work())
    for file in folder.rglob("*"):
        assert file.is_dir() or b"a-secret-of-ours" not in file.read_bytes()
    assert load_stored(folder, {}, secrets_needed=False).spec.benchmarks == loaded.spec.benchmarks
    with pytest.raises(UsageError, match="MADE_UP_KEY"):
        load_stored(folder, {})


def test_a_load_that_ends_by_time_goes_on_for_the_rest_of_it(tmp_path: Path) -> None:
    load = {"kind": "constant", "rate": 20, "requests": 400, "seconds": 3}

    def tell(step: Progress) -> None:
        if step.kind == "sample" and step.done >= 30:
            control.drain()

    control = Control(tell)
    with TruthProcess(QUICK) as server:
        spec = changed(
            write_spec(tmp_path, server.url, models=["m"], cases=20), load=load, measured=True, scorers=[]
        )
        with pytest.raises(InterruptedRun):
            run(spec, tmp_path / "runs", control)
        (folder,) = list_folders(tmp_path / "runs")
        before = counts(folder)[0]
        resume(folder)
    spans = [(event.kind, event.at) for event in read_records(folder, Event) if "stage" in event.kind]
    kinds = [kind for kind, _ in spans]
    assert kinds == ["stage_started", "stage_ended"] * 2
    first, again = (spans[n + 1][1] - spans[n][1] for n in (0, 2))
    # The load began requests for 3 s in all; what was in flight then took a little longer.
    assert first + again >= 3 * 10**9 - 50_000_000
    assert again < 3 * 10**9 - first // 2
    assert 30 <= before < counts(folder)[0] <= 62
