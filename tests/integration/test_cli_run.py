"""`run`, `resume` and `report`: what is printed where, exit codes, interrupts."""

import os
import pty
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.integration.commands import (
    BAKEOFF,
    StoredRun,
    call,
    interrupt,
    start,
    wait_for_samples,
    write_sums,
)

from bakeoff.records import Sample
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings

LOAD = {"kind": "concurrent", "concurrency": 2}


def measured(cases: int) -> list[dict[str, object]]:
    return [{"name": "load", "dataset": "cases.jsonl", "measured": True, "load": LOAD, "limit": cases}]


def test_verdict_comes_first_then_table_and_report(sums_run: StoredRun) -> None:
    lines = sums_run.done.out.splitlines()
    assert lines[0].startswith("PASS  Run good: better than poor on sums.accuracy")
    assert any(line.split() == ["metric", "good", "poor"] for line in lines)
    accuracy = next(line for line in lines if line.startswith("sums accuracy (%)"))
    assert "100 [86, 100] n=24" in accuracy
    assert Path(lines[-1].removeprefix("report").strip()).read_text().startswith("<!doctype html>")


def test_progress_goes_to_stderr_only(sums_run: StoredRun) -> None:
    assert "sums · good: 24/24, 100% right" in sums_run.done.err
    assert "24/24" not in sums_run.done.out


def test_json_is_one_document_and_equals_the_report(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=6)
    done = call("run", "--json", "--quiet", cwd=tmp_path)
    assert done.code == 0
    assert done.err == ""
    results = done.document()
    assert results["schema_version"] == 1
    written = next((tmp_path / "runs").iterdir()) / "report" / "results.json"
    assert msgspec.json.decode(written.read_bytes()) == results
    assert call("report", "--json", cwd=tmp_path).document() == results


@pytest.mark.parametrize(("cases", "code"), [(24, 0), (4, 6)])
def test_gate_tells_by_exit_code(sums_server: TruthProcess, tmp_path: Path, cases: int, code: int) -> None:
    write_sums(tmp_path, sums_server.url, cases=cases)
    assert call("run", "--gate", cwd=tmp_path).code == code


def test_flags_narrow_the_run(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url)
    done = call("run", "--models", "good", "--limit", "5", "--json", cwd=tmp_path)
    (target,) = done.document()["targets"]
    assert target["name"] == "good"
    assert target["metrics"]["sums.accuracy"]["n"] == 5


def test_spec_is_found_from_a_folder_below(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=2)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert call("run", "--quiet", cwd=below).code == 0
    assert (below / "runs").is_dir()


def test_too_many_errors_exit_5_and_keep_the_results(tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(tokens=2, faults=())) as server:
        url = server.url_with("faults=500:every2")
        write_sums(tmp_path, url, cases=10, benchmarks=measured(10), models=[{"name": "m", "endpoint": url}])
        done = call("run", "--allow-invalid", cwd=tmp_path)
    assert done.code == 5, done.err
    assert "more than 5% of a target's samples failed" in done.err
    assert "--retry-failed" not in done.err
    assert "a load keeps its failures as its result" in done.err
    assert "load on m: 5 of 10 requests failed: HTTP 500: the server failed (5)" in done.out
    assert (next((tmp_path / "runs").iterdir()) / "report" / "report.html").exists()


def test_failed_requests_of_a_load_are_not_sent_again(tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(tokens=2, faults=())) as server:
        url = server.url_with("faults=500:every2")
        write_sums(tmp_path, url, cases=10, benchmarks=measured(10), models=[{"name": "m", "endpoint": url}])
        call("run", "--quiet", "--allow-invalid", cwd=tmp_path)
        folder = next((tmp_path / "runs").iterdir())
        before = (folder / "samples.jsonl").read_bytes()
        done = call("resume", str(folder), "--retry-failed", "--allow-invalid", cwd=tmp_path)
    assert done.code == 5, done.err
    assert "failed requests of a load are its result, and are not sent again: load" in done.err
    assert (folder / "samples.jsonl").read_bytes() == before


def test_too_many_errors_in_a_quality_benchmark_can_be_tried_again(tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(tokens=2, faults=())) as server:
        url = server.url_with("faults=500:every2")
        graded: dict[str, object] = {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}"}
        graded |= {"scorers": ["numeric"], "attempts": 1}
        write_sums(tmp_path, url, cases=4, models=[{"name": "m", "endpoint": url}], benchmarks=[graded])
        done = call("run", cwd=tmp_path)
    assert done.code == 5, done.err
    assert "hint: bakeoff resume runs/" in done.err
    assert "--retry-failed" in done.err


def test_first_ctrl_c_saves_and_resume_sends_the_rest(tmp_path: Path) -> None:
    slow = TruthSettings(answer="arithmetic", ttft=0.05)
    with TruthProcess(slow) as server:
        write_sums(tmp_path, server.url, cases=60)
        process = start("run", cwd=tmp_path)
        folder = wait_for_samples(tmp_path / "runs", 5)
        done = interrupt(process)
        assert done.code == 130
        assert f"hint: bakeoff resume runs/{folder.name}" in done.err
        assert done.out == ""
        stored = len(list(read_records(folder, Sample)))
        assert 5 <= stored < 120
        server.reset()
        again = call("resume", cwd=tmp_path)
        asked = [one for one in server.truth() if one.status == 200]
    assert again.code == 0, again.err
    keys = [sample.key for sample in read_records(folder, Sample)]
    assert len(keys) == len(set(keys)) == 120
    assert len(asked) == 120 - stored + 2  # and one first question to each model
    nothing = call("resume", cwd=tmp_path)
    assert nothing.code == 2
    assert "is unfinished" in nothing.err


def test_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(answer="arithmetic")) as server:
        write_sums(tmp_path, server.url, cases=3000)
        spec = yaml.safe_load((tmp_path / "bakeoff.yaml").read_text())
        spec["models"] = [{"name": "m", "endpoint": server.url}]
        spec["benchmarks"][0]["load"] = {"kind": "sequential"}
        (tmp_path / "bakeoff.yaml").write_text(yaml.safe_dump(spec))
        process = start("run", "--quiet", cwd=tmp_path)
        wait_for_samples(tmp_path / "runs", 1)
        server.configure(TruthSettings(ttft=60))
        done = interrupt(process, times=2)
    assert done.code == 130
    assert done.err.startswith("interrupted: stopped at once")
    assert "hint: bakeoff resume" in done.err


def test_run_that_is_being_written_is_refused(tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(answer="arithmetic", ttft=0.1)) as server:
        write_sums(tmp_path, server.url, cases=3000)
        process = start("run", cwd=tmp_path)
        folder = wait_for_samples(tmp_path / "runs", 1)
        for words in (("resume", folder.name), ("runs", "rm", folder.name, "--yes")):
            done = call(*words, cwd=tmp_path)
            assert (done.code, "another process is writing this run" in done.err) == (2, True)
        listed = call("runs", "list", "--json", cwd=tmp_path).document()["runs"]
        assert [one["state"] for one in listed] == ["running"]
        interrupt(process)


def test_report_is_written_again_from_the_records_alone(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, "${SUMS_URL}", cases=4)
    made = call("run", cwd=tmp_path, env={"SUMS_URL": sums_server.url})
    folder = next((tmp_path / "runs").iterdir())
    for path in (folder / "report").iterdir():
        path.unlink()
    done = call("report", folder.name[:15], "--format", "md", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == made.out.splitlines()[0]
    assert "report.md" in {path.name for path in (folder / "report").iterdir()}
    assert done.out.splitlines()[-1].endswith("report.md")


def on_terminal(*words: str, cwd: Path, env: dict[str, str]) -> str:
    """Return what a command writes to a terminal."""
    mine, theirs = pty.openpty()
    with subprocess.Popen(
        [*BAKEOFF, *words], cwd=cwd, env=os.environ | env, stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        text = b""
        try:
            while block := os.read(mine, 4096):
                text += block
        except OSError:  # Linux tells the end of a terminal so
            pass
    os.close(mine)
    return text.decode()


def test_colours_are_for_terminals_that_want_them(tmp_path: Path) -> None:
    assert "\x1b[" in on_terminal("run", "nothing.yaml", cwd=tmp_path, env={"TERM": "xterm"})
    plain = on_terminal("run", "nothing.yaml", cwd=tmp_path, env={"TERM": "xterm", "NO_COLOR": "1"})
    assert plain.startswith("error: ")
    assert "\x1b[" not in plain


def test_bars_are_drawn_on_a_terminal(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=4)
    shown = on_terminal("run", cwd=tmp_path, env={"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "140"})
    assert "sums · good" in shown
    assert "4/4" in shown
    assert "100% right" in shown
