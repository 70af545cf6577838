"""`runs list`, `show` and `rm`."""

import shutil
from pathlib import Path

import pytest
from tests.integration.commands import StoredRun, call


@pytest.fixture
def copy(sums_run: StoredRun, tmp_path: Path) -> Path:
    """Return a run directory of our own, under `tmp_path/runs`."""
    target = tmp_path / "runs" / sums_run.folder.name
    shutil.copytree(sums_run.folder, target)
    return target


def test_list_tells_state_samples_and_verdict(copy: Path, tmp_path: Path) -> None:
    (one,) = call("runs", "list", "--json", cwd=tmp_path).document()["runs"]
    assert one["id"] == copy.name
    assert (one["name"], one["state"], one["samples"], one["verdict"]) == ("sums", "finished", 48, "pass")
    assert one["sentence"].startswith("Run good")
    assert copy.name in call("runs", "list", cwd=tmp_path).out
    assert call("list", cwd=tmp_path).out == call("runs", "list", cwd=tmp_path).out


def test_list_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    done = call("runs", "list", cwd=tmp_path)
    assert done.code == 0
    assert "bakeoff quickstart" in done.out
    assert call("runs", "list", "--json", cwd=tmp_path).document()["runs"] == []


def test_damaged_run_does_not_hide_the_others(copy: Path, tmp_path: Path) -> None:
    broken = copy.with_name("20200101-000000-broken-0000")
    shutil.copytree(copy, broken)
    (broken / "events.jsonl").write_text("no json\nno json\n")
    listed = call("runs", "list", "--json", cwd=tmp_path).document()["runs"]
    assert [one["state"] for one in listed] == ["unreadable", "finished"]


def test_show_tells_plan_counts_and_files(copy: Path, tmp_path: Path) -> None:
    found = call("runs", "show", "--json", cwd=tmp_path).document()
    assert [target["name"] for target in found["targets"]] == ["good", "poor"]
    assert [(one["planned"], one["stored"], one["outcomes"]) for one in found["counts"]] == [
        (24, 24, {"ok": 24}),
        (24, 24, {"ok": 24}),
    ]
    assert len(found["plan_hash"]) == 64
    assert found["files"]["samples.jsonl"] == (copy / "samples.jsonl").stat().st_size
    assert "24 of 24" in call("runs", "show", cwd=tmp_path).out
    assert call("show", copy.name, "--json", cwd=tmp_path).document() == found


def test_run_with_a_torn_last_line_is_shown(copy: Path, tmp_path: Path) -> None:
    path = copy / "samples.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    counts = call("runs", "show", "--json", cwd=tmp_path).document()["counts"]
    assert sum(one["stored"] for one in counts) == 47


def test_rm_asks_first(copy: Path, tmp_path: Path) -> None:
    refused = call("runs", "rm", copy.name, cwd=tmp_path)
    assert refused.code == 2
    assert "hint: --yes deletes unasked" in refused.err
    assert copy.exists()
    done = call("runs", "rm", copy.name, "--yes", cwd=tmp_path)
    assert (done.code, copy.exists()) == (0, False)


def test_rm_of_one_unknown_run_deletes_none(copy: Path, tmp_path: Path) -> None:
    done = call("runs", "rm", copy.name, "nothing", "--yes", cwd=tmp_path)
    assert done.code == 2
    assert copy.exists()
