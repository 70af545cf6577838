"""The samples of real files reproduce what the tools themselves report, by the tools' own definitions."""

import json
from statistics import fmean

import pytest
from tests.unit.importers.examples import RESULTS, needs_results

from bakeoff import plugins
from bakeoff.metrics.service import Service
from bakeoff.metrics.tpot import Tpot
from bakeoff.stats.quantiles import quantile

pytestmark = needs_results


def read(name, file):
    return plugins.create("importers", name, {}).read(RESULTS / file)


def told(file):
    return json.loads((RESULTS / file).read_text(encoding="utf-8"))


def since_sent(sample, moment):
    return (moment - (sample.sent_at if sample.sent_at is not None else sample.scheduled_at)) / 1e9


def test_guidellm_means_are_its_own():
    found = read("guidellm", "guidellm-0.8.1.json")
    benchmark = told("guidellm-0.8.1.json")["benchmarks"][0]
    theirs, rows = benchmark["metrics"], benchmark["requests"]["successful"]
    target = found.targets[0]
    ttft = fmean(since_sent(s, s.first_token_at) for s in found.samples)
    tpot = fmean(Tpot().measure(s, target) for s in found.samples)
    service = fmean(Service().measure(s, target) for s in found.samples)
    scheduled = fmean((s.done_at - s.scheduled_at) / 1e9 for s in found.samples)
    assert ttft * 1e3 == pytest.approx(theirs["time_to_first_token_ms"]["successful"]["mean"], abs=1e-3)
    assert tpot * 1e3 == pytest.approx(theirs["inter_token_latency_ms"]["successful"]["mean"], abs=1e-3)
    assert service == pytest.approx(theirs["request_latency"]["successful"]["mean"], abs=1e-6)
    assert scheduled == pytest.approx(fmean(row["request_scheduled_latency"] for row in rows), abs=1e-6)


def test_guidellm_tokens_prompts_and_clock_are_kept():
    found = read("guidellm", "guidellm-0.8.1.json")
    assert {s.usage.completion for s in found.samples} == {64}
    assert {s.chunks for s in found.samples} == {64}
    assert len({s.case for s in found.samples}) == 192
    assert found.wall_ns == pytest.approx(1795228223.2358613 * 1e9, abs=1e3)
    assert found.benchmarks[0].load == {"kind": "concurrent", "concurrency": 64}
    assert found.targets[0].endpoint == "http://127.0.0.1:8100"


def test_aiperf_samples_are_its_records():
    found = read("aiperf", "aiperf-0.13.0.json")
    records = [
        json.loads(line) for line in (RESULTS / "aiperf-0.13.0-records.jsonl").read_text().splitlines()
    ]
    records.sort(key=lambda record: record["metadata"]["credit_issued_ns"])
    assert len(found.samples) == len(records) == 35
    for sample, record in zip(found.samples, records, strict=True):
        metrics = record["metrics"]
        assert since_sent(sample, sample.done_at) * 1e3 == pytest.approx(metrics["request_latency"]["value"])
        assert since_sent(sample, sample.first_token_at) * 1e3 == pytest.approx(
            metrics["time_to_first_token"]["value"]
        )
        itl = Tpot().measure(sample, found.targets[0])
        assert itl * 1e3 == pytest.approx(metrics["inter_token_latency"]["value"], abs=1e-5)


def test_aiperf_summary_of_more_requests_than_recorded_is_no_rate_of_samples():
    found = read("aiperf", "aiperf-0.13.0-records.jsonl")
    assert not found.benchmarks[0].countable
    reported = found.reported[0].metrics
    assert reported["request_rate"].value == 69.690118268519
    assert reported["ttft.p50"].value == pytest.approx(0.0904679065)
    assert reported["ttft.p50"].n == 192
    assert "35 of 192" in found.notes[0]


def test_vllm_latencies_are_its_own():
    found = read("vllm_bench", "vllm-bench-0.32.json")
    theirs = told("vllm-bench-0.32.json")
    e2e = sorted(since_sent(s, s.done_at) * 1e3 for s in found.samples)
    assert fmean(e2e) == pytest.approx(theirs["mean_e2el_ms"], abs=1e-5)
    assert quantile(e2e, 0.5) == pytest.approx(theirs["p50_e2el_ms"], abs=1e-5)
    assert quantile(e2e, 0.99) == pytest.approx(theirs["p99_e2el_ms"], abs=1e-5)


def test_vllm_without_details_reports_what_no_sample_has():
    found = read("vllm_bench", "vllm-bench-0.32.json")
    reported = found.reported[0].metrics
    assert reported["ttft.p50"].value == pytest.approx(0.06563094399984948)
    assert reported["chunk_gap.p99"].value == pytest.approx(0.015184660910049388)
    assert reported["output_tokens"].value == 64.0
    assert all(s.first_token_at is None and s.sent_at is None for s in found.samples)


def test_genai_bench_quantiles_are_its_own():
    found = read("genai_bench", "genai-bench-0.0.5.json")
    theirs = told("genai-bench-0.0.5.json")["aggregated_metrics"]["stats"]
    ttft = sorted(s.first_token_at / 1e9 for s in found.samples)
    e2e = sorted(s.done_at / 1e9 for s in found.samples)
    for label, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        assert quantile(ttft, share) == pytest.approx(theirs["ttft"][label], abs=1e-8)
        assert quantile(e2e, share) == pytest.approx(theirs["e2e_latency"][label], abs=1e-8)
    assert fmean(s.usage.prompt for s in found.samples) == theirs["num_input_tokens"]["mean"]


def test_llmperf_quantiles_are_its_own():
    found = read("llmperf", "llmperf_individual_responses.json")
    theirs = told("llmperf_summary.json")
    ttft = sorted(s.first_token_at / 1e9 for s in found.samples)
    e2e = sorted(s.done_at / 1e9 for s in found.samples)
    for label, share in (("p25", 0.25), ("p50", 0.5), ("p99", 0.99)):
        assert quantile(ttft, share) == pytest.approx(theirs[f"results_ttft_s_quantiles_{label}"], abs=1e-8)
        assert quantile(e2e, share) == pytest.approx(
            theirs[f"results_end_to_end_latency_s_quantiles_{label}"], abs=1e-8
        )
    assert fmean(s.usage.completion for s in found.samples) == theirs["results_number_output_tokens_mean"]
    assert found.targets[0].model == "truth"


def test_llmperf_gap_holds_the_first_wait_and_is_not_taken():
    rows = told("llmperf_individual_responses.json")
    found = read("llmperf", "llmperf_summary.json")
    # e2e over a count of events, so no gap between tokens: 40 ms a token were asked, 42.5 told.
    events = rows[0]["end_to_end_latency_s"] / rows[0]["inter_token_latency_s"]
    assert events == pytest.approx(33, abs=0.01)
    assert not any(name.startswith(("itl", "tpot")) for name in found.reported[0].metrics)


def test_inference_perf_reports_its_summary():
    reported = read("inference_perf", "inference-perf-0.7.0.json").reported[0]
    assert reported.metrics["ttft.p50"].value == 0.05027280550007163
    assert reported.metrics["tpot.mean"].value == 0.01000045694122001
    assert reported.metrics["request_rate"].value == 80.95768232526437
    assert reported.metrics["e2e.p99"].n == 192
    assert reported.outcomes == {"ok": 192}


def test_llmeter_milliseconds_become_seconds():
    reported = read("llmeter", "llmeter-0.2.0.json").reported[0].metrics
    assert reported["ttft.p50"].value == pytest.approx(0.0708140030001232)
    assert reported["output_token_rate"].value == 5453.3769170040405


def test_lm_eval_scores_give_its_own_value():
    found = read("lm_eval", "lm-eval-0.4.13-results.json")
    theirs = told("lm-eval-0.4.13-results.json")["results"]["gsm8k_local"]
    for metric in ("exact_match,strict-match", "exact_match,flexible-extract"):
        scores = [score for score in found.scores if score.metric == metric]
        assert len(scores) == 16
        assert fmean(score.value for score in scores) == theirs[metric]
        assert [score.passed for score in scores] == [False] * 16
    text = (RESULTS / "lm-eval-0.4.13-samples.jsonl").read_text(encoding="utf-8")
    lost = [score for score in found.scores if score.outcome == "unparsable"]
    assert 0 < len(lost) == text.count('"filtered_resps": ["[invalid]"]')
    assert "16 of 1319" in found.notes[0]
    assert found.cases["gsm8k_local"][0].messages[0].content.startswith("Question: Janet")
