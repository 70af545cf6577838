"""Answers that stand in the rows: stored, graded, resumed without asking anybody."""

import asyncio
from pathlib import Path

import pytest
from tests.unit.run.specs import load

from bakeoff.engine.control import Control, Progress
from bakeoff.errors import InterruptedRun
from bakeoff.records import Event, Sample, Score
from bakeoff.run.execute import Prepared, prepare_run
from bakeoff.run.finish import Finished
from bakeoff.run.folder import list_folders
from bakeoff.run.given import Given, grade_given
from bakeoff.stores.jsonl import read_records

ROWS = "".join(
    f'{{"id": "{at}", "input": "?", "reference": "{at}", "said": "{at % 2}"}}\n' for at in range(4)
)


def prepared(folder: Path, rows: str = ROWS, scorers: tuple[str, ...] = ("exact",)) -> Prepared:
    """Return a plan over rows with answers."""
    (folder / "rows.jsonl").write_text(rows)
    loaded = load(
        folder,
        models=[{"name": "given", "endpoint": "http://127.0.0.1:9/v1", "model": "given"}],
        benchmarks=[{"name": "rows", "dataset": "rows.jsonl", "scorers": [*scorers]}],
    )
    return asyncio.run(prepare_run(loaded, lambda _text: None))


def graded(plan: Prepared, folder: Path, control: Control | None = None, run: Path | None = None) -> Finished:
    given = Given(column="said")
    return asyncio.run(grade_given(plan, folder / "runs", given, control or Control(), run=run))


def test_the_rows_own_answers_are_graded(tmp_path: Path):
    heard: list[Progress] = []
    finished = graded(prepared(tmp_path), tmp_path, Control(heard.append))
    scores = {score.case: score.passed for score in read_records(finished.folder, Score)}
    assert scores == {"0": True, "1": True, "2": False, "3": False}
    assert [step.sample.case for step in heard if step.sample is not None] == ["0", "1", "2", "3"]
    assert [event.kind for event in read_records(finished.folder, Event)] == ["run_started", "run_ended"]
    assert finished.results.targets[0].outcomes["rows"] == {"ok": 4}
    assert finished.files["html"].is_file()


def test_a_row_without_an_answer_is_an_error_and_no_wrong_answer(tmp_path: Path):
    rows = ROWS + '{"id": "9", "input": "?", "reference": "9", "said": null}\n'
    finished = graded(prepared(tmp_path, rows), tmp_path)
    lost = next(sample for sample in read_records(finished.folder, Sample) if sample.case == "9")
    assert (lost.outcome, lost.text) == ("error", "")
    assert "`said`" in lost.error


def test_what_was_stopped_goes_on_and_grades_nothing_twice(tmp_path: Path):
    plan = prepared(tmp_path)
    control = Control(lambda step: control.drain() if step.sample and step.sample.case == "1" else None)
    with pytest.raises(InterruptedRun):
        graded(plan, tmp_path, control)
    (folder,) = list_folders(tmp_path / "runs")
    before = list(read_records(folder, Score))
    assert [score.case for score in before] == ["0", "1"]
    heard: list[Progress] = []
    finished = graded(plan, tmp_path, Control(heard.append), folder)
    assert finished.folder == folder
    scores = list(read_records(folder, Score))
    assert scores[:2] == before
    assert sorted(score.case for score in scores) == ["0", "1", "2", "3"]
    assert len(list(read_records(folder, Sample))) == 4
    assert len(heard) == 4


def test_rows_that_nothing_grades_are_stored(tmp_path: Path):
    finished = graded(prepared(tmp_path, scorers=()), tmp_path)
    assert [sample.text for sample in read_records(finished.folder, Sample)] == ["0", "1", "0", "1"]
    assert list(read_records(finished.folder, Score)) == []
