"""What no real file at hand has: failed requests, warm-ups, older shapes, details, other places of a file."""

import json

import pytest
import yaml
from tests.unit.importers.examples import (
    AIPERF_RECORDS,
    FILES,
    GUIDELLM,
    KIT_ROWS,
    LM_EVAL_LINES,
    OLD_GUIDELLM,
    VLLM,
    lines,
    lm_eval_line,
)

from bakeoff import plugins
from bakeoff.errors import DataError
from bakeoff.metrics.chunk_gap import ChunkGap
from bakeoff.records import ServerFigures


def read(name, folder, files=None):
    for file, text in (files or FILES[name]).items():
        (folder / file).write_text(text, encoding="utf-8")
    return plugins.create("importers", name, {}).read(folder / next(iter(files or FILES[name])))


def test_guidellm_strategies_are_benchmarks(tmp_path):
    found = read("guidellm", tmp_path)
    assert [bench.name for bench in found.benchmarks] == ["synchronous", "constant-2.5"]
    assert found.benchmarks[1].load == {"kind": "constant", "rate": 2.5}
    assert "synchronous: GuideLLM warns: sent late" in found.notes


def test_guidellm_failed_requests_are_samples(tmp_path):
    found = read("guidellm", tmp_path)
    first = [sample for sample in found.samples if sample.benchmark == "synchronous"]
    assert [sample.outcome for sample in first] == ["ok", "ok", "error"], "in the order of sending"
    assert first[2].error == "status 500"
    assert first[2].first_token_at is None


def test_guidellm_times_count_from_the_first_due_request(tmp_path):
    found = read("guidellm", tmp_path)
    assert found.samples[0].scheduled_at == 0
    assert found.samples[0].sent_at == pytest.approx(2_000_000, abs=1000)
    assert found.samples[3].scheduled_at == pytest.approx(10 * 10**9, abs=1000)
    assert found.wall_ns == pytest.approx(999.998 * 1e9, abs=1000)


def test_guidellm_of_old_reads_as_json_and_yaml(tmp_path):
    as_json = read("guidellm", tmp_path, {"a.json": json.dumps(OLD_GUIDELLM)})
    as_yaml = read("guidellm", tmp_path, {"a.yaml": yaml.safe_dump(OLD_GUIDELLM)})
    assert as_json.samples == as_yaml.samples
    sample = as_json.samples[0]
    moments = (sample.scheduled_at, sample.sent_at, sample.first_token_at, sample.done_at)
    assert moments == (0, 100_000_000, 200_000_000, 350_000_000)
    assert as_json.targets[0].model == "old-model"
    assert as_json.benchmarks[0].load == {"kind": "concurrent", "concurrency": 4}


def test_guidellm_with_some_requests_counts_no_rate(tmp_path):
    report = json.loads(json.dumps(GUIDELLM))
    report["benchmarks"] = report["benchmarks"][:1]
    report["benchmarks"][0]["requests"]["successful"].pop()
    found = read("guidellm", tmp_path, {"a.json": json.dumps(report)})
    assert not found.benchmarks[0].countable
    assert any("2 of 3 requests" in note for note in found.notes)


def test_guidellm_login_in_an_address_is_dropped(tmp_path):
    report = json.loads(json.dumps(OLD_GUIDELLM))
    report["benchmarks"][0]["worker"]["backend_target"] = "https://user:secret@host:8000/v1?key=secret"
    found = read("guidellm", tmp_path, {"a.json": json.dumps(report)})
    assert found.targets[0].endpoint == "https://host:8000/v1"


def test_same_prompt_is_the_same_case_in_two_guidellm_reports(tmp_path):
    first = read("guidellm", tmp_path, {"a.json": json.dumps(GUIDELLM)})
    second = read("guidellm", tmp_path, {"b.json": json.dumps(GUIDELLM)})
    assert {s.case for s in first.samples} == {s.case for s in second.samples}


def test_aiperf_warmup_and_errors(tmp_path):
    found = read("aiperf", tmp_path)
    assert [sample.stage for sample in found.samples] == ["warmup", "main", "main", "main"]
    assert [sample.outcome for sample in found.samples] == ["ok", "ok", "error", "ok"]
    assert found.samples[2].status == 500
    assert found.benchmarks[0].countable
    assert found.samples[1].chunks == 3
    assert found.samples[1].last_token_at - found.samples[1].sent_at == 400


def test_aiperf_records_alone_name_no_model(tmp_path):
    found = read("aiperf", tmp_path, {"lonely.jsonl": lines(AIPERF_RECORDS)})
    assert found.targets[0].model == "unknown"
    assert found.reported == []
    assert "no summary" in found.notes[0]


def test_vllm_details_become_samples(tmp_path):
    found = read("vllm_bench", tmp_path)
    assert [sample.outcome for sample in found.samples] == ["ok", "error", "ok"]
    first, failed, last = found.samples
    assert (first.sent_at, last.sent_at) == (0, 10**9)
    assert first.done_at == first.last_token_at == 80_000_000
    assert ChunkGap().measure(first, found.targets[0]) == pytest.approx(0.015)
    assert failed.error == "Service Unavailable"
    assert failed.first_token_at is None
    assert found.benchmarks[0].countable
    assert found.reported[0].metrics["chunk_gap.p999"].value == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("change", "load"),
    [
        ({"request_rate": 5.0}, {"kind": "poisson", "rate": 5.0}),
        ({"request_rate": 5.0, "burstiness": 0.5}, {"kind": "gamma", "rate": 5.0, "shape": 0.5}),
        ({"max_concurrency": None}, {"kind": "throughput"}),
        ({}, {"kind": "concurrent", "concurrency": 2}),
        ({"request_rate": "often"}, None),
    ],
)
def test_vllm_load(change, load, tmp_path):
    assert read("vllm_bench", tmp_path, {"a.json": json.dumps(VLLM | change)}).benchmarks[0].load == load


def test_vllm_columns_of_different_lengths_are_refused(tmp_path):
    with pytest.raises(DataError, match="different lengths"):
        read("vllm_bench", tmp_path, {"a.json": json.dumps(VLLM | {"ttfts": [0.1]})})


def test_vllm_failures_that_nobody_names_leave_the_summary(tmp_path):
    result = {name: value for name, value in VLLM.items() if name not in {"errors", "start_times"}}
    found = read("vllm_bench", tmp_path, {"a.json": json.dumps(result)})
    assert found.samples == []
    assert found.reported[0].outcomes == {"ok": 2, "error": 1}
    assert any("which requests failed" in note for note in found.notes)


def test_genai_bench_milliseconds_and_errors(tmp_path):
    good, failed = read("genai_bench", tmp_path).samples
    assert (good.first_token_at, good.done_at) == (50_000_000, 90_000_000)
    assert (failed.outcome, failed.status, failed.error) == ("error", 429, "slow down")
    assert failed.done_at is None


def test_genai_bench_of_unknown_unit_is_refused(tmp_path):
    text = FILES["genai_bench"]["D10_5_num_concurrency_2.json"].replace('"ms"', '"weeks"')
    with pytest.raises(DataError, match="`weeks`"):
        read("genai_bench", tmp_path, {"a.json": text})


def test_llmperf_errors_have_no_times(tmp_path):
    good, failed = read("llmperf", tmp_path).samples
    assert good.usage.counted_by == "llmperf"
    assert (failed.outcome, failed.status, failed.done_at) == ("error", 429, None)


def test_kit_run_goes_on_after_midnight(tmp_path):
    found = read("kit", tmp_path)
    assert [sample.sent_at for sample in found.samples] == [0, 500_000_000, None]
    assert found.samples[1].done_at == 900_000_000
    assert found.samples[0].server == ServerFigures(ttft=0.09, batch_size=2)
    assert found.samples[0].extra == {}
    assert "server_ttft" in found.benchmarks[0].metrics
    assert found.benchmarks[0].load == {"kind": "poisson", "rate": 2.0}
    assert found.benchmarks[0].countable


def test_kit_time_that_is_none_is_refused(tmp_path):
    rows = [KIT_ROWS[0] | {"start_time": "noon"}]
    with pytest.raises(DataError, match="`noon` is no time of day"):
        read("kit", tmp_path, {"a_individual_responses.json": json.dumps(rows)})


def test_lm_eval_finds_what_belongs_together(tmp_path):
    (tmp_path / "samples_other_2025-01-01T00-00-00.jsonl").write_text(lines(LM_EVAL_LINES))
    found = read("lm_eval", tmp_path)
    assert [bench.name for bench in found.benchmarks] == ["sums"]
    assert [(score.case, score.value, score.passed, score.outcome) for score in found.scores] == [
        ("0", 1.0, True, "ok"),
        ("1", 0.0, False, "unparsable"),
    ]
    assert found.targets[0].model == "m"
    assert found.reported[0].metrics["perplexity,none"].value == 8.5


def test_lm_eval_document_with_two_filters_is_one_sample(tmp_path):
    rows = [lm_eval_line(0, "1", 1.0), lm_eval_line(0, "1", 1.0, filter_name="flexible")]
    found = read("lm_eval", tmp_path, {"samples_sums_2026-01-01T00-00-00.5.jsonl": lines(rows)})
    assert len(found.samples) == 1
    assert [score.scorer for score in found.scores] == ["exact_match,strict", "exact_match,flexible"]


def test_lm_eval_choice_by_likelihood_has_no_text(tmp_path):
    row = lm_eval_line(0, "1", 1.0) | {
        "resps": [[["-1.5", "False"]], [["-0.5", "True"]]],
        "filtered_resps": [["-1.5", "False"], ["-0.5", "True"]],
        "metrics": ["acc"],
        "acc": 1.0,
    }
    found = read("lm_eval", tmp_path, {"samples_sums_2026-01-01T00-00-00.5.jsonl": lines([row])})
    assert found.samples[0].text == ""
    assert found.samples[0].outcome == "ok"
    assert found.scores[0].passed is True


@pytest.mark.parametrize("text", ["NaN", "Infinity"])
def test_python_writes_what_is_no_json_and_it_is_unknown(text, tmp_path):
    files = FILES["inference_perf"] | {}
    name, content = next(iter(files.items()))
    found = read("inference_perf", tmp_path, {name: content.replace("0.9", text)})
    assert "e2e.p99" not in found.reported[0].metrics
    assert found.reported[0].metrics["e2e.p50"].value == 0.4


def test_time_that_no_run_takes_is_refused(tmp_path):
    rows = [KIT_ROWS[0] | {"client_ttft_s": 1e300}]
    with pytest.raises(DataError, match="no time in seconds"):
        read("kit", tmp_path, {"a_individual_responses.json": json.dumps(rows)})


def test_counts_of_a_data_frame_are_whole(tmp_path):
    rows = [KIT_ROWS[0] | {"number_output_tokens": 3.0}]
    found = read("kit", tmp_path, {"a_individual_responses.json": json.dumps(rows)})
    assert found.samples[0].usage.completion == 3
    assert isinstance(found.samples[0].usage.completion, int)
