"""Read a server's `/metrics` page (Prometheus text) under bakeoff's own names. Knows no HTTP and no stage."""

import re
from collections import defaultdict
from collections.abc import Mapping

import msgspec

GAUGES = {
    "running": ("vllm:num_requests_running", "llamacpp:requests_processing"),
    "waiting": ("vllm:num_requests_waiting", "llamacpp:requests_deferred"),
    "kv_cache_usage": (
        "vllm:kv_cache_usage_perc",
        "vllm:gpu_cache_usage_perc",
        "llamacpp:kv_cache_usage_ratio",
    ),
}
COUNTERS = {
    "prompt_tokens": ("vllm:prompt_tokens_total", "llamacpp:prompt_tokens_total"),
    "cached_tokens": (
        "vllm:prefix_cache_hits_total",
        "vllm:gpu_prefix_cache_hits_total",
        "llamacpp:prompt_tokens_cached_total",
    ),
    "output_tokens": ("vllm:generation_tokens_total", "llamacpp:tokens_predicted_total"),
    "requests": ("vllm:request_success_total",),
    "preemptions": ("vllm:num_preemptions_total",),
    "drafted": (
        "vllm:spec_decode_num_draft_tokens_total",
        "llamacpp:spec_decode_num_draft_tokens_total",
    ),
    "accepted": (
        "vllm:spec_decode_num_accepted_tokens_total",
        "llamacpp:spec_decode_num_accepted_tokens_total",
    ),
    "prefill_seconds": ("llamacpp:prompt_seconds_total",),
    "decode_seconds": ("llamacpp:tokens_predicted_seconds_total",),
    "steps": ("llamacpp:n_decode_total",),
}
HISTOGRAMS = {
    "ttft": ("vllm:time_to_first_token_seconds",),
    "itl": ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
    "tpot": ("vllm:request_time_per_output_token_seconds",),
    "e2e": ("vllm:e2e_request_latency_seconds",),
    "queue": ("vllm:request_queue_time_seconds",),
    "prefill": ("vllm:request_prefill_time_seconds",),
    "decode": ("vllm:request_decode_time_seconds",),
}
_PER_STEP = "llamacpp:n_busy_slots_per_decode"
_SERVERS = {"vllm:": "vllm", "llamacpp:": "llama.cpp"}
_LABELS = r'\{(?:[^"}]|"(?:[^"\\\n]|\\.)*")*\}'
_LABEL = re.compile(r'(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"')
_BUCKET = "_bucket"


def _pattern(names: list[str]) -> re.Pattern[str]:
    either = "|".join(map(re.escape, names))
    return re.compile(rf"^({either})({_LABELS})?[ \t]+(\S+)", re.MULTILINE)


_GAUGE_LINES = _pattern([name for names in GAUGES.values() for name in names])
_ALL_LINES = _pattern(
    [name for names in [*GAUGES.values(), *COUNTERS.values(), (_PER_STEP,)] for name in names]
    + [name + end for names in HISTOGRAMS.values() for name in names for end in (_BUCKET, "_sum", "_count")]
)


class Cumulative(msgspec.Struct, frozen=True, kw_only=True):
    """A histogram as a page gives it: how many values were at most each bound, infinity among them."""

    upto: dict[float, float]
    sum: float


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page under our names; `server` is empty where nothing on it is known."""

    server: str
    gauges: dict[str, float]
    counters: dict[str, float]
    histograms: dict[str, Cumulative]


class _Line(msgspec.Struct, frozen=True, gc=False):
    labels: str
    value: float


def read_gauges(text: str, model: str) -> dict[str, float]:
    """Return the gauges of a page and nothing else, which is quick enough beside a measurement."""
    return _gauges(_lines(_GAUGE_LINES, text, model))


def read_page(text: str, model: str) -> Page:
    """Return all that a page says of a model; series that name no model count for every one."""
    lines = _lines(_ALL_LINES, text, model)
    counters = {
        name: sum(line.value for line in found)
        for name, sources in COUNTERS.items()
        if (found := _of(lines, sources))
    }
    busy = lines.get(_PER_STEP)
    if busy and "steps" in counters:
        # The page gives the mean since the server's start; its product with the steps can be subtracted.
        counters["slots_in_steps"] = busy[0].value * counters["steps"]
    histograms = {name: one for name, sources in HISTOGRAMS.items() if (one := _histogram(lines, sources))}
    known = (name for prefix, name in _SERVERS.items() if any(each.startswith(prefix) for each in lines))
    return Page(server=next(known, ""), gauges=_gauges(lines), counters=counters, histograms=histograms)


def _lines(pattern: re.Pattern[str], text: str, model: str) -> dict[str, list[_Line]]:
    """Return the series by name; of those that name models, the ones of this model, if it is named at all."""
    found: dict[str, list[_Line]] = defaultdict(list)
    for match in pattern.finditer(text):
        value = _number(match[3])
        if value is not None:
            found[match[1]].append(_Line(match[2] or "", value))
    mine = f'model_name="{model}"'
    if any(mine in line.labels for lines in found.values() for line in lines):
        return {
            name: kept
            for name, lines in found.items()
            if (kept := [line for line in lines if mine in line.labels or "model_name=" not in line.labels])
        }
    return dict(found)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _of(lines: Mapping[str, list[_Line]], sources: tuple[str, ...]) -> list[_Line]:
    """Return the lines of the first name that is there: a page may give one value under an old name too."""
    nothing: list[_Line] = []
    return next((lines[name] for name in sources if name in lines), nothing)


def _gauges(lines: Mapping[str, list[_Line]]) -> dict[str, float]:
    """Return the gauges: requests are added up over engines, of shares the largest counts."""
    found: dict[str, float] = {}
    for name, sources in GAUGES.items():
        values = [line.value for line in _of(lines, sources)]
        if values:
            found[name] = max(values) if name == "kv_cache_usage" else sum(values)
    return found


def _histogram(lines: Mapping[str, list[_Line]], sources: tuple[str, ...]) -> Cumulative | None:
    for name in sources:
        buckets, totals = lines.get(name + _BUCKET), lines.get(f"{name}_sum")
        if buckets and totals:
            upto: dict[float, float] = defaultdict(float)
            for line in buckets:
                pairs: list[tuple[str, str]] = _LABEL.findall(line.labels)
                labels = dict(pairs)
                bound = float(labels["le"]) if "le" in labels else float("inf")
                upto[bound] += line.value
            return Cumulative(upto=dict(upto), sum=sum(line.value for line in totals))
    return None
