"""llmperf, and the SambaNova kit of 2024: `*_individual_responses.json` and `*_summary.json`.

A request has durations and no moments. What this tool says of token gaps is not used, because it is wrong by
definition: `inter_token_latency_s` divides all of the time, the wait for the first token included, by the
number of events. Its token counts come from one Llama tokenizer, whatever the model. `ttft_s` of the kit of
2024 is the duration of another, later request, and null above one request at a time. A request that failed
ends llmperf's worker thread, and is often in no file.
"""

from pathlib import Path
from typing import Any

import msgspec

from bakeoff.importers._files import Count, beside, decode, has_keys, head, ns, whole
from bakeoff.importers._shape import LOAD, UNTIMED, counts, make_target, single, spread
from bakeoff.records import Estimate, Sample, Usage
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

TOOL = "llmperf"

_ROWS, _SUMMARY = "_individual_responses.json", "_summary.json"


class _Row(msgspec.Struct, frozen=True):
    error_code: int | str | None = None
    error_msg: str | None = None
    ttft_s: float | None = None
    end_to_end_latency_s: float | None = None
    number_input_tokens: Count | None = None
    number_output_tokens: Count | None = None
    ttft_server_s: float | None = None
    end_to_end_latency_server_s: float | None = None


class _Summary(msgspec.Struct, frozen=True):
    model: str | None = None
    num_concurrent_requests: int | None = None
    results_num_requests_started: int = 0
    results_number_errors: int = 0
    results_num_completed_requests: int = 0
    results_num_completed_requests_per_min: float | None = None
    results_mean_output_throughput_token_per_s: float | None = None
    timestamp: int | None = None


class Llmperf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An llmperf run: its requests, its summary, or both where they lie side by side."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is one of the two files."""
        return _is_summary(path) or _is_rows(path)

    def read(self, path: Path) -> Imported:
        """Return the run's content."""
        summary_path, rows_path = _pair(path)
        summary = decode(summary_path, _Summary, TOOL) if summary_path else _Summary()
        rows = decode(rows_path, list[_Row], TOOL) if rows_path else []
        target = make_target(summary.model)
        reported: list[Reported] = []
        if summary_path is not None:
            every: dict[str, Any] = decode(summary_path, dict[str, Any], TOOL)
            reported.append(_reported(summary, every, target.name))
        return Imported(
            tool=TOOL,
            targets=(target,),
            benchmarks=(ImportedBenchmark(name=LOAD, load=_load(summary), metrics=UNTIMED, countable=False),),
            samples=[_sample(row, i, target.name, path) for i, row in enumerate(rows, 1)],
            reported=reported,
            sources=tuple(each for each in (summary_path, rows_path) if each),
            notes=[] if summary_path else ["there is no summary beside the requests: the model is unknown"],
        )


def _is_summary(path: Path) -> bool:
    data = head(path)
    return has_keys(data, "results_num_requests_started", "results_ttft_s_mean")


def _is_rows(path: Path) -> bool:
    data = head(path)
    return data.lstrip()[:1] == b"[" and has_keys(data, "error_code", "ttft_s", "end_to_end_latency_s")


def _pair(path: Path) -> tuple[Path | None, Path | None]:
    """Return summary and requests, one of them given and the other found beside it."""
    if _is_summary(path):
        other = beside(path, path.name.removesuffix(_SUMMARY) + _ROWS)
        return path, other if other and _is_rows(other) else None
    other = beside(path, path.name.removesuffix(_ROWS) + _SUMMARY)
    return (other if other and _is_summary(other) else None), path


def _load(summary: _Summary) -> dict[str, Any] | None:
    at_once = summary.num_concurrent_requests
    return {"kind": "concurrent", "concurrency": at_once} if at_once else None


def _sample(row: _Row, index: int, target: str, path: Path) -> Sample:
    failed = row.error_code is not None
    counted = row.number_input_tokens is not None or row.number_output_tokens is not None
    server = {
        "server_ttft_s": row.ttft_server_s,
        "server_end_to_end_latency_s": row.end_to_end_latency_server_s,
    }
    return Sample(
        benchmark=LOAD,
        case=str(index),
        target=target,
        outcome="error" if failed else "ok",
        first_token_at=None if failed else ns(row.ttft_s, path),
        done_at=None if failed else ns(row.end_to_end_latency_s, path),
        usage=Usage(
            prompt=whole(row.number_input_tokens), completion=whole(row.number_output_tokens), counted_by=TOOL
        )
        if counted
        else Usage(),
        status=row.error_code if isinstance(row.error_code, int) else None,
        error=(row.error_msg or str(row.error_code)) if failed else "",
        extra={name: value for name, value in server.items() if value is not None},
    )


def _reported(summary: _Summary, every: dict[str, Any], target: str) -> Reported:
    metrics: dict[str, Estimate] = {}
    n = summary.results_num_completed_requests
    for theirs, name in (("ttft_s", "ttft"), ("end_to_end_latency_s", "e2e")):
        stats = {
            label: value
            for label in (
                "mean",
                "min",
                "max",
                "quantiles_p50",
                "quantiles_p90",
                "quantiles_p95",
                "quantiles_p99",
            )
            if isinstance(value := every.get(f"results_{theirs}_{label}"), int | float)
        }
        values = {label.removeprefix("quantiles_"): value for label, value in stats.items()}
        metrics |= spread(name, "s", values, n, note=f"as reported by {TOOL} (`{theirs}`)")
    per_minute = summary.results_num_completed_requests_per_min
    for name, unit, value, theirs in (
        (
            "request_rate",
            "requests/s",
            None if per_minute is None else per_minute / 60,
            "num_completed_requests_per_min / 60",
        ),
        (
            "output_token_rate",
            "tokens/s",
            summary.results_mean_output_throughput_token_per_s,
            "mean_output_throughput_token_per_s",
        ),
    ):
        metrics |= single(name, unit, value, n, note=f"as reported by {TOOL} (`{theirs}`)")
    outcomes = counts(ok=n, error=summary.results_number_errors)
    return Reported(
        benchmark=LOAD,
        target=target,
        metrics=metrics,
        outcomes=outcomes,
    )
