"""inference-perf: its lifecycle summary; it holds no single request.

Its latencies count from sending. `time_per_output_token` is the mean of one request; `inter_token_latency`
spreads an event with several tokens as gaps of nearly zero, so its median can be 0. `schedule_delay` is the
time from due to sent; in a load with a bound on concurrency it holds the wait for a free place too.
"""

from pathlib import Path

import msgspec

from bakeoff.importers._files import decode, has_keys, head
from bakeoff.importers._shape import LOAD, SUMMARY, counts, make_target, single, spread
from bakeoff.records import Estimate
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

TOOL = "inference-perf"

_LATENCIES = {
    "request_latency": "e2e",
    "time_to_first_token": "ttft",
    "time_per_output_token": "tpot",
    "inter_token_latency": "itl",
}

_Stats = dict[str, float | None]


class _Planned(msgspec.Struct, frozen=True):
    count: int = 0
    schedule_delay: _Stats | None = None


class _Successes(msgspec.Struct, frozen=True):
    count: int
    latency: dict[str, _Stats | None] = {}
    throughput: _Stats = {}
    prompt_tokens: _Stats | None = None
    output_tokens: _Stats | None = None
    prompt_len: _Stats | None = None
    output_len: _Stats | None = None


class _Failures(msgspec.Struct, frozen=True):
    count: int = 0


class _Summary(msgspec.Struct, frozen=True):
    load_summary: _Planned
    successes: _Successes
    failures: _Failures = _Failures()


class InferencePerf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `summary_lifecycle_metrics.json` or `stage_N_lifecycle_metrics.json` of inference-perf."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is such a summary."""
        return has_keys(head(path), "load_summary", "successes")

    def read(self, path: Path) -> Imported:
        """Return the summary's content."""
        summary = decode(path, _Summary, TOOL)
        target = make_target(None)
        outcomes = counts(ok=summary.successes.count, error=summary.failures.count)
        return Imported(
            tool=TOOL,
            targets=(target,),
            benchmarks=(ImportedBenchmark(name=LOAD, metrics=SUMMARY, countable=False),),
            reported=[
                Reported(
                    benchmark=LOAD,
                    target=target.name,
                    metrics=_metrics(summary),
                    outcomes=outcomes,
                )
            ],
            sources=(path,),
            notes=["inference-perf's summary names neither the model nor the load, and holds no request"],
        )


def _metrics(summary: _Summary) -> dict[str, Estimate]:
    good = summary.successes
    metrics: dict[str, Estimate] = {}
    for theirs, name in _LATENCIES.items():
        stats = good.latency.get(theirs)
        metrics |= spread(name, "s", stats or {}, good.count, note=f"as reported by {TOOL} (`{theirs}`)")
    delay = summary.load_summary.schedule_delay or {}
    note = f"as reported by {TOOL} (`schedule_delay`, a wait for a free place included)"
    metrics |= spread("lag", "s", delay, summary.load_summary.count, note=note)
    for name, unit, theirs in (
        ("request_rate", "requests/s", "requests_per_sec"),
        ("output_token_rate", "tokens/s", "output_tokens_per_sec"),
    ):
        note = f"as reported by {TOOL} (`{theirs}`)"
        metrics |= single(name, unit, good.throughput.get(theirs), good.count, note=note)
    for name, stats in (
        ("prompt_tokens", good.prompt_tokens or good.prompt_len),
        ("output_tokens", good.output_tokens or good.output_len),
    ):
        note = f"as reported by {TOOL}"
        metrics |= single(name, "tokens", (stats or {}).get("mean"), good.count, note=note)
    return metrics
