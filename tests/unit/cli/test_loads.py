"""The table of a load: what a terminal shows while it runs, and what a log keeps."""

import os
import pty
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from bakeoff.cli import _loads
from bakeoff.cli._loads import LoadTable
from bakeoff.cli._loads_row import plain_line, table_header, table_row
from bakeoff.cli._progress import Display
from bakeoff.engine.control import Progress
from bakeoff.engine.live import LiveStage, StageCounts
from bakeoff.records import Plan, Sample, Stage, Usage

STAGE = Stage(name="main", benchmark="load", target="m", cases=["c"], requests=200, load={}, measured=True)
S = 1_000_000_000


def sample(outcome: str = "ok", *, ms: int = 40) -> Sample:
    return Sample(
        benchmark="load",
        case="c",
        target="m",
        outcome=outcome,
        first_token_at=ms * 250_000,
        done_at=ms * 1_000_000,
        usage=Usage(completion=10),
    )


def counts(*samples: Sample, sent: int = 0, **changes: object) -> StageCounts:
    live = LiveStage(STAGE, total=200, before=0)
    for _ in range(sent):
        live.send()
    for each in samples:
        live.add(each)
    return msgspec.structs.replace(live.counts(), began=0, **changes)


def test_a_line_of_a_log_has_every_figure():
    told = counts(*[sample()] * 48, sample("timeout"), sample("error"), sent=60)
    assert plain_line(told, 10 * S) == (
        "load · m · main: 50/200, 10 in flight, 1 error 1 timeout, 5.0 requests/s, 48 tokens/s, "
        "ttft p50 10.0 p90 10.0 p99 10.0 ms, e2e p50 40.0 p90 40.0 p99 40.0 ms, 30s left"
    )


def test_what_is_not_known_is_not_made_up():
    told = counts(sample("error"), sent=1, tokens=None)
    assert plain_line(told, 2 * S).startswith("load · m · main: 1/200, 1 error, 0.5 requests/s, ? tokens/s")
    assert "ttft p50 - p90 - p99 - ms" in plain_line(told, 2 * S)
    assert "left" not in plain_line(counts(sent=3), 2 * S)


def test_the_time_that_is_left_ends_with_the_stages_own_limit():
    told = counts(*[sample()] * 2, seconds=100.0)
    assert plain_line(told, 10 * S).endswith("1m30s left")
    assert plain_line(msgspec.structs.replace(told, total=2), 10 * S).endswith("ms")


@pytest.mark.parametrize("columns", [20, 60, 80, 100, 140, 200])
def test_a_row_fits_the_terminal_and_its_header(columns: int):
    told = counts(*[sample(ms=12_345)] * 150, sample("error"), sent=180)
    header, row = table_header(columns), table_row(told, 60 * S, columns)
    assert max(len(header), len(row)) < columns
    if columns >= 140:
        assert header.startswith("stage ")
        assert "12,345" in row
        for name in ("done", "req/s", "ttft ms p50", "e2e p99", "left"):
            assert row[header.index(name) + len(name) - 1] != " "


def test_a_wide_row_ends_with_what_failed():
    assert table_row(counts(sample("error"), sample("timeout")), S, 200).endswith("  1 error 1 timeout")


@contextmanager
def terminal() -> Iterator[Callable[[], str]]:
    """Put a terminal in the place of stderr; yield what reads its screen."""
    ours, theirs = pty.openpty()
    with (
        os.fdopen(theirs, "w", encoding="utf-8", buffering=1) as stderr,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stderr", stderr)
        patch.setenv("COLUMNS", "160")
        patch.setenv("TERM", "xterm")

        def read() -> str:
            found = b""
            while select.select([ours], [], [], 0.1)[0]:
                found += os.read(ours, 100_000)
            return found.decode()

        yield read
    os.close(ours)


def begin(listener: Callable[[Progress], None], stage: Stage = STAGE) -> None:
    listener(Progress(kind="stage", stage=stage, total=stage.requests))


def end_one(listener: Callable[[Progress], None], outcome: str = "ok") -> None:
    listener(Progress(kind="sent", stage=STAGE))
    listener(Progress(kind="sample", stage=STAGE, sample=sample(outcome)))


def test_a_terminal_is_written_at_most_twice_a_second():
    with terminal() as read:
        table = LoadTable(live=True)
        begin(table.take)
        for _ in range(500):
            end_one(table.take)
        assert read().count("\r\x1b[K") <= 1


def test_a_row_is_written_anew_and_stays_when_its_stage_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_loads, "_DRAW_NS", 0)
    with terminal() as read, Display() as display:
        begin(display)
        end_one(display)
        display(Progress(kind="tick"))
        assert "m · main" in read()
        display.note("a word between")
        display(Progress(kind="done", stage=STAGE))
        shown = read()
        assert read() == ""
    assert "\r\x1b[Ka word between\r\n" in shown
    assert shown.splitlines()[-1].split()[:4] == ["m", "·", "main", "1/200"]


def test_a_terminal_that_takes_nothing_does_not_hold_up_the_load(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_loads, "_DRAW_NS", 0)
    with terminal() as read:
        table = LoadTable(live=True)
        screen = sys.stderr.fileno()
        os.set_blocking(screen, False)
        while select.select([], [screen], [], 0.05)[1]:
            os.write(screen, b"x" * 1024)
        os.set_blocking(screen, True)
        begin(table.take)
        end_one(table.take)
        assert "main" not in read()
        end_one(table.take)
        assert "m · main" in read()


def test_a_log_gets_a_line_at_the_end_of_each_stage(capsys: pytest.CaptureFixture[str]):
    with Display() as display:
        display.expect(Plan(hash="", seed=0, targets=[], stages=[STAGE]))
        for name in ("rate=1", "rate=2"):
            begin(display, msgspec.structs.replace(STAGE, name=name))
            end_one(display)
            display(Progress(kind="tick"))
        assert capsys.readouterr().err.count("rate=1") == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["load · m · rate=2: 1/200"]


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_loads, "_LINE_NS", 0)
    table = LoadTable(live=False)
    table.take(Progress(kind="tick"))
    begin(table.take)
    end_one(table.take)
    assert capsys.readouterr().err.count("load · m · main") == 3


def test_what_other_processes_tell_is_shown_as_one_stage(capsys: pytest.CaptureFixture[str]):
    table = LoadTable(live=False)
    for process in (0, 1, 0):
        told = counts(*[sample()] * 3, sent=3)
        table.take(Progress(kind="counts", counts=told, process=process))
    following = counts(sample(), stage="after")
    table.take(Progress(kind="counts", counts=following))
    assert "load · m · main: 6/200" in capsys.readouterr().err
    table.close()
    assert "load · m · after: 1/200" in capsys.readouterr().err


def test_nothing_is_counted_before_a_stage_began(capsys: pytest.CaptureFixture[str]):
    table = LoadTable(live=False)
    end_one(table.take)
    table.take(Progress(kind="done", stage=STAGE))
    begin(table.take)
    table.close()
    assert capsys.readouterr().err == ""


def test_nobody_hears_a_quiet_run():
    assert not Display(quiet=True).control().heard
    assert Display().control().heard


def test_quality_and_load_take_turns_on_a_terminal():
    graded = Stage(name="main", benchmark="own", target="m", cases=["c"], requests=2, load={})
    with terminal() as read:
        with Display() as display:
            display.expect(Plan(hash="", seed=0, targets=[], stages=[graded, STAGE]))
            display.note("hello")
            begin(display, graded)
            display(Progress(kind="sample", stage=graded, sample=sample("error"), passed=False))
            begin(display)
            end_one(display)
        shown = read()
    assert "hello" in shown
    assert "own · m" in shown
    assert "1 failed" in shown
    assert "m · main" in shown.rpartition("own · m")[2]
