"""Real result files of other tools become a run whose numbers are the files' own; runs become their files."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.commands import call

from bakeoff import plugins
from bakeoff.errors import UsageError
from bakeoff.records import Sample
from bakeoff.run.exporting import export_run
from bakeoff.run.finish import finish
from bakeoff.run.importing import import_files
from bakeoff.run.stored import load_stored
from bakeoff.stores.jsonl import read_records

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("BAKEOFF_TEST_DATA", ROOT.parent / "shared" / "data")) / "results"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared result files are not here")

FILES = {
    "guidellm": ["guidellm-0.8.1.json"],
    "aiperf": ["aiperf-0.13.0.json"],
    "vllm_bench": ["vllm-bench-0.32.json"],
    "inference_perf": ["inference-perf-0.7.0.json"],
    "genai_bench": ["genai-bench-0.0.5.json"],
    "llmperf": ["llmperf_summary.json"],
    "llmeter": ["llmeter-0.2.0.json"],
    "lm_eval": ["lm-eval-0.4.13-results.json"],
}


def imported(tool: str, tmp_path: Path) -> Path:
    return import_files([DATA / name for name in FILES[tool]], tmp_path, None, command="test")


def results_of(folder: Path) -> Any:
    return finish(folder, load_stored(folder, {}, secrets_needed=False).spec).results


@pytest.mark.parametrize("tool", sorted(FILES))
def test_a_file_of_each_tool_becomes_a_run_with_reports(tool: str, tmp_path: Path) -> None:
    folder = imported(tool, tmp_path)
    results = results_of(folder)
    assert results.targets
    values = [e for t in results.targets for e in t.metrics.values() if e.value is not None]
    assert values, "something was measured"
    assert (folder / "report" / "report.html").is_file()


@pytest.mark.parametrize("tool", ["vllm_bench", "genai_bench", "guidellm", "aiperf"])
def test_times_are_those_of_the_server_that_was_measured(tool: str, tmp_path: Path) -> None:
    (target,) = results_of(imported(tool, tmp_path)).targets
    found = [e.value for name, e in target.metrics.items() if name.endswith("tpot.p50") and e.value]
    assert found
    for value in found:
        assert value == pytest.approx(0.010, rel=0.35), "the server took 10 ms a token"


def test_the_same_file_gives_the_same_samples(tmp_path: Path) -> None:
    first, second = (imported("guidellm", tmp_path / name) for name in ("a", "b"))
    assert list(read_records(first, Sample)) == list(read_records(second, Sample))


def test_an_unknown_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"hello": 1}')
    done = call("import", "other.json", cwd=tmp_path)
    assert done.code == 2
    assert "other.json" in done.err


@pytest.mark.parametrize("tool", sorted(FILES))
def test_a_cut_file_is_refused_with_its_name(tool: str, tmp_path: Path) -> None:
    name = FILES[tool][0]
    whole = (DATA / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    done = call("import", name, "--tool", tool, cwd=tmp_path)
    assert done.code == 2
    assert done.err.startswith("error:")
    assert name in done.err


def test_a_run_without_tasks_of_lm_eval_has_no_results_of_that_form(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asked no task of lm-eval"):
        export_run(imported("guidellm", tmp_path), "lm_eval", tmp_path / "out", {})


@pytest.mark.parametrize("name", [n for n in plugins.names("exporters") if n not in {"excel", "lm_eval"}])
def test_an_imported_run_is_exported(name: str, tmp_path: Path) -> None:
    folder = imported("guidellm", tmp_path)
    files = export_run(folder, name, tmp_path / "out", {"unsigned": True} if name == "evidence" else {})
    assert files
    for path in files:
        assert path.stat().st_size > 0
        if path.suffix == ".json":
            msgspec.json.decode(path.read_bytes())


def test_a_kit_export_comes_back_with_the_same_numbers(tmp_path: Path) -> None:
    folder = imported("guidellm", tmp_path)
    files = export_run(folder, "kit", tmp_path / "out", {})
    again = import_files(files, tmp_path, "again", command="test")
    before = [s for s in read_records(folder, Sample) if s.ok]
    after = [s for s in read_records(again, Sample) if s.ok]
    assert len(after) == len(before)
    assert sum(s.usage.completion or 0 for s in after) == sum(s.usage.completion or 0 for s in before)
