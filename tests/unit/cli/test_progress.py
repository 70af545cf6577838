"""Lines of progress for logs: at the end of each part, and at most each ten seconds before."""

import pytest

from bakeoff.cli._progress import Display
from bakeoff.engine.control import Progress
from bakeoff.records import Plan, Sample, Stage

STAGE = Stage(name="main", benchmark="own", target="good", cases=["a", "b", "c"], requests=3, load={})


def sample(outcome: str) -> Sample:
    return Sample(benchmark="own", case="a", target="good", outcome=outcome)


def told(display: Display, *steps: Progress) -> None:
    display.expect(Plan(hash="", seed=0, targets=[], stages=[STAGE]))
    for step in steps:
        display(step)


def test_a_line_comes_when_a_part_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    told(
        Display(),
        Progress(kind="stage", stage=STAGE, done=1, total=3),
        Progress(kind="sample", stage=STAGE, sample=sample("ok"), passed=True),
        Progress(kind="sample", stage=STAGE, sample=sample("error"), passed=False),
    )
    assert capsys.readouterr().err == "own · good: 3/3, 50% right, 1 failed\n"


def test_notes_are_lines_and_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    told(Display(), Progress(kind="note", text="starting good"))
    told(Display(quiet=True), Progress(kind="note", text="unseen"))
    assert capsys.readouterr().err == "starting good\n"
