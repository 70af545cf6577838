"""Tables and errors as text."""

import json
import os
import shutil
import sys

import pytest

from bakeoff.cli._terminal import print_document, say, table, tell
from bakeoff.errors import InterruptedRun, SpecError, SpecErrorGroup, StoreError


def test_table_aligns_columns() -> None:
    assert table(("a", "bb"), [("ccc", "d")]).splitlines() == ["a    bb", "---  --", "ccc  d"]


def test_table_too_wide_for_a_terminal_becomes_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((20, 20)))
    text = table(("metric", "first"), [("accuracy", "50 [40, 60] n=100"), ("speed", "")])
    assert text.splitlines() == ["accuracy", "  first  50 [40, 60] n=100", "speed"]


def test_control_characters_of_others_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("red \x1b[31m bell \x07 \x9b2J\nnext")
    assert capsys.readouterr().out == "red \ufffd[31m bell \ufffd \ufffd2J\nnext\n"


def test_error_is_told_once_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    tell(StoreError("cannot write", where="file", hint="free some space"), as_json=False)
    assert capsys.readouterr().err == "error: file: cannot write\nhint: free some space\n"


def test_each_mistake_of_a_spec_is_an_error_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    mistakes = [SpecError("one", where="f:1", hint="h"), SpecError("two", where="f:2")]
    tell(SpecErrorGroup(mistakes), as_json=False)
    assert capsys.readouterr().err == "error: f:1: one\nhint: h\nerror: f:2: two\n"


def test_a_document_is_one_value_that_people_can_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    print_document({"a": [1]})
    assert capsys.readouterr().out == '{\n "a": [\n  1\n ]\n}\n'


def test_programs_get_an_error_as_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    tell(SpecErrorGroup([SpecError("one", where="f:1", hint="h")]), as_json=True)
    told = json.loads(capsys.readouterr().err)
    assert told["errors"] == [{"error": "one", "where": "f:1", "hint": "h"}]
    assert told["exit_code"] == 2


def test_interrupt_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    tell(InterruptedRun("5 samples are stored"), as_json=False)
    assert capsys.readouterr().err == "interrupted: 5 samples are stored\n"
