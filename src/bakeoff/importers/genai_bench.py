"""genai-bench: one JSON per scenario and concurrency, with its requests.

A request has durations and no moments. `tpot` is (e2e - ttft) / (tokens - 1) and stays a reported number:
the file does not tell when the last token came or how many events there were. genai-bench leaves answers
out that came "too fast", so its requests may be fewer than were sent.
"""

from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import DataError
from bakeoff.importers._files import Count, decode, has_keys, head, ns, whole
from bakeoff.importers._shape import LOAD, UNTIMED, counts, make_target, single, spread
from bakeoff.records import Estimate, Sample, Usage
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

TOOL = "genai-bench"

_UNITS = {"s": 1.0, "ms": 1e-3}


class _Row(msgspec.Struct, frozen=True):
    ttft: float | None = None
    e2e_latency: float | None = None
    num_input_tokens: Count | None = None
    num_output_tokens: Count | None = None
    num_reasoning_tokens: Count | None = None
    error_code: int | None = None
    error_message: str | None = None

    @property
    def failed(self) -> bool:
        return self.error_code not in (None, 200)


class _Total(msgspec.Struct, frozen=True):
    num_completed_requests: int
    num_concurrency: int | None = None
    iteration_type: str | None = None
    num_error_requests: int = 0
    requests_per_second: float | None = None
    mean_output_throughput_tokens_per_s: float | None = None
    stats: dict[str, dict[str, float | None]] = {}


class _Result(msgspec.Struct, frozen=True):
    aggregated_metrics: _Total
    individual_request_metrics: list[_Row] = []
    unit: str = msgspec.field(name="_time_unit", default="s")


class GenaiBench(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result of genai-bench."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is such a result."""
        return has_keys(head(path), "aggregated_metrics", "num_completed_requests")

    def read(self, path: Path) -> Imported:
        """Return the result's content."""
        result = decode(path, _Result, TOOL)
        scale = _UNITS.get(result.unit)
        if scale is None:
            raise DataError(
                f"its times are in `{result.unit}`", where=str(path), hint="bakeoff knows s and ms here"
            )
        target = make_target(None)
        rows = result.individual_request_metrics
        return Imported(
            tool=TOOL,
            targets=(target,),
            benchmarks=(
                ImportedBenchmark(
                    name=LOAD,
                    load=_load(result.aggregated_metrics),
                    metrics=(*UNTIMED, "reasoning_tokens"),
                    countable=False,
                ),
            ),
            samples=[_sample(row, index, target.name, scale, path) for index, row in enumerate(rows, 1)],
            reported=[_reported(result.aggregated_metrics, scale, target.name)],
            sources=(path,),
            notes=["genai-bench's result does not name the model, and tells durations only"],
        )


def _load(total: _Total) -> dict[str, Any] | None:
    if total.iteration_type == "num_concurrency" and total.num_concurrency:
        return {"kind": "concurrent", "concurrency": total.num_concurrency}
    return None


def _sample(row: _Row, index: int, target: str, scale: float, path: Path) -> Sample:
    def duration(value: float | None) -> int | None:
        return None if value is None or row.failed else ns(value * scale, path)

    usage = Usage(
        prompt=whole(row.num_input_tokens),
        completion=whole(row.num_output_tokens),
        reasoning=whole(row.num_reasoning_tokens),
        counted_by=None if row.num_output_tokens is None else TOOL,
    )
    return Sample(
        benchmark=LOAD,
        case=str(index),
        target=target,
        outcome="error" if row.failed else "ok",
        first_token_at=duration(row.ttft),
        done_at=duration(row.e2e_latency),
        usage=usage,
        status=row.error_code,
        error=(row.error_message or f"status {row.error_code}") if row.failed else "",
    )


def _reported(total: _Total, scale: float, target: str) -> Reported:
    metrics: dict[str, Estimate] = {}
    n = total.num_completed_requests
    for theirs, name in (("ttft", "ttft"), ("tpot", "tpot"), ("e2e_latency", "e2e")):
        note = f"as reported by {TOOL} (`{theirs}`)"
        metrics |= spread(name, "s", total.stats.get(theirs, {}), n, note=note, scale=scale)
    for name, unit, theirs in (
        ("request_rate", "requests/s", "requests_per_second"),
        ("output_token_rate", "tokens/s", "mean_output_throughput_tokens_per_s"),
    ):
        note = f"as reported by {TOOL} (`{theirs}`)"
        metrics |= single(name, unit, getattr(total, theirs), n, note=note)
    outcomes = counts(ok=n, error=total.num_error_requests)
    return Reported(
        benchmark=LOAD,
        target=target,
        metrics=metrics,
        outcomes=outcomes,
    )
