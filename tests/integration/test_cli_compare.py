"""`compare`: pairs of targets over one run and over several."""

import shutil
from pathlib import Path

import pytest
from tests.integration.commands import StoredRun, call, write_sums

from bakeoff.testing.truth import TruthProcess


@pytest.fixture
def two_runs(sums_server: TruthProcess, tmp_path: Path) -> tuple[Path, list[str]]:
    """Run the sums twice, the second time with another text in one case."""
    write_sums(tmp_path, sums_server.url, cases=12)
    assert call("run", "--quiet", cwd=tmp_path).code == 0
    text = (tmp_path / "cases.jsonl").read_text()
    (tmp_path / "cases.jsonl").write_text(text.replace("What is 3 + 3?", "Tell me: 3 + 3?"))
    assert call("run", "--quiet", "--models", "good", cwd=tmp_path).code == 0
    listed = call("runs", "list", "--json", cwd=tmp_path).document()["runs"]
    return tmp_path, sorted((one["id"] for one in listed), key=lambda run: -_targets(tmp_path, run))


def _targets(cwd: Path, run: str) -> int:
    return len(call("runs", "show", run, "--json", cwd=cwd).document()["targets"])


def test_one_run_is_compared_as_in_its_report(sums_run: StoredRun) -> None:
    found = call("compare", sums_run.folder.name, "--json", cwd=sums_run.cwd).document()
    report = call("report", sums_run.folder.name, "--json", cwd=sums_run.cwd).document()
    assert found["comparisons"] == report["comparisons"]
    (only,) = [row for row in found["comparisons"] if "@" not in row["metric"]]
    assert only["only_a"] == len(found["flips"]) > 0
    assert all(flip["values"] == {"good": 1.0, "poor": 0.0} for flip in found["flips"])


def test_without_a_name_the_latest_run_is_compared(sums_run: StoredRun) -> None:
    named = call("compare", sums_run.folder.name, cwd=sums_run.cwd)
    latest = call("compare", cwd=sums_run.cwd)
    assert (latest.code, latest.out) == (0, named.out)


def test_table_lists_differing_cases_up_to_rows(sums_run: StoredRun) -> None:
    done = call("compare", sums_run.folder, "--rows", "2", cwd=sums_run.cwd)
    assert done.code == 0
    assert "exact McNemar" in done.out
    assert done.out.count("sums/c") == 2
    assert "more: --rows" in done.out


def test_lost_cases_come_before_the_table(sums_run: StoredRun) -> None:
    lines = call("compare", sums_run.folder, "--rows", "2", cwd=sums_run.cwd).out.splitlines()
    assert lines[0] == "no case that good lost and poor won"
    assert lines[1].endswith(" cases that poor lost and good won:")
    first = next(at for at, line in enumerate(lines) if line.startswith("sums/c"))
    assert lines[first].split()[1:] == ["right", "wrong"]
    assert first < next(at for at, line in enumerate(lines) if "a minus b" in line)


def test_without_rows_the_lost_cases_are_counted_only(sums_run: StoredRun) -> None:
    done = call("compare", sums_run.folder, "--rows", "0", cwd=sums_run.cwd)
    assert "sums/c" not in done.out
    assert " cases that poor lost and good won\n" in done.out


def test_against_a_target_only_its_pairs_are_compared(two_runs: tuple[Path, list[str]]) -> None:
    cwd, (first, second) = two_runs
    every = call("compare", first, second, "--json", cwd=cwd).document()
    found = call("compare", first, second, "--against", "poor", "--json", cwd=cwd).document()
    assert {(one["a"], one["b"]) for one in found["comparisons"]} == {
        (target["name"], "poor") for target in found["targets"] if target["name"] != "poor"
    }
    assert len(found["comparisons"]) < len(every["comparisons"])
    assert found["against"] == "poor"
    assert all(len({*flip["values"].values()} - {flip["values"]["poor"]}) for flip in found["flips"])
    told = call("compare", first, second, "--against", "poor", "--rows", "3", cwd=cwd)
    assert told.out.splitlines()[0].startswith("0 cases that poor won and another lost, of ")
    assert told.out.count("sums/c") == 3


def test_against_takes_a_name_that_means_one_target(two_runs: tuple[Path, list[str]]) -> None:
    cwd, (first, second) = two_runs
    done = call("compare", first, second, "--against", "good", cwd=cwd)
    assert done.code == 2
    assert "`good` is in several runs" in done.err
    assert f"good@{second.rpartition('-')[2]}" in done.err
    done = call("compare", first, "--against", "pore", cwd=cwd)
    assert done.code == 2
    assert "there is no target `pore`. Did you mean `poor`?" in done.err


def test_runs_are_joined_by_case_and_name(two_runs: tuple[Path, list[str]]) -> None:
    cwd, (first, second) = two_runs
    found = call("compare", first, second, "--json", cwd=cwd).document()
    a, b = (f"good@{run.rpartition('-')[2]}" for run in (first, second))
    assert [target["name"] for target in found["targets"]] == [a, "poor", b]
    same = next(one for one in found["comparisons"] if (one["a"], one["b"]) == (a, b))
    assert (same["difference"], same["n"]) == (0, 11)
    assert any("1 cases have other content" in warning and "c03" in warning for warning in found["warnings"])
    within = next(one for one in found["comparisons"] if (one["a"], one["b"]) == (a, "poor"))
    assert within["n"] == 12, "two targets of one run were asked the same"


def test_one_target_alone_cannot_be_compared(two_runs: tuple[Path, list[str]]) -> None:
    cwd, (_, second) = two_runs
    done = call("compare", second, cwd=cwd)
    assert done.code == 2
    assert "there is one target only: `good`" in done.err


def test_unknown_run_is_refused_with_the_nearest(sums_run: StoredRun) -> None:
    done = call("compare", sums_run.folder.name + "x", cwd=sums_run.cwd)
    assert done.code == 2
    assert f"Did you mean `{sums_run.folder.name}`?" in done.err


def test_compare_needs_no_endpoint_and_no_data(sums_run: StoredRun, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / sums_run.folder.name
    shutil.copytree(sums_run.folder, moved)
    assert call("compare", moved, cwd=tmp_path).code == 0
