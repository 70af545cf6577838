"""The truth server's `/metrics`: Prometheus text under the names of vLLM."""

from collections.abc import Iterator
from itertools import accumulate

from bakeoff.testing.truth.records import Recorder, Totals

_HISTOGRAMS = {"ttft": "vllm:time_to_first_token_seconds", "e2e": "vllm:e2e_request_latency_seconds"}


def metrics_text(recorder: Recorder, model: str, *, waiting: int) -> str:
    """Return the page; the server has no cache, so its use stays at 0."""
    labels = f'engine="0",model_name="{model}"'
    totals = recorder.totals
    lines: list[str] = []
    for kind, name, value in (
        ("gauge", "vllm:num_requests_running", recorder.live - waiting),
        ("gauge", "vllm:num_requests_waiting", waiting),
        ("gauge", "vllm:kv_cache_usage_perc", 0),
        ("counter", "vllm:prompt_tokens_total", totals.prompt_tokens),
        ("counter", "vllm:generation_tokens_total", totals.tokens),
        ("counter", "vllm:num_preemptions_total", 0),
    ):
        lines += [f"# TYPE {name} {kind}", f"{name}{{{labels}}} {float(value)}"]
    done = f'vllm:request_success_total{{{labels},finished_reason="stop"}} {float(totals.requests)}'
    lines += ["# TYPE vllm:request_success_total counter", done]
    for key, name in _HISTOGRAMS.items():
        lines += [f"# TYPE {name} histogram", *_histogram(totals, key, name, labels)]
    return "\n".join(lines) + "\n"


def _histogram(totals: Totals, key: str, name: str, labels: str) -> Iterator[str]:
    ends = list(accumulate(totals.counts[key]))
    for bound, end in zip([*map(str, totals.BOUNDS), "+Inf"], ends, strict=True):
        yield f'{name}_bucket{{{labels},le="{bound}"}} {float(end)}'
    yield f"{name}_sum{{{labels}}} {totals.sums[key]}"
    yield f"{name}_count{{{labels}}} {float(ends[-1])}"
