import csv
import json
import re

import pytest
from openpyxl import load_workbook
from tests.unit.importers.examples import FILES, RESULTS, needs_results

from bakeoff import plugins
from bakeoff.errors import PluginError, UsageError
from bakeoff.exporters._consolidated import COLUMNS, consolidated
from bakeoff.records import Sample, Usage
from bakeoff.run.exporting import export_run, stored_run
from bakeoff.run.finish import make_results
from bakeoff.run.importing import import_files
from bakeoff.run.stored import load_stored
from bakeoff.testing.contracts.exporters import make_run, samples


def write(name, folder, run=None, **options):
    exporter = plugins.create("exporters", name, options)
    return exporter.write(run or make_run(samples()), folder)


def read(paths, ending):
    return json.loads(next(path for path in paths if path.name.endswith(ending)).read_text())


def kit_pair(folder, **options):
    paths = [path for path in write("kit", folder, **options) if "one" in path.name]
    return read(paths, "_individual_responses.json"), read(paths, "_summary.json")


KEYS = [
    "client_ttft_s",
    "client_end_to_end_latency_s",
    "client_output_token_per_s_per_request",
    "client_total_tokens_per_s_per_request",
    "client_inter_token_latencies_s",
    "client_mean_inter_token_latency_s",
    "server_ttft_s",
    "server_end_to_end_latency_s",
    "server_output_token_per_s_per_request",
    "server_output_token_after_first_per_s_first_ten_per_request",
    "server_total_tokens_per_s_per_request",
    "server_number_input_tokens",
    "server_number_output_tokens",
    "server_number_total_tokens",
    "number_input_tokens",
    "number_output_tokens",
    "number_total_tokens",
    "batch_size_used",
    "queue_time",
    "acceptance_rate",
    "start_time",
    "end_time",
    "prompt_name",
    "error_code",
    "error_msg",
]


def test_kit_request_has_exactly_its_keys(tmp_path):
    rows, _ = kit_pair(tmp_path)
    assert [sorted(row) for row in rows] == [sorted(KEYS)] * 5, "all but the warm-up"


def test_kit_formulas_count_from_sending(tmp_path):
    row = kit_pair(tmp_path)[0][0]
    assert row["client_ttft_s"] == pytest.approx(0.050)
    assert row["client_end_to_end_latency_s"] == pytest.approx(0.071)
    assert row["client_output_token_per_s_per_request"] == pytest.approx(3 / 0.021)
    assert row["client_total_tokens_per_s_per_request"] == pytest.approx(12 / 0.071)
    assert row["client_inter_token_latencies_s"] == [0.01, 0.01]
    assert row["start_time"] == "22:13:21.001000"
    assert row["server_ttft_s"] == 0.05
    assert row["server_number_total_tokens"] == 12
    assert row["queue_time"] is None


def test_kit_request_without_an_answer_has_an_error_code(tmp_path):
    rows, summary = kit_pair(tmp_path)
    assert [row["error_code"] for row in rows] == [None, None, "truncated", 503, "cancelled"]
    assert summary["results_num_requests_started"] == 5
    assert summary["results_num_completed_requests"] == 2
    assert summary["results_number_errors"] == 3
    assert summary["results_error_rate"] == 0.6
    assert summary["results_error_code_frequency"] == "{'truncated': 1, '503': 1, 'cancelled': 1}"


def test_kit_summary_knows_no_throughput_where_a_count_is_missing(tmp_path):
    _, summary = kit_pair(tmp_path)
    assert summary["results_client_total_output_throughput"] is None
    assert summary["results_client_ttft_s_quantiles_p5"] == pytest.approx(0.05)
    assert summary["results_acceptance_rate_mean"] is None
    assert (summary["num_input_tokens"], summary["num_concurrent_requests"]) == (9, 2)


def test_kit_files_have_its_names(tmp_path):
    names = sorted(path.name for path in write("kit", tmp_path))
    uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"synthetic_0_org-one_9_3_2_stream_{uuid}_individual_responses\.json", names[0])
    assert names[1] == names[0].replace("individual_responses", "summary")


def test_kit_of_2024_has_its_own_keys_and_names(tmp_path):
    rows, summary = kit_pair(tmp_path, edition="2024")
    keys = [
        "error_code",
        "error_msg",
        "ttft_s",
        "end_to_end_latency_s",
        "number_input_tokens",
        "number_output_tokens",
        "number_total_tokens",
        "request_output_throughput_token_per_s",
        "ttft_server_s",
        "end_to_end_latency_server_s",
        "request_output_throughput_server_token_per_s",
        "request_output_throughput_after_first_server_token_per_s",
        "number_input_tokens_server",
        "number_output_tokens_server",
        "number_total_tokens_server",
        "total_tokens_per_sec_server",
    ]
    assert sorted(rows[0]) == sorted(keys)
    assert rows[0]["request_output_throughput_token_per_s"] == pytest.approx(3 / 0.071)
    assert (summary["mean_input_tokens"], summary["stddev_input_tokens"]) == (9, 2)
    assert summary["stddev_output_tokens"] == 0
    assert summary["name"] == "org-one_9_3_2_stream_summary"
    assert "results_ttft_s_quantiles_p5" not in summary


@pytest.mark.parametrize("name", ["guidellm", "aiperf", "vllm_bench", "kit", "genai_bench", "llmperf"])
def test_run_exported_for_the_kit_imports_to_the_same_numbers(name, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for file, text in FILES[name].items():
        (source / file).write_text(text, encoding="utf-8")
    assert_same_after_export(import_files([source], tmp_path / "runs"), tmp_path)


@needs_results
@pytest.mark.parametrize(
    "file", ["guidellm-0.8.1.json", "genai-bench-0.0.5.json", "llmperf_summary.json", "vllm-bench-0.32.json"]
)
def test_real_run_exported_for_the_kit_imports_to_the_same_numbers(file, tmp_path):
    assert_same_after_export(import_files([RESULTS / file], tmp_path / "runs"), tmp_path)


def assert_same_after_export(run, folder):
    export_run(run, "kit", folder / "kit")
    again = import_files([folder / "kit"], folder / "runs")
    first = [row for row in stored_run(run).samples() if row.stage != "warmup"]
    second = list(stored_run(again).samples())
    assert len(first) == len(second)
    for one, two in zip(sorted(first, key=_place), sorted(second, key=_place), strict=True):
        for moment in ("first_token_at", "done_at"):
            ours = since(one, getattr(one, moment)) if one.ok else None
            theirs = since(two, getattr(two, moment))
            assert ours == pytest.approx(theirs, abs=1) if ours is not None else theirs is None
        if one.ok:
            assert (two.usage.prompt, two.usage.completion) == (one.usage.prompt, one.usage.completion)
        assert one.chunk_us == two.chunk_us or not one.ok or one.chunk_us is None


def _place(sample):
    start = sample.scheduled_at if sample.sent_at is None else sample.sent_at
    return (not sample.ok, since(sample, sample.done_at) or 0, start)


def since(sample, moment):
    if moment is None:
        return None
    return moment - (sample.scheduled_at if sample.sent_at is None else sample.sent_at)


@needs_results
def test_guidellm_export_has_the_keys_of_a_real_report(tmp_path):
    run = import_files([RESULTS / "guidellm-0.8.1.json"], tmp_path / "runs")
    (path,) = export_run(run, "guidellm", tmp_path / "out")
    ours = json.loads(path.read_text())
    theirs = json.loads((RESULTS / "guidellm-0.8.1.json").read_text())
    assert set(ours) == set(theirs)
    mine, real = ours["benchmarks"][0], theirs["benchmarks"][0]
    assert set(real) == set(mine)
    optional = {"turn_predecessor_delay", "turn_scheduling_delay", "root_dispatch_delay"}
    assert set(real["metrics"]) - set(mine["metrics"]) == optional
    for name in set(real["metrics"]) & set(mine["metrics"]):
        if isinstance(real["metrics"][name], dict):
            assert set(real["metrics"][name]) == set(mine["metrics"][name]), name
    timings = real["requests"]["successful"][0]["info"]["timings"]
    assert set(mine["requests"]["successful"][0]["info"]["timings"]) == set(timings)
    assert set(real["scheduler_metrics"]) - set(mine["scheduler_metrics"]) == {
        "generation_delay",
        "dataset_incomplete",
        "strategy_type",
    }


@needs_results
def test_guidellm_export_has_the_numbers_of_a_real_report(tmp_path):
    run = import_files([RESULTS / "guidellm-0.8.1.json"], tmp_path / "runs")
    (path,) = export_run(run, "guidellm", tmp_path / "out")
    ours = json.loads(path.read_text())["benchmarks"][0]["metrics"]
    theirs = json.loads((RESULTS / "guidellm-0.8.1.json").read_text())["benchmarks"][0]["metrics"]
    for name in ("request_latency", "time_to_first_token_ms", "output_token_count"):
        mine, real = ours[name]["successful"], theirs[name]["successful"]
        assert mine["count"] == real["count"]
        assert mine["mean"] == pytest.approx(real["mean"], rel=1e-5)
        assert mine["percentiles"]["p95"] == pytest.approx(real["percentiles"]["p95"], rel=0.02)
    assert ours["output_tokens_per_second"]["successful"]["mean"] == pytest.approx(
        theirs["output_tokens_per_second"]["successful"]["mean"], rel=1e-6
    )


def test_guidellm_export_imports_again(tmp_path):
    (path,) = write("guidellm", tmp_path)
    run = import_files([path], tmp_path / "runs")
    rows = {row.outcome: row for row in stored_run(run).samples() if row.target == "org-one"}
    assert set(rows) == {"ok", "error", "cancelled"}
    spec = load_stored(run, {}, secrets_needed=False).spec
    assert [bench.load.options for bench in spec.benchmarks] == [{"concurrency": 2}, {"concurrency": 2}]
    assert make_results(run, spec).targets[0].model == "org/one"


def test_an_answer_that_hit_the_limit_is_no_error_for_guidellm(tmp_path):
    (path,) = write("guidellm", tmp_path)
    rows = json.loads(path.read_text())["benchmarks"][0]["requests"]
    assert [len(rows[status]) for status in ("successful", "errored", "incomplete")] == [3, 1, 1]
    assert {row["info"]["status"] for row in rows["successful"]} == {"completed"}
    assert not any(row["info"]["error"] for row in rows["successful"])


@pytest.mark.parametrize(
    ("load", "strategy"),
    [
        ({"kind": "sequential"}, "synchronous"),
        ({"kind": "poisson", "rate": 2.0}, "poisson"),
        ({"kind": "ramp", "start": 1, "stop": 5}, "trace"),
        ({"kind": "unknown"}, "throughput"),
    ],
)
def test_guidellm_strategy_of_a_load(load, strategy, tmp_path):
    run = make_run(samples())
    for stage in run.plan.stages:
        stage.load.clear()
        stage.load.update(load)
    (path,) = write("guidellm", tmp_path, run)
    config = json.loads(path.read_text())["benchmarks"][0]["config"]
    assert config["strategy"]["type_"] == strategy
    assert config["bakeoff_load"] == load


def test_csv_has_a_row_per_sample_with_durations_from_the_schedule(tmp_path):
    (path,) = write("csv", tmp_path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7
    assert [row["warmup"] for row in rows] == ["true"] + ["false"] * 6
    assert float(rows[1]["ttft_s"]) == pytest.approx(0.051)
    assert float(rows[1]["lag_s"]) == pytest.approx(0.001)
    assert rows[2]["output_tokens"] == "", "unknown is empty, not 0"
    assert rows[4]["outcome"] == "error"
    assert "\x00" not in rows[4]["error"]


def batched(ttft, done):
    return Sample(
        benchmark="load",
        case=str(done),
        target="one",
        outcome="ok",
        sent_at=0,
        first_token_at=1,
        done_at=done,
        usage=Usage(prompt=1, completion=2, counted_by="server"),
        extra={"server_ttft_s": ttft},
    )


def test_consolidated_estimates_batches_and_switching_time():
    times = [0.2, 0.2, 0.2, 0.5, 0.5, 0.5, 0.5, 0.1]
    rows = [batched(ttft, (index + 1) * 10**9) for index, ttft in enumerate(times)]
    (row,) = consolidated(make_run(rows))
    assert row["request_batching_frequencies"] == "{1: 1, 4: 7}"
    assert row["representative_batch_size"] == 4
    assert row["switching_time"] == pytest.approx(0.3)
    assert row["server_ttft_s_max"] == 0.5
    assert row["client_total_output_throughput"] == pytest.approx(2.0)
    assert row["num_completed_requests_per_min"] == pytest.approx(60.0)


def test_consolidated_leaves_empty_what_the_server_did_not_say():
    row = consolidated(make_run(samples()))[1]
    assert row["switching_time"] is None or row["server_ttft_s_mean"] is not None
    assert row["acceptance_rate_p50"] is None


def test_excel_holds_the_same_table_and_no_formula(tmp_path):
    (path,) = write("excel", tmp_path)
    sheet = load_workbook(path).active
    cells = list(sheet.iter_rows(values_only=True))
    assert cells[0] == COLUMNS
    expected = consolidated(make_run(samples()))
    assert len(cells) == 1 + len(expected)
    assert dict(zip(COLUMNS, cells[1], strict=True))["num_requests_started"] == 5
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)


def test_run_without_samples_says_what_to_do(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(next(iter(FILES["inference_perf"].values())))
    run = import_files([path], tmp_path / "runs")
    with pytest.raises(UsageError, match="holds no sample"):
        export_run(run, "kit", tmp_path / "out")


def test_unknown_format_and_option_are_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(next(iter(FILES["vllm_bench"].values())))
    run = import_files([path], tmp_path / "runs")
    with pytest.raises(PluginError, match="Did you mean `kit`"):
        export_run(run, "kitt", tmp_path / "out")
    with pytest.raises(PluginError, match="edition"):
        export_run(run, "kit", tmp_path / "out", {"edition": "1999"})
