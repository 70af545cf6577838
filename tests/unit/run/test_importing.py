import json

import pytest
from tests.unit.importers.examples import FILES, RESULTS, VLLM, needs_results

from bakeoff.errors import DataError
from bakeoff.records import Event
from bakeoff.run.compare import compare_runs
from bakeoff.run.exporting import stored_run
from bakeoff.run.finish import finish, make_results
from bakeoff.run.folder import list_folders
from bakeoff.run.importing import import_files
from bakeoff.run.listing import details, summary
from bakeoff.run.stored import load_stored
from bakeoff.stores.jsonl import read_records


def write(folder, name):
    folder.mkdir(exist_ok=True)
    for file, text in FILES[name].items():
        (folder / file).write_text(text, encoding="utf-8")
    return [folder / file for file in FILES[name]]


def results(folder):
    return make_results(folder, load_stored(folder, {}, secrets_needed=False).spec)


@pytest.mark.parametrize("name", sorted(FILES))
def test_imported_run_is_a_run_like_any_other(name, tmp_path):
    folder = import_files(write(tmp_path / "in", name), tmp_path / "runs")
    finished = finish(folder, load_stored(folder, {}, secrets_needed=False).spec)
    assert all(path.is_file() for path in finished.files.values())
    assert summary(folder).state == "finished"
    assert details(folder).targets
    assert any(text.startswith("imported from") for text in finished.results.warnings)


def test_files_that_belong_together_are_read_once(tmp_path):
    folder = import_files(write(tmp_path / "in", "aiperf"), tmp_path / "runs")
    events = [event for event in read_records(folder, Event) if event.kind == "imported"]
    assert len(events) == 1
    assert events[0].facts["tool"] == "aiperf"
    assert events[0].facts["version"] == "0.13.0"
    assert [len(file["sha256"]) for file in events[0].facts["files"]] == [64, 64]
    assert {file["name"] for file in events[0].facts["files"]} == set(FILES["aiperf"])


def test_folder_gives_all_files_of_known_tools(tmp_path):
    write(tmp_path / "in", "aiperf")
    write(tmp_path / "in", "vllm_bench")
    (tmp_path / "in" / "notes.txt").write_text("nothing")
    folder = import_files([tmp_path / "in"], tmp_path / "runs", "both")
    assert [target.name for target in results(folder).targets] == ["m", "m-aiperf"]
    assert "both" in folder.name


def test_one_load_of_two_tools_is_two_benchmarks_where_it_differs(tmp_path):
    paths = write(tmp_path / "a", "aiperf") + write(tmp_path / "b", "llmperf")
    found = results(import_files(paths, tmp_path / "runs"))
    assert set(found.benchmarks) == {"load", "load-llmperf"}
    assert [target.name for target in found.targets] == ["m", "m-llmperf"]


def test_rates_of_samples_without_moments_are_the_tools_own(tmp_path):
    found = results(import_files(write(tmp_path / "in", "genai_bench"), tmp_path / "runs"))
    metrics = found.targets[0].metrics
    assert metrics["load.request_rate"].value == 3.0
    assert metrics["load.request_rate"].note.startswith("as reported by genai-bench")
    assert found.stages[0].request_rate is None
    assert found.stages[0].seconds is None
    assert found.stages[0].e2e.p50 == pytest.approx(0.09)


def test_rates_of_samples_with_moments_are_computed(tmp_path):
    found = results(import_files(write(tmp_path / "in", "vllm_bench"), tmp_path / "runs"))
    assert found.stages[0].request_rate == pytest.approx(2 / 1.09, rel=0.5)
    assert not found.targets[0].metrics["load.request_rate"].note.startswith("as reported")


def test_summary_without_requests_gives_numbers_and_outcomes(tmp_path):
    found = results(import_files(write(tmp_path / "in", "inference_perf"), tmp_path / "runs"))
    target = found.targets[0]
    assert target.outcomes == {"load": {"ok": 2, "error": 1}}
    estimate = target.metrics["load.e2e.p50"]
    assert (estimate.value, estimate.n, estimate.low) == (0.4, 2, None)
    assert "load.e2e" not in target.metrics, "known by its quantiles, so not unknown as a whole"
    assert not any(name.startswith("load.ttft") for name in target.metrics)


def test_graded_answers_are_graded_again_from_scores(tmp_path):
    folder = import_files(write(tmp_path / "in", "lm_eval"), tmp_path / "runs")
    metrics = results(folder).targets[0].metrics
    share = metrics["sums.exact_match,strict"]
    assert (share.value, share.n) == (0.5, 2)
    assert share.low is not None, "an interval, since the samples are there"
    assert metrics["sums.exact_match,strict_answered"].value == 1.0
    assert metrics["sums.perplexity,none"].value == 8.5


def test_two_imports_compare_on_the_same_documents(tmp_path):
    first = import_files(write(tmp_path / "in", "lm_eval"), tmp_path / "runs")
    second = import_files(write(tmp_path / "in", "lm_eval"), tmp_path / "runs")
    compared = compare_runs([first, second])
    assert [(one.metric, one.difference, one.n) for one in compared.comparisons] == [
        ("sums.exact_match,strict", 0.0, 2)
    ]


def test_same_files_have_the_same_hash(tmp_path):
    paths = write(tmp_path / "in", "guidellm")
    hashes = {results(import_files(paths, tmp_path / "runs")).plan_hash for _ in range(2)}
    assert len(hashes) == 1


def test_text_in_a_file_is_no_reference_to_the_environment(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(VLLM | {"model_id": "${HOME}/model"}))
    folder = import_files([path], tmp_path / "runs")
    assert results(folder).targets[0].model == "${HOME}/model"
    assert load_stored(folder, {"HOME": "x"}, secrets_needed=False).spec.models[0].model == "${HOME}/model"


@pytest.mark.parametrize(
    ("text", "message"),
    [("hello", "not a result file of a known tool"), ('{"n": 1}', "not a result file of a known tool")],
)
def test_foreign_file_is_refused_with_the_known_tools(text, message, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        import_files([path], tmp_path / "runs")
    assert "guidellm" in caught.value.hint
    assert not (tmp_path / "runs").exists()


def test_missing_file_and_empty_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        import_files([tmp_path / "gone.json"], tmp_path / "runs")
    with pytest.raises(DataError, match="no file of a known tool"):
        import_files([tmp_path], tmp_path / "runs")


def test_tool_by_name_reads_without_a_look(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    with pytest.raises(DataError, match="not as LLMeter writes it"):
        import_files([path], tmp_path / "runs", tool="llmeter")


def test_count_that_no_request_has_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(VLLM | {"output_lens": [3, 0, 10**15]}))
    with pytest.raises(DataError, match="request 3 has a count"):
        import_files([path], tmp_path / "runs")


@needs_results
def test_real_guidellm_run_gives_its_numbers(tmp_path):
    found = results(import_files([RESULTS / "guidellm-0.8.1.json"], tmp_path))
    theirs = json.loads((RESULTS / "guidellm-0.8.1.json").read_text())["benchmarks"][0]["metrics"]
    service = found.stages[0].service
    assert service.n == 192
    assert service.mean == pytest.approx(theirs["request_latency"]["successful"]["mean"], abs=1e-6)
    assert found.targets[0].outcomes == {"load": {"ok": 192}}


@needs_results
def test_real_aiperf_rate_is_of_all_requests(tmp_path):
    metrics = results(import_files([RESULTS / "aiperf-0.13.0.json"], tmp_path)).targets[0].metrics
    assert (metrics["load.request_rate"].value, metrics["load.request_rate"].n) == (69.690118268519, 192)
    assert metrics["load.lag.p50"].n == 35


def test_a_request_that_ends_before_it_begins_is_refused(tmp_path):
    content = json.loads(FILES["llmperf"]["m_64_32_individual_responses.json"])
    content[0]["end_to_end_latency_s"] = -1
    path = tmp_path / "m_individual_responses.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="ends before it begins"):
        import_files([path], tmp_path / "runs")


def test_both_files_of_one_result_are_read_once(tmp_path):
    paths = write(tmp_path / "in", "llmperf")
    run = stored_run(import_files([*paths, *paths], tmp_path / "runs"))
    assert len(list(run.samples())) == 2
    assert list(run.scores()) == []


def test_an_import_that_is_cut_off_is_no_run(tmp_path, monkeypatch):
    (tmp_path / "vllm.json").write_text(json.dumps(VLLM))

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("bakeoff.stores.jsonl.JsonlStore.sync", full)
    with pytest.raises(OSError, match="no space"):
        import_files([tmp_path / "vllm.json"], root=tmp_path / "runs")
    assert list_folders(tmp_path / "runs") == []
