"""Results that other tools made are compared by item id, without a request."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.integration.commands import call
from tests.unit.importers.examples import FILES, LM_EVAL, RESULTS, lm_eval_line, needs_results

from bakeoff.decide.compare.flips import Flip
from bakeoff.records import Comparison
from bakeoff.run.compare import Compared, compare_runs
from bakeoff.run.importing import import_files


def lm_eval_run(place: Path, model: str, right: list[bool], *, docs: list[int] | None = None) -> Path:
    """Import what lm-eval wrote of one model; `docs` are the ids in the order of the file."""
    place.mkdir()
    report = json.loads(json.dumps(LM_EVAL))
    report["config"]["model_args"] = f"model={model},base_url=http://127.0.0.1:4/v1"
    report["model_name"] = model
    (place / "results_2026-01-01T00-00-00.5.json").write_text(json.dumps(report))
    rows = [
        lm_eval_line(doc, str(doc + 1) if good else "[invalid]", float(good))
        for doc, good in zip(docs or range(len(right)), right, strict=True)
    ]
    path = place / "samples_sums_2026-01-01T00-00-00.5.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return import_files([place], place.parent / "runs")


def only(compared: Compared) -> Comparison:
    (row,) = [one for one in compared.comparisons if one.metric == "sums.exact_match,strict"]
    return row


def test_two_lm_eval_runs_are_compared_item_by_item(tmp_path: Path) -> None:
    first = lm_eval_run(tmp_path / "a", "old", [n % 2 == 0 for n in range(40)])
    second = lm_eval_run(tmp_path / "b", "new", [n % 2 == 0 or n < 20 for n in range(40)])
    compared = compare_runs([first, second])
    row = only(compared)
    assert row.test == "exact McNemar, Tango interval"
    assert (row.n, row.only_a, row.only_b) == (40, 0, 10)
    assert row.p == pytest.approx(2 / 2**10)
    assert [flip.case for flip in compared.flips] == [str(n) for n in range(1, 20, 2)]


def test_items_are_matched_by_id_whatever_their_order(tmp_path: Path) -> None:
    right = [n < 20 for n in range(40)]
    first = lm_eval_run(tmp_path / "a", "old", right)
    second = lm_eval_run(tmp_path / "b", "new", right[::-1], docs=list(range(39, -1, -1)))
    row = only(compare_runs([first, second]))
    assert (row.n, row.only_a, row.only_b, row.p) == (40, 0, 0, 1.0)


def test_items_that_one_file_lacks_are_left_out_and_told(tmp_path: Path) -> None:
    first = lm_eval_run(tmp_path / "a", "old", [True] * 40)
    second = lm_eval_run(tmp_path / "b", "new", [n == 0 for n in range(30)])
    row = only(compare_runs([first, second]))
    assert (row.n, row.only_a) == (30, 29)
    assert row.note.startswith(
        "10 cases are left out because only one of the two has a value; 29 answers of new"
    )


def test_runs_over_different_items_are_compared_unpaired(tmp_path: Path) -> None:
    first = lm_eval_run(tmp_path / "a", "old", [True] * 40)
    second = lm_eval_run(tmp_path / "b", "new", [False] * 30, docs=list(range(100, 130)))
    row = only(compare_runs([first, second]))
    assert row.test.startswith("unpaired: ")
    assert (row.n, row.n_b, row.difference) == (40, 30, 1.0)


def test_one_id_with_other_content_is_another_item(tmp_path: Path) -> None:
    first = lm_eval_run(tmp_path / "a", "old", [True] * 10)
    second = lm_eval_run(tmp_path / "b", "new", [True] * 10)
    cases = second / "cases.jsonl"
    cases.write_text(cases.read_text().replace("3 + 1?", "3 + 1 = ?"))
    compared = compare_runs([first, second])
    assert only(compared).n == 9
    assert any("1 cases have other content" in warning for warning in compared.warnings)


def test_the_command_tells_lost_items_first(tmp_path: Path) -> None:
    first = lm_eval_run(tmp_path / "a", "old", [True, True, False])
    second = lm_eval_run(tmp_path / "b", "new", [True, False, True])
    done = call("compare", first, second, cwd=tmp_path)
    names = [
        target["name"]
        for target in call("compare", first, second, "--json", cwd=tmp_path).document()["targets"]
    ]
    assert done.out.splitlines()[0] == f"1 case that {names[0]} lost and {names[1]} won:"
    assert "sums/2" in done.out
    assert "only 2 of 3 cases differ" in done.out


def imported_load(tool: str, tmp_path: Path, name: str) -> Path:
    place = tmp_path / name
    place.mkdir()
    for file, text in FILES[tool].items():
        (place / file).write_text(text)
    return import_files([place], tmp_path / "runs", name)


def test_loads_of_two_tools_are_compared_unpaired(tmp_path: Path) -> None:
    """Neither wrote down what it asked, and request 2 of one tool is not request 2 of the other."""
    runs = [imported_load(tool, tmp_path, tool.replace("_", "-")) for tool in ("vllm_bench", "aiperf")]
    compared = compare_runs(runs)
    times = [row for row in compared.comparisons if row.metric.endswith((".ttft", ".e2e"))]
    assert times
    assert all(row.test.startswith("unpaired") and row.n_b is not None for row in times)
    assert any("taken at different times" in warning for warning in compared.warnings)


def test_the_same_load_twice_is_compared_request_by_request(tmp_path: Path) -> None:
    runs = [imported_load("aiperf", tmp_path, name) for name in ("one", "two")]
    compared = compare_runs(runs)
    times = [row for row in compared.comparisons if row.metric.endswith((".ttft", ".e2e"))]
    assert any("matched by their numbers" in warning for warning in compared.warnings)
    assert {row.difference for row in times} == {0.0}
    assert not any(row.test.startswith("unpaired") for row in times)


def test_runs_without_a_common_benchmark_say_so(tmp_path: Path) -> None:
    compared = compare_runs([imported_load(tool, tmp_path, tool) for tool in ("guidellm", "aiperf")])
    assert compared.comparisons == []
    assert compared.warnings[-1] == "nothing is compared: no benchmark has values of two targets"


@needs_results
def test_a_real_lm_eval_run_is_compared_with_itself(tmp_path: Path) -> None:
    files: list[Any] = [RESULTS / f"lm-eval-0.4.13-{kind}" for kind in ("results.json", "samples.jsonl")]
    place = tmp_path / "in"
    place.mkdir()
    shutil.copy(files[0], place / "results_2026-01-01T00-00-00.5.json")
    shutil.copy(files[1], place / "samples_gsm8k_2026-01-01T00-00-00.5.jsonl")
    compared = compare_runs([import_files([place], tmp_path / "runs") for _ in range(2)])
    assert compared.comparisons
    assert all((row.difference, row.p) == (0.0, 1.0) for row in compared.comparisons)
    assert all(
        "on every one of the" in row.note or "on any of the" in row.note for row in compared.comparisons
    )
    assert compared.flips == list[Flip]()
