"""AIPerf: the summary (`profile_export_aiperf.json`) and the requests (`profile_export.jsonl`) beside it.

Moments are whole nanoseconds. `request_latency` counts from the start of the request, so it is `service`
here; `e2e` counts from the moment at which AIPerf issued the credit for the request. Its
`inter_token_latency` is the mean of one request over its tokens less one, which is `tpot` here.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# The values come from other programs' JSON, whose shape is looked at where they are read.

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.importers._files import beside, decode, decode_lines, first_line, has_keys, head, ns, whole
from bakeoff.importers._shape import LOAD, counts, make_target, numbered, single, spread
from bakeoff.records import Estimate, Sample, Target, Usage
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

TOOL = "aiperf"

_SPREADS = {
    "request_latency": ("service", "s", 1e-3),
    "time_to_first_token": ("ttft", "s", 1e-3),
    "inter_token_latency": ("tpot", "s", 1e-3),
}
_SINGLES = {
    "request_throughput": ("request_rate", "requests/s"),
    "output_token_throughput": ("output_token_rate", "tokens/s"),
    "input_sequence_length": ("prompt_tokens", "tokens"),
    "output_sequence_length": ("output_tokens", "tokens"),
}


class _Moments(msgspec.Struct, frozen=True):
    request_start_ns: int
    request_end_ns: int
    credit_issued_ns: int | None = None
    benchmark_phase: str = "profiling"
    was_cancelled: bool = False


class _Value(msgspec.Struct, frozen=True):
    value: Any = None


class _Error(msgspec.Struct, frozen=True):
    code: int | None = None
    type: str | None = None
    message: str | None = None


class _Record(msgspec.Struct, frozen=True):
    metadata: _Moments
    metrics: dict[str, _Value] = {}
    error: _Error | None = None

    def number(self, name: str) -> float | None:
        """Return a metric that is one number."""
        found = self.metrics.get(name)
        value = found.value if found else None
        return float(value) if isinstance(value, int | float) else None

    def count(self, name: str) -> int | None:
        """Return a metric that is a count."""
        return whole(self.number(name))


class _Stat(msgspec.Struct, frozen=True):
    avg: float | None = None
    min: float | None = None
    max: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    count: int | None = None


class _Model(msgspec.Struct, frozen=True):
    name: str | None = None


class _Models(msgspec.Struct, frozen=True):
    items: list[_Model] = []


class _Endpoint(msgspec.Struct, frozen=True):
    urls: list[str] = []
    model_names: list[str] = []


class _Phase(msgspec.Struct, frozen=True):
    kind: str = ""
    type: str = ""
    concurrency: int | None = None
    rate: float | None = None


class _Input(msgspec.Struct, frozen=True):
    models: _Models = _Models()
    endpoint: _Endpoint = _Endpoint()
    phases: list[_Phase] = []


class _Summary(msgspec.Struct, frozen=True):
    aiperf_version: str | None = None
    input_config: _Input = _Input()
    request_throughput: _Stat | None = None
    request_latency: _Stat | None = None
    request_count: _Stat | None = None
    error_request_count: _Stat | None = None
    time_to_first_token: _Stat | None = None
    inter_token_latency: _Stat | None = None
    output_token_throughput: _Stat | None = None
    input_sequence_length: _Stat | None = None
    output_sequence_length: _Stat | None = None

    @property
    def requests(self) -> int:
        """Return how many answers the summary stands for."""
        return int(self.request_count.avg or 0) if self.request_count else 0


class Aiperf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An AIPerf run: its summary, its requests, or both where they lie side by side."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is AIPerf's summary or its requests."""
        return _is_summary(path) or _is_records(path)

    def read(self, path: Path) -> Imported:
        """Return the run's content."""
        summary_path, records_path = _pair(path)
        summary = decode(summary_path, _Summary, "AIPerf") if summary_path else None
        records = list(decode_lines(records_path, _Record, "AIPerf")) if records_path else []
        target = _target(summary)
        zero = min((_due(record) for record in records), default=None)
        samples = numbered(_samples(records, target.name, zero or 0, path))
        main = sum(sample.stage != "warmup" for sample in samples)
        short = summary is not None and main < summary.requests
        notes = [] if summary else ["there is no summary beside the requests, so the model is unknown"]
        if summary and short:
            what = f"{main} of {summary.requests} requests are in the file of requests"
            notes.append(f"{what}; what is computed from them stands for these only")
        return Imported(
            tool=TOOL,
            version=summary.aiperf_version if summary else None,
            targets=(target,),
            benchmarks=(ImportedBenchmark(name=LOAD, load=_load(summary), countable=not short),),
            samples=samples,
            reported=[_reported(summary, target.name)] if summary else [],
            sources=tuple(each for each in (summary_path, records_path) if each),
            wall_ns=zero,
            notes=notes,
        )


def _is_summary(path: Path) -> bool:
    return has_keys(head(path), "aiperf_version")


def _is_records(path: Path) -> bool:
    return has_keys(first_line(path), "metadata", "metrics", "request_start_ns")


def _pair(path: Path) -> tuple[Path | None, Path | None]:
    """Return summary and requests, one of them given and the other found beside it."""
    if _is_summary(path):
        stem = path.stem.removesuffix("_aiperf")
        other = beside(path, f"{path.stem}-records.jsonl", f"{stem}.jsonl", f"{path.stem}.jsonl")
        return path, other if other and _is_records(other) else None
    stem = path.stem.removesuffix("-records")
    other = beside(path, f"{stem}.json", f"{stem}_aiperf.json")
    return (other if other and _is_summary(other) else None), path


def _target(summary: _Summary | None) -> Target:
    if summary is None:
        return make_target(None)
    setup = summary.input_config
    models = [model.name for model in setup.models.items] + list(setup.endpoint.model_names)
    return make_target(next(iter(models), None), next(iter(setup.endpoint.urls), None))


def _load(summary: _Summary | None) -> dict[str, Any] | None:
    for phase in summary.input_config.phases if summary else ():
        if phase.kind in {"", "profiling"}:
            if phase.type == "concurrency" and phase.concurrency:
                return {"kind": "concurrent", "concurrency": phase.concurrency}
            if phase.type in {"constant", "poisson"} and phase.rate:
                return {"kind": phase.type, "rate": phase.rate}
    return None


def _due(record: _Record) -> int:
    issued = record.metadata.credit_issued_ns
    return record.metadata.request_start_ns if issued is None else issued


def _samples(records: list[_Record], target: str, zero: int, path: Path) -> Iterator[Sample]:
    for index, record in enumerate(sorted(records, key=_due), 1):
        moments = record.metadata
        start = moments.request_start_ns - zero
        gaps = _gaps(record, path)
        first = _after(start, record.number("time_to_first_token"), path)
        failed = record.error is not None
        yield Sample(
            benchmark=LOAD,
            case=str(index),
            target=target,
            outcome="cancelled" if moments.was_cancelled else "error" if failed else "ok",
            stage="warmup" if moments.benchmark_phase == "warmup" else "main",
            scheduled_at=_due(record) - zero,
            sent_at=start,
            first_token_at=first,
            first_answer_at=_after(start, record.number("time_to_first_output_token"), path),
            last_token_at=None if first is None or gaps is None else first + sum(gaps),
            done_at=moments.request_end_ns - zero,
            usage=_usage(record),
            status=record.error.code if record.error else None,
            error=_reason(record),
            chunks=0 if gaps is None else len(gaps) + 1,
            chunk_us=None if gaps is None else [round(gap / 1000) for gap in gaps],
        )


def _after(start: int, milliseconds: float | None, path: Path) -> int | None:
    gap = ns(None if milliseconds is None else milliseconds / 1e3, path)
    return None if gap is None else start + gap


def _gaps(record: _Record, path: Path) -> list[int] | None:
    """Return the gaps between events in ns."""
    found = record.metrics.get("inter_chunk_latency")
    value = found.value if found else None
    if not isinstance(value, list):
        return None
    return [ns(gap / 1e3, path) or 0 for gap in value if isinstance(gap, int | float)]


def _usage(record: _Record) -> Usage:
    prompt, completion = record.count("usage_prompt_tokens"), record.count("usage_completion_tokens")
    counted_by = "server"
    if completion is None:
        prompt, completion = record.count("input_sequence_length"), record.count("output_sequence_length")
        counted_by = TOOL
    reasoning = record.count("reasoning_token_count")
    if prompt is None and completion is None:
        return Usage()
    return Usage(prompt=prompt, completion=completion, reasoning=reasoning, counted_by=counted_by)


def _reason(record: _Record) -> str:
    if record.error is None:
        return "it was cancelled" if record.metadata.was_cancelled else ""
    return record.error.message or record.error.type or "AIPerf names no reason"


def _reported(summary: _Summary, target: str) -> Reported:
    metrics: dict[str, Estimate] = {}
    n = summary.requests
    for theirs, (name, unit, scale) in _SPREADS.items():
        stat: _Stat | None = getattr(summary, theirs)
        if stat is not None:
            since = ", from sending" if name == "ttft" else ""
            note = f"as reported by {TOOL} (`{theirs}`{since})"
            metrics |= spread(name, unit, msgspec.structs.asdict(stat), n, note=note, scale=scale)
    for theirs, (name, unit) in _SINGLES.items():
        stat = getattr(summary, theirs)
        if stat is not None:
            metrics |= single(name, unit, stat.avg, n, note=f"as reported by {TOOL} (`{theirs}`)")
    failed = int(summary.error_request_count.avg or 0) if summary.error_request_count else 0
    outcomes = counts(ok=n, error=failed)
    return Reported(
        benchmark=LOAD,
        target=target,
        metrics=metrics,
        outcomes=outcomes,
    )
