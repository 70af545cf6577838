"""vLLM's `bench serve`: its result JSON, with or without `--save-detailed`.

Without details there is at most one latency per request, and all else is summary. With them, vLLM takes
the first event with a delta as the first token, also an empty role event, so its `ttft` and first gap may be
those of an event without any token; its `itl` are gaps between events, which is `chunk_gap` here. Latencies
count from sending: vLLM does not keep when a request was due, and the load of a finite rate is open.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import DataError
from bakeoff.importers._files import Count, decode, has_keys, head, ns, whole
from bakeoff.importers._shape import LOAD, UNTIMED, counts, make_target, numbered, single, spread
from bakeoff.records import Estimate, Sample, Usage
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

TOOL = "vllm-bench"

_NAMES = {"ttft": "ttft", "tpot": "tpot", "itl": "chunk_gap", "e2el": "e2e"}
_STATISTIC = re.compile(r"(mean|median|p\d+(?:\.\d+)?)_(ttft|tpot|itl|e2el)_ms")
_DETAILED = (*UNTIMED, "tpot", "itl", "chunk_gap")


class _Result(msgspec.Struct, frozen=True):
    model_id: str | None = None
    request_rate: float | str | None = None
    burstiness: float = 1.0
    max_concurrency: int | None = None
    completed: int = 0
    failed: int | None = None
    total_input_tokens: Count | None = None
    total_output_tokens: Count | None = None
    request_throughput: float | None = None
    request_goodput: float | None = None
    output_throughput: float | None = None
    latencies: list[float] | None = None
    ttfts: list[float] | None = None
    itls: list[list[float]] | None = None
    start_times: list[float] | None = None
    input_lens: list[Count] | None = None
    output_lens: list[Count] | None = None
    errors: list[str | None] | None = None
    generated_texts: list[str] | None = None


class VllmBench(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result of vLLM's `bench serve`."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is such a result."""
        return has_keys(head(path), "endpoint_type", "model_id", "num_prompts") or has_keys(
            head(path), "backend", "tokenizer_id", "num_prompts"
        )

    def read(self, path: Path) -> Imported:
        """Return the result's content."""
        result = decode(path, _Result, "vLLM bench")
        every: dict[str, Any] = decode(path, dict[str, Any], "vLLM bench")
        target = make_target(result.model_id)
        samples = numbered(_samples(result, target.name, path)) if _rows(result, path) else []
        metrics: tuple[str, ...] = ("e2e",)
        if result.ttfts is not None:
            metrics = _DETAILED
        return Imported(
            tool=TOOL,
            targets=(target,),
            benchmarks=(
                ImportedBenchmark(
                    name=LOAD, load=_load(result), metrics=metrics, countable=result.start_times is not None
                ),
            ),
            samples=samples,
            reported=[_reported(result, every, target.name)],
            sources=(path,),
            notes=_notes(result, samples),
        )


def _load(result: _Result) -> dict[str, Any] | None:
    rate = result.request_rate
    if isinstance(rate, int | float):
        if rate <= 0:
            return None
        if result.burstiness == 1:
            return {"kind": "poisson", "rate": float(rate)}
        return {"kind": "gamma", "rate": float(rate), "shape": result.burstiness}
    if rate != "inf":
        return None
    if result.max_concurrency:
        return {"kind": "concurrent", "concurrency": result.max_concurrency}
    return {"kind": "throughput"}


def _rows(result: _Result, path: Path) -> int:
    """Return how many requests can be told one by one: none where nobody says which of them failed."""
    columns = {
        name: len(column)
        for name in ("latencies", "ttfts", "itls", "start_times", "input_lens", "output_lens", "errors")
        if (column := getattr(result, name)) is not None
    }
    if len(set(columns.values())) > 1:
        told = ", ".join(f"`{name}` {size}" for name, size in columns.items())
        raise DataError(f"its columns are of different lengths: {told}", where=str(path))
    rows = next(iter(columns.values()), 0)
    timed = result.latencies is not None or (result.ttfts is not None and result.itls is not None)
    return rows if timed and (result.errors is not None or rows == result.completed) else 0


def _at(column: Sequence[Any] | None, index: int) -> Any:  # noqa: ANN401  a cell of any column
    return None if column is None or index >= len(column) else column[index]


def _samples(result: _Result, target: str, path: Path) -> Iterator[Sample]:
    zero = min(result.start_times, default=0.0) if result.start_times else 0.0
    for index in range(_rows(result, path)):
        error = _at(result.errors, index) or ""
        began = _at(result.start_times, index)
        start = ns(began - zero, path) if began is not None else None
        base = start or 0
        yield _sample(result, index, path).timed(base, start, error, target)


class _Cells(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the columns tell it; durations in ns."""

    index: int
    ttft: int | None
    gaps: list[int] | None
    latency: int | None
    usage: Usage
    text: str

    def timed(self, base: int, sent: int | None, error: str, target: str) -> Sample:
        """Return the sample whose times begin at `base`."""
        first = None if self.ttft is None or error else base + self.ttft
        gaps = None if error or self.ttft is None else self.gaps
        last = None if first is None or gaps is None else first + sum(gaps)
        done = base + self.latency if self.latency is not None and not error else last
        return Sample(
            benchmark=LOAD,
            case=str(self.index + 1),
            target=target,
            outcome="error" if error else "ok",
            scheduled_at=base,
            sent_at=sent,
            first_token_at=first,
            last_token_at=last,
            done_at=done,
            usage=self.usage,
            text=self.text,
            error=error,
            chunks=0 if gaps is None else len(gaps) + 1,
            chunk_us=None if gaps is None else [round(gap / 1000) for gap in gaps],
        )


def _sample(result: _Result, index: int, path: Path) -> _Cells:
    gaps = _at(result.itls, index)
    prompt, completion = whole(_at(result.input_lens, index)), whole(_at(result.output_lens, index))
    return _Cells(
        index=index,
        ttft=ns(_at(result.ttfts, index), path),
        gaps=None if gaps is None else [ns(gap, path) or 0 for gap in gaps],
        latency=ns(_at(result.latencies, index), path),
        usage=Usage()
        if prompt is None and completion is None
        else Usage(prompt=prompt, completion=completion, counted_by=TOOL),
        text=_at(result.generated_texts, index) or "",
    )


def _reported(result: _Result, every: dict[str, Any], target: str) -> Reported:
    metrics: dict[str, Estimate] = {}
    n = result.completed
    for key, value in every.items():
        found = _STATISTIC.fullmatch(key)
        if found and isinstance(value, int | float):
            label, theirs = found.groups()
            note = f"as reported by {TOOL} (`{key}`)"
            metrics |= spread(_NAMES[theirs], "s", {label: value}, n, note=note, scale=1e-3)
    for name, unit, key, value in (
        ("request_rate", "requests/s", "request_throughput", result.request_throughput),
        ("output_token_rate", "tokens/s", "output_throughput", result.output_throughput),
        ("goodput", "requests/s", "request_goodput", result.request_goodput),
        ("prompt_tokens", "tokens", "total_input_tokens / completed", _each(result.total_input_tokens, n)),
        ("output_tokens", "tokens", "total_output_tokens / completed", _each(result.total_output_tokens, n)),
    ):
        metrics |= single(name, unit, value, n, note=f"as reported by {TOOL} (`{key}`)")
    outcomes = counts(ok=n, error=result.failed or 0)
    return Reported(
        benchmark=LOAD,
        target=target,
        metrics=metrics,
        outcomes=outcomes,
    )


def _each(total: Count | None, n: int) -> float | None:
    return None if total is None or not n else total / n


def _notes(result: _Result, samples: list[Sample]) -> list[str]:
    found: list[str] = []
    if result.ttfts is None:
        found.append(
            "vLLM wrote no details (`--save-detailed`): times to the first token are its own summary only"
        )
    else:
        found.append("vLLM takes an empty first event as the first token: `ttft` may be too short")
    if result.failed and not samples:
        found.append("nobody says which requests failed, so no request is taken one by one")
    return found
