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
    assert "a minus b" in done.out.splitlines()[0]
    assert "exact McNemar" in done.out
    assert done.out.count("sums/c") == 2
    assert "more: --rows" in done.out


def test_runs_are_joined_by_case_and_name(two_runs: tuple[Path, list[str]]) -> None:
    cwd, (first, second) = two_runs
    found = call("compare", first, second, "--json", cwd=cwd).document()
    a, b = (f"good@{run.rpartition('-')[2]}" for run in (first, second))
    assert [target["name"] for target in found["targets"]] == [a, "poor", b]
    same = next(one for one in found["comparisons"] if (one["a"], one["b"]) == (a, b))
    assert (same["difference"], same["n"]) == (0, 11)
    assert any("1 cases have other content" in warning and "c03" in warning for warning in found["warnings"])


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
