"""Small files in the shapes of other tools, written by hand, and where real ones lie."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RESULTS = Path(os.environ.get("BAKEOFF_TEST_DATA") or ROOT.parent / "shared" / "data") / "results"

needs_results = pytest.mark.skipif(
    not RESULTS.is_dir(), reason="the real result files are not here; BAKEOFF_TEST_DATA names their folder"
)


def spread(mean: float, count: int) -> dict[str, object]:
    return {
        "mean": mean,
        "median": mean,
        "min": mean,
        "max": mean,
        "count": count,
        "percentiles": {"p50": mean, "p99": mean},
    }


def guidellm_row(start: float, *, error: str | None = None) -> dict[str, object]:
    timings = {
        "targeted_start": start - 0.002,
        "request_start": start,
        "first_token_iteration": None if error else start + 0.05,
        "first_output_token_iteration": None if error else start + 0.05,
        "last_token_iteration": None if error else start + 0.08,
        "token_iterations": 0 if error else 4,
        "request_end": start + 0.081,
    }
    body = json.dumps({"body": {"messages": [{"role": "user", "content": f"say {start}"}]}})
    counts = (
        {"prompt_tokens": None, "output_tokens": None} if error else {"prompt_tokens": 7, "output_tokens": 4}
    )
    return {
        "request_args": body,
        "output": None if error else "a b c d",
        "info": {"timings": timings, "error": error},
        **counts,
    }


def guidellm_benchmark(strategy: dict[str, object], start: float) -> dict[str, object]:
    totals = {"successful": 2, "errored": 1, "incomplete": 0, "total": 3}
    return {
        "type_": "generative_benchmark",
        "config": {"strategy": strategy, "backend": {"model": "org/m", "target": "http://127.0.0.1:1"}},
        "metrics": {
            "request_totals": totals,
            "requests_per_second": {"successful": spread(20.0, 2)},
            "time_to_first_token_ms": {"successful": spread(50.0, 2)},
        },
        "requests": {
            "successful": [guidellm_row(start + 0.1), guidellm_row(start)],
            "errored": [guidellm_row(start + 0.2, error="status 500")],
            "incomplete": [],
        },
        "warnings": [{"code": "root_late", "message": "sent late"}],
    }


GUIDELLM = {
    "metadata": {"guidellm_version": "0.8.1"},
    "benchmarks": [
        guidellm_benchmark({"type_": "synchronous"}, 1000.0),
        guidellm_benchmark({"type_": "constant", "rate": 2.5}, 1010.0),
    ],
}
OLD_ROW = {
    "prompt": "hello",
    "output": "a b",
    "prompt_tokens": 3,
    "output_tokens": 2,
    "start_time": 500.0,
    "first_token_time": 500.1,
    "last_token_time": 500.2,
    "end_time": 500.25,
    "scheduler_info": {"targeted_start_time": 499.9},
}
OLD_GUIDELLM = {
    "benchmarks": [
        {
            "type_": "generative_benchmark",
            "args": {"strategy": {"type_": "concurrent", "streams": 4}, "strategy_index": 0},
            "worker": {"backend_model": "old-model", "backend_target": "http://127.0.0.1:2"},
            "duration": 3.0,
            "request_totals": {"successful": 1, "errored": 0, "incomplete": 0, "total": 1},
            "metrics": {"request_latency": {"successful": spread(0.25, 1), "total": spread(0.25, 1)}},
            "requests": {"successful": [OLD_ROW], "errored": [], "incomplete": []},
        }
    ]
}


def aiperf_record(start: int, *, phase: str = "profiling", error: bool = False) -> dict[str, object]:
    times = {
        "request_start_ns": start,
        "credit_issued_ns": start - 5,
        "request_end_ns": start + 400,
        "benchmark_phase": phase,
        "was_cancelled": False,
    }
    if error:
        return {"metadata": times, "metrics": {}, "error": {"code": 500, "message": "no"}}
    values = {
        "time_to_first_token": 1e-4,
        "inter_chunk_latency": [1e-4, 2e-4],
        "usage_prompt_tokens": 9,
        "usage_completion_tokens": 3,
    }
    return {"metadata": times, "metrics": {name: {"value": v, "unit": "ms"} for name, v in values.items()}}


AIPERF = {
    "aiperf_version": "0.13.0",
    "request_throughput": {"unit": "requests/sec", "avg": 2.0},
    "request_count": {"unit": "requests", "avg": 2.0},
    "time_to_first_token": {"unit": "ms", "avg": 1e-4, "p50": 1e-4, "p99": None},
    "input_config": {
        "models": {"items": [{"name": "m"}]},
        "endpoint": {"urls": ["http://127.0.0.1:3"]},
        "phases": [{"kind": "profiling", "type": "concurrency", "concurrency": 2}],
    },
}
AIPERF_RECORDS = [
    aiperf_record(10_000, phase="warmup"),
    aiperf_record(20_000),
    aiperf_record(30_000, error=True),
    aiperf_record(40_000),
]
VLLM = {
    "date": "20260101-000000",
    "endpoint_type": "openai-chat",
    "backend": "openai-chat",
    "model_id": "m",
    "tokenizer_id": "m",
    "num_prompts": 3,
    "request_rate": "inf",
    "burstiness": 1.0,
    "max_concurrency": 2,
    "completed": 2,
    "failed": 1,
    "total_input_tokens": 20,
    "total_output_tokens": 6,
    "request_throughput": 4.0,
    "output_throughput": 12.0,
    "input_lens": [10, 10, 10],
    "output_lens": [3, 0, 3],
    "start_times": [100.0, 100.5, 101.0],
    "ttfts": [0.05, 0.0, 0.07],
    "itls": [[0.01, 0.02], [], [0.01, 0.01]],
    "generated_texts": ["a", "", "b"],
    "errors": ["", "Service Unavailable", ""],
    "mean_ttft_ms": 60.0,
    "p99.9_itl_ms": 20.0,
}
INFERENCE_PERF = {
    "load_summary": {"count": 3, "schedule_delay": {"mean": 0.001, "median": 0.001, "p99.9": 0.002}},
    "successes": {
        "count": 2,
        "latency": {"request_latency": {"mean": 0.5, "median": 0.4, "p99": 0.9}, "time_to_first_token": None},
        "throughput": {"requests_per_sec": 4.0, "output_tokens_per_sec": 8.0},
        "output_tokens": {"mean": 2.0},
    },
    "failures": {"count": 1},
}
GENAI_BENCH = {
    "aggregated_metrics": {
        "scenario": "D(10,5)",
        "num_concurrency": 2,
        "iteration_type": "num_concurrency",
        "num_completed_requests": 1,
        "num_error_requests": 1,
        "requests_per_second": 3.0,
        "mean_output_throughput_tokens_per_s": 15.0,
        "stats": {"ttft": {"mean": 50.0, "p50": 50.0}, "audio_throughput": {"mean": None}},
    },
    "individual_request_metrics": [
        {
            "ttft": 50.0,
            "e2e_latency": 90.0,
            "num_input_tokens": 10,
            "num_output_tokens": 5,
            "num_reasoning_tokens": 0,
            "error_code": None,
            "error_message": None,
        },
        {"ttft": None, "e2e_latency": None, "error_code": 429, "error_message": "slow down"},
    ],
    "_time_unit": "ms",
}
LLMETER = {
    "n": 4,
    "errors": 1,
    "ttft": {"p50": 70.0, "p99": 120.0},
    "tpot": {"p50": 10.0, "p99": 11.0},
    "e2e": {"p50": 700.0, "p99": 800.0},
    "rps": 8.0,
    "tps": 50.0,
    "tokens_per_request": 6.0,
}
LLMPERF_ROWS = [
    {
        "error_code": None,
        "error_msg": "",
        "inter_token_latency_s": 0.04,
        "ttft_s": 0.2,
        "end_to_end_latency_s": 1.4,
        "number_total_tokens": 106,
        "number_output_tokens": 42,
        "number_input_tokens": 64,
    },
    {"error_code": 429, "error_msg": "slow down", "ttft_s": None, "end_to_end_latency_s": None},
]
LLMPERF_SUMMARY = {
    "version": "2023-08-31",
    "model": "m",
    "num_concurrent_requests": 4,
    "results_ttft_s_quantiles_p50": 0.2,
    "results_ttft_s_mean": 0.2,
    "results_number_input_tokens_min": "64",
    "results_num_requests_started": 2,
    "results_number_errors": 1,
    "results_num_completed_requests": 1,
    "results_num_completed_requests_per_min": 60.0,
    "results_mean_output_throughput_token_per_s": 42.0,
}


def kit_row(start: str) -> dict[str, object]:
    return {
        "error_code": None,
        "error_msg": "",
        "client_ttft_s": 0.1,
        "client_end_to_end_latency_s": 0.4,
        "client_inter_token_latencies_s": [0.1, 0.2],
        "number_input_tokens": 5,
        "number_output_tokens": 3,
        "server_ttft_s": 0.09,
        "batch_size_used": 2,
        "start_time": start,
        "end_time": start,
    }


KIT_ROWS = [
    kit_row("23:59:59.900000"),
    kit_row("00:00:00.400000"),
    {"error_code": "timeout", "error_msg": "took too long", "client_ttft_s": None, "start_time": None},
]
KIT_SUMMARY = {
    "model": "m",
    "qps": 2.0,
    "qps_distribution": "exponential",
    "results_client_ttft_s_quantiles_p50": 0.1,
    "results_client_ttft_s_mean": 0.1,
    "results_number_errors": 1,
    "results_num_completed_requests": 2,
    "results_num_completed_requests_per_min": 120.0,
    "results_client_total_output_throughput": 6.0,
}
LM_EVAL = {
    "results": {
        "sums": {
            "alias": "sums",
            "exact_match,strict": 0.5,
            "exact_match_stderr,strict": 0.3,
            "perplexity,none": 8.5,
        }
    },
    "configs": {"sums": {}},
    "versions": {"sums": 2},
    "n-samples": {"sums": {"original": 10, "effective": 2}},
    "config": {"model": "local-chat-completions", "model_args": "model=m,base_url=http://127.0.0.1:4/v1"},
    "lm_eval_version": "0.4.13",
    "date": 1000.5,
}


def lm_eval_line(doc: int, found: str, value: float, *, filter_name: str = "strict") -> dict[str, object]:
    return {
        "doc_id": doc,
        "doc": {"question": f"{doc} + 1?", "answer": str(doc + 1)},
        "target": str(doc + 1),
        "arguments": {
            "gen_args_0": {"arg_0": [f'[{{"role": "user", "content": "{doc} + 1?"}}]'], "arg_1": {}}
        },
        "resps": [[f"it is {found}"]],
        "filtered_resps": [found],
        "filter": filter_name,
        "metrics": ["exact_match", "perplexity"],
        "exact_match": value,
        "perplexity": 8.5,
    }


LM_EVAL_LINES = [lm_eval_line(0, "1", 1.0), lm_eval_line(1, "[invalid]", 0.0)]


def lines(rows: list[dict[str, object]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


FILES: dict[str, dict[str, str]] = {
    "aiperf": {
        "profile_export_aiperf.json": json.dumps(AIPERF),
        "profile_export.jsonl": lines(AIPERF_RECORDS),
    },
    "genai_bench": {"D10_5_num_concurrency_2.json": json.dumps(GENAI_BENCH)},
    "guidellm": {"benchmarks.json": json.dumps(GUIDELLM)},
    "inference_perf": {"summary_lifecycle_metrics.json": json.dumps(INFERENCE_PERF)},
    "kit": {
        "synthetic_0_m_summary.json": json.dumps(KIT_SUMMARY),
        "synthetic_0_m_individual_responses.json": json.dumps(KIT_ROWS),
    },
    "llmeter": {"llmeter.json": json.dumps(LLMETER)},
    "llmperf": {
        "m_64_32_summary.json": json.dumps(LLMPERF_SUMMARY),
        "m_64_32_individual_responses.json": json.dumps(LLMPERF_ROWS),
    },
    "lm_eval": {
        "results_2026-01-01T00-00-00.5.json": json.dumps(LM_EVAL),
        "samples_sums_2026-01-01T00-00-00.5.jsonl": lines(LM_EVAL_LINES),
    },
    "vllm_bench": {"openai-chat-inf.json": json.dumps(VLLM)},
}
