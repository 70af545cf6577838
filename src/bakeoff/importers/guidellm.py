"""GuideLLM reports: the JSON of today, and the JSON or YAML of versions up to 0.3.

The two differ in where the strategy stands (`config` or `args`) and in how a request is told; both are
read by key, not by version.

GuideLLM's own latencies count from the moment of sending. A sample here has both moments, so `service` is
what GuideLLM calls `request_latency` and `e2e` is its `request_scheduled_latency`. Its
`inter_token_latency_ms` is the mean of one request, which is `tpot` here, not `itl`.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# The values come from other programs' JSON, whose shape is looked at where they are read.

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bakeoff.errors import DataError
from bakeoff.importers._files import decode, decode_yaml, has_keys, head, ns, whole
from bakeoff.importers._guidellm_report import Benchmark, ByStatus, Report, Row, Spread, Strategy, Totals
from bakeoff.importers._shape import LOAD, counts, make_target, numbered, safe_name, single, spread
from bakeoff.records import Estimate, Sample, Target, Usage
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

T = TypeVar("T")

TOOL = "guidellm"

_SPREADS = {
    "request_latency": ("service", "s", 1.0),
    "time_to_first_token_ms": ("ttft", "s", 1e-3),
    "inter_token_latency_ms": ("tpot", "s", 1e-3),
}
_RATES = {
    "requests_per_second": ("request_rate", "requests/s"),
    "output_tokens_per_second": ("output_token_rate", "tokens/s"),
    "prompt_token_count": ("prompt_tokens", "tokens"),
    "output_token_count": ("output_tokens", "tokens"),
}


class Guidellm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A GuideLLM report: every request of every strategy, or its summary where there are no requests."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is a GuideLLM report."""
        data = head(path)
        if has_keys(data, "guidellm_version"):
            return True
        return has_keys(data, "benchmarks") and (
            b"generative_benchmark" in data or has_keys(data, "strategy")
        )

    def read(self, path: Path) -> Imported:
        """Return the report's content."""
        yaml = path.suffix.lower() in {".yaml", ".yml"}
        report = (decode_yaml if yaml else decode)(path, Report, "GuideLLM")
        if not report.benchmarks:
            raise DataError(
                "holds no benchmark", where=str(path), hint="the run may have failed; run it again"
            )
        zero = _zero(report.benchmarks)
        parts = [
            _Part(path=path, name=name, target=_target(one), zero=zero, one=one)
            for name, one in zip(_names(report.benchmarks), report.benchmarks, strict=True)
        ]
        targets = {part.target.name: part.target for part in parts}
        return Imported(
            tool=TOOL,
            version=report.metadata.guidellm_version,
            targets=tuple(targets.values()),
            benchmarks=tuple(_benchmark(part) for part in parts),
            samples=numbered(sample for part in parts for sample in _samples(part)),
            reported=[_reported(part) for part in parts],
            sources=(path,),
            wall_ns=ns(zero, path),
            notes=[note for part in parts for note in _notes(part)],
        )


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy's share of the report."""

    path: Path
    name: str
    target: Target
    zero: float | None
    one: Benchmark

    @property
    def totals(self) -> Totals:
        """Return how many requests came out how; the place of the totals differs by version."""
        return self.one.request_totals or _told(self, "request_totals", Totals) or Totals()

    @property
    def whole(self) -> bool:
        """Tell whether every request that the totals count is in the file."""
        rows, totals = self.one.requests, self.totals
        have = sum(len(each or ()) for each in (rows.successful, rows.errored, rows.incomplete))
        return have >= max(totals.successful + totals.errored + totals.incomplete, 1)


def _names(benchmarks: Sequence[Benchmark]) -> list[str]:
    if len(benchmarks) == 1:
        return [LOAD]
    names: list[str] = []
    for index, one in enumerate(benchmarks):
        strategy = one.setting.strategy
        size = strategy.streams if strategy.streams is not None else strategy.rate
        name = strategy.type_ if size is None else f"{strategy.type_}-{size:g}"
        names.append(safe_name(name if name not in names else f"{name}-{index}", f"{LOAD}-{index}"))
    return names


def _target(one: Benchmark) -> Target:
    backend, worker = one.setting.backend, one.worker
    return make_target(backend.model or worker.backend_model, backend.target or worker.backend_target)


def _benchmark(part: _Part) -> ImportedBenchmark:
    # Without all requests a rate would be counted over too few of them.
    # A report of requests that took no time together was written of ones that must not be added up.
    countable = part.whole and part.one.duration != 0
    return ImportedBenchmark(name=part.name, load=_load(part.one.setting.strategy), countable=countable)


def _load(strategy: Strategy) -> dict[str, Any] | None:
    kinds = {"synchronous": "sequential", "throughput": "throughput"}
    if strategy.type_ in kinds:
        return {"kind": kinds[strategy.type_]}
    if strategy.type_ == "concurrent" and strategy.streams:
        return {"kind": "concurrent", "concurrency": strategy.streams}
    if strategy.type_ in {"constant", "poisson"} and strategy.rate:
        return {"kind": strategy.type_, "rate": strategy.rate}
    return None


def _zero(benchmarks: Sequence[Benchmark]) -> float | None:
    """Return the first moment of the report, which becomes time zero of the run."""
    moments = [
        moment
        for one in benchmarks
        for rows in (one.requests.successful, one.requests.errored, one.requests.incomplete)
        for row in rows or ()
        for moment in (_due(row), _sent(row))
        if moment
    ]
    return min(moments, default=None)


def _due(row: Row) -> float | None:
    planned = row.scheduler_info.targeted_start_time if row.scheduler_info else None
    return row.info.timings.targeted_start or planned


def _sent(row: Row) -> float | None:
    return row.info.timings.request_start or row.start_time


def _samples(part: _Part) -> Iterator[Sample]:
    rows = part.one.requests
    told = [
        (outcome, row)
        for outcome, each in (
            ("ok", rows.successful),
            ("error", rows.errored),
            ("cancelled", rows.incomplete),
        )
        for row in each or ()
    ]
    told.sort(key=lambda pair: _sent(pair[1]) or _due(pair[1]) or 0.0)
    for index, (outcome, row) in enumerate(told, 1):
        yield _sample(part, outcome, row, index)


def _sample(part: _Part, outcome: str, row: Row, index: int) -> Sample:
    times = row.info.timings

    def at(*moments: float | None) -> int | None:
        # GuideLLM writes 0 or null for a moment that never came.
        moment = next((each for each in moments if each), None)
        return None if moment is None or part.zero is None else ns(moment - part.zero, part.path)

    sent = at(_sent(row))
    due = at(_due(row))
    first = at(times.first_token_iteration, times.first_iteration, row.first_token_time)
    answer = at(times.first_output_token_iteration)
    failed = "it did not end before the run did" if outcome == "cancelled" else "GuideLLM names no reason"
    return Sample(
        benchmark=part.name,
        case=_case(row) or str(index),
        target=part.target.name,
        outcome=outcome,
        scheduled_at=due if due is not None else sent or 0,
        sent_at=sent,
        first_token_at=first,
        first_answer_at=answer if answer is not None or row.reasoning_output else first,
        last_token_at=at(times.last_token_iteration, times.last_iteration, row.last_token_time),
        done_at=at(times.request_end, row.end_time),
        usage=_usage(row),
        text=row.output or "",
        thinking=row.reasoning_output or "",
        tool_calls=row.tool_calls or [],
        error="" if outcome == "ok" else row.info.error or row.error or failed,
        chunks=times.token_iterations,
    )


def _usage(row: Row) -> Usage:
    if row.prompt_tokens is None and row.output_tokens is None:
        return Usage()
    cached = row.input_metrics.cached_tokens if row.input_metrics else None
    return Usage(
        prompt=whole(row.prompt_tokens),
        completion=whole(row.output_tokens),
        cached=whole(cached),
        counted_by=TOOL,
    )


def _case(row: Row) -> str | None:
    """Return an id that the same prompt has in every run, None where the prompt is not in the file."""
    asked = row.prompt
    if asked is None and isinstance(row.request_args, str):
        try:
            content = msgspec.json.decode(row.request_args)
        except msgspec.DecodeError:
            content = None
        body = content.get("body") if isinstance(content, dict) else None
        if isinstance(body, dict):
            asked = msgspec.json.encode(body.get("messages") or body.get("prompt")).decode()
    return hashlib.sha256(asked.encode()).hexdigest()[:16] if asked else None


def _reported(part: _Part) -> Reported:
    metrics: dict[str, Estimate] = {}
    totals = part.totals
    note = f"as reported by {TOOL} (`{{}})"
    for theirs, (name, unit, scale) in _SPREADS.items():
        found = _spread(part, theirs)
        if found is not None:
            values = {"mean": found.mean, "median": found.median, **found.percentiles}
            told = f"{theirs}`, from sending" if name == "ttft" else f"{theirs}`"
            metrics |= spread(name, unit, values, totals.successful, note=note.format(told), scale=scale)
    for theirs, (name, unit) in _RATES.items():
        found = _spread(part, theirs)
        if found is not None:
            metrics |= single(name, unit, found.mean, totals.successful, note=note.format(f"{theirs}`"))
    outcomes = counts(ok=totals.successful, error=totals.errored, cancelled=totals.incomplete)
    return Reported(
        benchmark=part.name,
        target=part.target.name,
        metrics=metrics,
        outcomes=outcomes,
    )


def _spread(part: _Part, name: str) -> Spread | None:
    told = _told(part, name, ByStatus)
    found = told.successful if told else None
    return found if found is not None and found.count else None


def _told(part: _Part, name: str, kind: type[T]) -> T | None:
    """Return one of the benchmark's metrics, None where it is not there."""
    given = part.one.metrics.get(name)
    if given is None:
        return None
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        where = f"{part.path}: metrics.{name}"
        raise DataError(f"is not as GuideLLM writes it: {error}", where=where) from error


def _notes(part: _Part) -> list[str]:
    found = [f"{part.name}: GuideLLM warns: {warning.message}" for warning in part.one.warnings or ()]
    if any(_due(row) for row in part.one.requests.successful or ()):
        found.append(
            f"{part.name}: times count from when GuideLLM meant to send a request; in its own report they "
            "count from sending"
        )
    totals, rows = part.totals, part.one.requests
    if not part.whole:
        have = sum(len(each or ()) for each in (rows.successful, rows.errored, rows.incomplete))
        count = totals.successful + totals.errored + totals.incomplete
        found.append(f"{part.name}: the report holds {have} of {count} requests; its summary has the rest")
    if _load(part.one.setting.strategy) is None:
        strategy = part.one.setting.strategy.type_
        found.append(f"{part.name}: the load was GuideLLM's `{strategy}`, which has no counterpart")
    return found
