"""SambaNova's benchmarking kit since 2025: `*_individual_responses.json` and `*_summary.json`.

The kit computes its time to first token: the first event's time less the tokens in it beyond the first, at
the later pace. It counts an empty role event as a token and a gap per event, and its times of day know no
date. Latencies count from sending. What the server said of itself becomes its figures; the rest is kept in
`extra` under the kit's names.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import DataError
from bakeoff.importers._files import Count, beside, decode, has_keys, head, ns, whole
from bakeoff.importers._shape import LOAD, UNTIMED, counts, make_target, single, spread
from bakeoff.records import Estimate, Sample, ServerFigures, Usage
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

TOOL = "sambanova-kit"

_ROWS, _SUMMARY = "_individual_responses.json", "_summary.json"
_CLOCK = re.compile(r"(\d{1,2}):(\d\d):(\d\d(?:\.\d+)?)")
_DAY = 86_400 * 10**9
_METRICS = (*UNTIMED, "tpot", "chunk_gap")
_SERVER_METRICS = ("server_ttft", "server_e2e", "server_output_rate", "ttft_overhead", "e2e_overhead")
_SERVER = (
    "server_output_token_after_first_per_s_first_ten_per_request",
    "server_total_tokens_per_s_per_request",
    "server_number_input_tokens",
    "server_number_output_tokens",
    "server_number_total_tokens",
)


class _Row(msgspec.Struct, frozen=True):
    error_code: int | str | None = None
    error_msg: str | None = None
    client_ttft_s: float | None = None
    client_end_to_end_latency_s: float | None = None
    client_inter_token_latencies_s: list[float] | None = None
    number_input_tokens: Count | None = None
    number_output_tokens: Count | None = None
    start_time: str | None = None
    prompt_name: str | None = None
    server_ttft_s: float | None = None
    server_end_to_end_latency_s: float | None = None
    server_output_token_per_s_per_request: float | None = None
    server_output_token_after_first_per_s_first_ten_per_request: float | None = None
    server_total_tokens_per_s_per_request: float | None = None
    server_number_input_tokens: float | None = None
    server_number_output_tokens: float | None = None
    server_number_total_tokens: float | None = None
    batch_size_used: float | None = None
    queue_time: float | None = None
    acceptance_rate: float | None = None


class _Summary(msgspec.Struct, frozen=True):
    model: str | None = None
    num_concurrent_requests: int | None = None
    qps: float | None = None
    qps_distribution: str | None = None
    results_num_completed_requests: int = 0
    results_number_errors: int = 0
    results_num_completed_requests_per_min: float | None = None
    results_client_total_output_throughput: float | None = None


class Kit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of the kit: its requests, its summary, or both where they lie side by side."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is one of the two files."""
        return _is_summary(path) or _is_rows(path)

    def read(self, path: Path) -> Imported:
        """Return the run's content."""
        summary_path, rows_path = _pair(path)
        summary = decode(summary_path, _Summary, "the kit") if summary_path else _Summary()
        rows = decode(rows_path, list[_Row], "the kit") if rows_path else []
        target = make_target(summary.model)
        starts = _starts(rows, path)
        timed = all(start is not None or _failed(row) for start, row in zip(starts, rows, strict=True))
        samples = [
            _sample(row, start, index, target.name, path)
            for index, (row, start) in enumerate(zip(rows, starts, strict=True), 1)
        ]
        metrics = _METRICS + (_SERVER_METRICS if any(each.server for each in samples) else ())
        reported: list[Reported] = []
        if summary_path is not None:
            every: dict[str, Any] = decode(summary_path, dict[str, Any], "the kit")
            reported.append(_reported(summary, every, target.name))
        return Imported(
            tool=TOOL,
            targets=(target,),
            benchmarks=(
                ImportedBenchmark(
                    name=LOAD, load=_load(summary), metrics=metrics, countable=bool(rows) and timed
                ),
            ),
            samples=samples,
            reported=reported,
            sources=tuple(each for each in (summary_path, rows_path) if each),
            notes=[
                "the kit tells times of day without a date, and computes its time to first token",
                *([] if summary_path else ["there is no summary beside the requests: the model is unknown"]),
            ],
        )


def _is_summary(path: Path) -> bool:
    return has_keys(head(path), "results_client_ttft_s_mean")


def _is_rows(path: Path) -> bool:
    data = head(path)
    return data.lstrip()[:1] == b"[" and has_keys(data, "client_ttft_s", "error_code")


def _pair(path: Path) -> tuple[Path | None, Path | None]:
    """Return summary and requests, one of them given and the other found beside it."""
    if _is_summary(path):
        other = beside(path, path.name.removesuffix(_SUMMARY) + _ROWS)
        return path, other if other and _is_rows(other) else None
    other = beside(path, path.name.removesuffix(_ROWS) + _SUMMARY)
    return (other if other and _is_summary(other) else None), path


def _load(summary: _Summary) -> dict[str, Any] | None:
    if summary.num_concurrent_requests:
        return {"kind": "concurrent", "concurrency": summary.num_concurrent_requests}
    kind = {"constant": "constant", "exponential": "poisson"}.get(summary.qps_distribution or "")
    return {"kind": kind, "rate": summary.qps} if kind and summary.qps else None


def _failed(row: _Row) -> bool:
    return row.error_code is not None


def _starts(rows: Sequence[_Row], path: Path) -> list[int | None]:
    """Return when each request began, in ns from the first; a run over midnight goes on after it."""
    found = [_time_of_day(row.start_time, path) for row in rows]
    known = sorted({moment for moment in found if moment is not None})
    if not known:
        return found
    # The longest pause of the day lies before the first request: a run takes less than half of it.
    gaps = [(later - sooner, later) for sooner, later in pairwise(known)]
    widest, after = max(gaps, default=(0, known[0]))
    zero = after if widest > _DAY // 2 else known[0]
    return [None if moment is None else (moment - zero) % _DAY for moment in found]


def _time_of_day(text: str | None, path: Path) -> int | None:
    if text is None:
        return None
    found = _CLOCK.search(text)
    if found is None:
        raise DataError(f"`{text[:40]}` is no time of day", where=f"{path}: start_time")
    hours, minutes, seconds = found.groups()
    return (int(hours) * 3600 + int(minutes) * 60) * 10**9 + round(float(seconds) * 1e9)


def _sample(row: _Row, start: int | None, index: int, target: str, path: Path) -> Sample:
    failed = _failed(row)
    base = start or 0

    def after(seconds: float | None) -> int | None:
        gap = None if failed else ns(seconds, path)
        return None if gap is None else base + gap

    gaps = None if failed else row.client_inter_token_latencies_s
    first = after(row.client_ttft_s)
    counted = row.number_input_tokens is not None or row.number_output_tokens is not None
    return Sample(
        benchmark=LOAD,
        case=str(index),
        target=target,
        outcome="error" if failed else "ok",
        scheduled_at=base,
        sent_at=start,
        first_token_at=first,
        last_token_at=None if first is None or gaps is None else first + (ns(sum(gaps), path) or 0),
        done_at=after(row.client_end_to_end_latency_s),
        usage=Usage(
            prompt=whole(row.number_input_tokens), completion=whole(row.number_output_tokens), counted_by=TOOL
        )
        if counted
        else Usage(),
        status=row.error_code if isinstance(row.error_code, int) else None,
        error=(row.error_msg or str(row.error_code)) if failed else "",
        chunks=0 if gaps is None else len(gaps) + 1,
        chunk_us=None if gaps is None else [round(gap * 1e6) for gap in gaps],
        extra={name: value for name in _SERVER if (value := getattr(row, name)) is not None},
        server=_figures(row),
    )


def _figures(row: _Row) -> ServerFigures | None:
    """Return what the server said of its own work; a rate of 0 means that there was none."""
    figures = ServerFigures(
        ttft=row.server_ttft_s,
        e2e=row.server_end_to_end_latency_s,
        output_rate=row.server_output_token_per_s_per_request or None,
        queue=row.queue_time,
        acceptance_rate=row.acceptance_rate or None,
        batch_size=row.batch_size_used or None,
    )
    return None if figures == ServerFigures() else figures


def _reported(summary: _Summary, every: dict[str, Any], target: str) -> Reported:
    metrics: dict[str, Estimate] = {}
    n = summary.results_num_completed_requests
    for theirs, name in (("client_ttft_s", "ttft"), ("client_end_to_end_latency_s", "e2e")):
        stats = {
            label.removeprefix("quantiles_"): value
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
        metrics |= spread(name, "s", stats, n, note=f"as reported by {TOOL} (`{theirs}`)")
    per_minute = summary.results_num_completed_requests_per_min
    rate = None if per_minute is None else per_minute / 60
    note = f"as reported by {TOOL} (`{{}}`)"
    metrics |= single(
        "request_rate", "requests/s", rate, n, note=note.format("num_completed_requests_per_min / 60")
    )
    metrics |= single(
        "output_token_rate",
        "tokens/s",
        summary.results_client_total_output_throughput,
        n,
        note=note.format("client_total_output_throughput"),
    )
    outcomes = counts(ok=n, error=summary.results_number_errors)
    return Reported(
        benchmark=LOAD,
        target=target,
        metrics=metrics,
        outcomes=outcomes,
    )
