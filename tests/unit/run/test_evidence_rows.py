"""Rows that do not belong to a run are named."""

import shutil
from pathlib import Path

import msgspec
import pytest
from tests.unit.run.stored_runs import ID, write_run

from bakeoff.run.evidence_rows import check_rows


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("rows"), cases=4)


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / ID)


def edit(run: Path, name: str, line: int, **fields: object) -> None:
    rows = [msgspec.json.decode(row) for row in (run / name).read_bytes().splitlines()]
    rows[line - 1] |= fields
    (run / name).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def repeat(run: Path, name: str, line: int) -> None:
    rows = (run / name).read_bytes().splitlines(keepends=True)
    (run / name).write_bytes(b"".join([*rows, rows[line - 1]]))


def test_a_whole_run_has_nothing_strange(run: Path) -> None:
    rows = check_rows(run)
    assert rows.findings == []
    assert rows.readable
    assert rows.counts == {"events.jsonl": 2, "cases.jsonl": 4, "samples.jsonl": 8, "scores.jsonl": 8}
    assert [event.kind for event in rows.events] == ["run_started", "run_ended"]


@pytest.mark.parametrize(
    ("field", "value"), [("benchmark", "x"), ("target", "x"), ("stage", "x"), ("case", "x"), ("outcome", "x")]
)
def test_a_sample_that_nobody_planned_is_named(run: Path, field: str, value: str) -> None:
    edit(run, "samples.jsonl", 3, **{field: value})
    (found,) = [each for each in check_rows(run).findings if each.file == "samples.jsonl"]
    assert (found.line, found.field, found.stored) == (3, field, value)


def test_a_sample_and_a_case_that_are_there_twice_are_named(run: Path) -> None:
    repeat(run, "samples.jsonl", 2)
    repeat(run, "cases.jsonl", 1)
    found = [(each.file, each.line, each.text) for each in check_rows(run).findings]
    assert found == [
        ("cases.jsonl", 5, "this case is there twice"),
        ("samples.jsonl", 9, "this sample is there twice"),
    ]


def test_a_resume_may_ask_again(run: Path) -> None:
    repeat(run, "samples.jsonl", 2)
    edit(run, "samples.jsonl", 9, segment=1)
    assert check_rows(run).findings == []


def test_a_ladder_makes_stages_of_its_own(run: Path) -> None:
    plan = msgspec.json.decode((run / "plan.json").read_bytes())
    for stage in plan["stages"]:
        stage["ladder"] = True
    (run / "plan.json").write_bytes(msgspec.json.encode(plan))
    edit(run, "samples.jsonl", 3, stage="step-1")
    assert {each.file for each in check_rows(run).findings} == {"scores.jsonl"}


def test_a_score_without_its_sample_is_named(run: Path) -> None:
    edit(run, "scores.jsonl", 5, repeat=7)
    (found,) = check_rows(run).findings
    assert (found.file, found.line) == ("scores.jsonl", 5)
    assert "repeat 7" in found.key
    assert "`numeric` graded a sample that is not there" in found.text


@pytest.mark.parametrize("name", ["samples.jsonl", "scores.jsonl", "events.jsonl", "cases.jsonl"])
def test_a_broken_row_is_named(run: Path, name: str) -> None:
    with (run / name).open("ab") as file:
        file.write(b"\xff\n")
    rows = check_rows(run)
    assert not rows.readable
    assert [each.file for each in rows.findings] == [name]
    assert rows.findings[0].line == rows.counts[name]


def test_a_run_that_never_began_is_told(run: Path) -> None:
    (run / "events.jsonl").unlink()
    rows = check_rows(run)
    assert not rows.readable
    assert "how the run began" in rows.findings[0].text


def test_a_plan_that_is_none_is_told(run: Path) -> None:
    (run / "plan.json").unlink()
    rows = check_rows(run)
    assert not rows.readable
    assert rows.findings[0].file == "plan.json"
