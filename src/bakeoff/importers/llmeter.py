"""LLMeter: a summary of its statistics, times in milliseconds; no request, no model, no load.

LLMeter does not see reasoning, so its `ttft` of a thinking model is that of the answer.
"""

from pathlib import Path

import msgspec

from bakeoff.importers._files import decode, has_keys, head
from bakeoff.importers._shape import LOAD, SUMMARY, counts, make_target, single, spread
from bakeoff.records import Estimate
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

TOOL = "llmeter"


class _Summary(msgspec.Struct, frozen=True):
    n: int
    errors: int = 0
    ttft: dict[str, float | None] = {}
    tpot: dict[str, float | None] = {}
    e2e: dict[str, float | None] = {}
    rps: float | None = None
    tps: float | None = None
    tokens_per_request: float | None = None


class Llmeter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON summary of LLMeter: `n`, `errors`, quantiles of `ttft`, `tpot`, `e2e`, and rates."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is such a summary."""
        return has_keys(head(path), "n", "errors", "rps", "tps", "tpot")

    def read(self, path: Path) -> Imported:
        """Return the summary's content."""
        summary = decode(path, _Summary, "LLMeter")
        target = make_target(None)
        good = summary.n - summary.errors
        metrics: dict[str, Estimate] = {}
        for name in ("ttft", "tpot", "e2e"):
            note = f"as reported by {TOOL} (`{name}`)"
            metrics |= spread(name, "s", getattr(summary, name), good, note=note, scale=1e-3)
        for name, unit, theirs in (
            ("request_rate", "requests/s", "rps"),
            ("output_token_rate", "tokens/s", "tps"),
            ("output_tokens", "tokens", "tokens_per_request"),
        ):
            note = f"as reported by {TOOL} (`{theirs}`)"
            metrics |= single(name, unit, getattr(summary, theirs), good, note=note)
        outcomes = counts(ok=good, error=summary.errors)
        return Imported(
            tool=TOOL,
            targets=(target,),
            benchmarks=(ImportedBenchmark(name=LOAD, metrics=SUMMARY, countable=False),),
            reported=[
                Reported(
                    benchmark=LOAD,
                    target=target.name,
                    metrics=metrics,
                    outcomes=outcomes,
                )
            ],
            sources=(path,),
            notes=["LLMeter's summary names neither the model nor the load, and holds no request"],
        )
