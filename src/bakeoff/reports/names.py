"""What a metric's name says: its benchmark, statistic and slice, its definition, and which way is better."""

import re
from collections.abc import Sequence
from functools import cache

import msgspec

from bakeoff import plugins
from bakeoff.errors import PluginError

_DEFINITIONS = {
    "accuracy": "Share of all cases whose answer passed; failed requests count as stated under How measured.",
    "pass_rate": "Share of all cases whose answer passed.",
    "acc": "Share of all cases whose right choice was the most likely one, or was named.",
    "acc_norm": "Share of all cases whose right choice was the most likely one per byte of its text.",
    "ttft": "Time to first token: from the moment the request was due to the arrival of its first token.",
    "ttfa": "Time to first answer token: like time to first token, but after any reasoning.",
    "itl": "Inter-token latency: time between two tokens of an answer.",
    "chunk_gap": "Time between two chunks of an answer; a chunk can hold several tokens.",
    "tpot": "Time per output token after the first: (last - first) / (tokens - 1).",
    "e2e": "End-to-end time: from the moment the request was due to the last byte of its answer.",
    "service": "Service time: from the moment the request was really sent to the last byte of its answer.",
    "lag": "How late our client sent a request after it was due; it should be near zero.",
    "request_rate": "Completed requests per second of the stage.",
    "output_token_rate": "Output tokens of all completed requests per second of the stage.",
    "slo_attainment": "Share of all requests that met every latency target; failed ones did not.",
    "slo_rate": "Highest rate of complete answers of a stage that surely met the latency targets.",
    "goodput": "Requests per second that met every latency target.",
    "cost": "USD per request, from the prices in the spec; unknown without a price or a token count.",
    "cost_per_1k": "USD per 1,000 requests, from the prices in the spec.",
    "prompt_tokens": "Tokens of the input, as counted by the server unless stated otherwise.",
    "output_tokens": "Tokens of answer and reasoning, as counted by the server unless stated otherwise.",
    "cached_tokens": "Input tokens that the server took from its cache.",
    "reasoning_tokens": "Tokens spent on reasoning, a part of the output tokens.",
    "server_ttft": "Time to first token as the server says; what it counts as the beginning differs.",
    "server_e2e": "Time for the whole answer as the server says.",
    "server_tpot": "Time per output token after the first, as the server says.",
    "server_queue": "Time that the request waited in the server, as it says.",
    "server_output_rate": "Tokens per second after the first of a single answer, as the server says.",
    "ttft_overhead": "Time to first token from sending, less what the server says: network and waiting.",
    "e2e_overhead": "Time from sending to the last byte, less what the server says: network and waiting.",
    "streams": "Answers between their first and last token, on average over the stage.",
    "ok_rate": "Share of all requests that were answered completely.",
    "error_rate": "Share of all requests that failed.",
}
_LABELS = {
    "accuracy": "accuracy",
    "ttft": "time to first token",
    "ttfa": "time to first answer",
    "itl": "inter-token latency",
    "tpot": "time per output token",
    "e2e": "end-to-end time",
    "service": "service time",
    "lag": "client lag",
    "request_rate": "requests completed",
    "output_token_rate": "output tokens",
    "slo_attainment": "latency target met",
    "slo_rate": "rate within target",
    "server_ttft": "server's time to first token",
    "server_e2e": "server's end-to-end time",
    "server_tpot": "server's time per output token",
    "server_queue": "server's queue",
    "server_output_rate": "server's output rate",
    "ttft_overhead": "beyond server's first token",
    "e2e_overhead": "beyond server's end-to-end",
    "streams": "streams at a time",
    "cost": "cost per request",
    "cost_per_1k": "cost per 1,000 requests",
}
_SERVER = frozenset(
    {
        "server_ttft",
        "server_e2e",
        "server_tpot",
        "server_queue",
        "server_output_rate",
        "ttft_overhead",
        "e2e_overhead",
        "batch_size",
        "switching_time",
        "streams",
        "draft_acceptance",
    }
)
SPEED = frozenset(
    {"ttft", "ttfa", "itl", "chunk_gap", "tpot", "e2e", "service", "lag", "request_rate", "goodput"}
)
COUNTS = frozenset({"prompt_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"})
_OTHER = frozenset(
    {"output_token_rate", "slo_attainment", "slo_rate", "cost", "cost_per_1k", "ok_rate", "error_rate"}
)
_VARIANTS = {
    "_answered": "over graded cases only, whatever the policy for failed ones",
    "_lowest": "had every case without a grade failed",
    "_highest": "had every case without a grade passed",
}
_STATISTICS = {"mean": "Mean.", "min": "Smallest.", "max": "Largest.", "total": "Sum.", "sum": "Sum."}
_STATISTIC = re.compile(r"\.(p\d{1,4}|mean|min|max|total|sum|std)$")


class MetricName(msgspec.Struct, frozen=True, kw_only=True):
    """A metric's full name in its parts; `statistic` and `slice` are empty where there is none."""

    full: str
    benchmark: str
    base: str
    statistic: str
    slice: str

    @property
    def quality(self) -> bool:
        """Tell whether the metric speaks of answers, not of speed, cost, counts or another policy."""
        return self.base not in SPEED | COUNTS | _SERVER | _OTHER and _variant(self.base) is None

    @property
    def label(self) -> str:
        """Return the name for a reader, without benchmark and slice."""
        plain = _LABELS.get(self.base, self.base.replace("_", " "))
        return f"{plain} {self.statistic}".rstrip()

    @property
    def definition(self) -> str:
        """Return one line that says what the metric is."""
        return f"{_base_definition(self.base)} {self.statistic_words}".rstrip()

    @property
    def statistic_words(self) -> str:
        """Return what the statistic says of the requests, empty where there is none."""
        return _statistic_words(self.statistic)


def parse(full: str, benchmarks: Sequence[str]) -> MetricName:
    """Split `<benchmark>.<metric>[.<statistic>][@<slice>]`; benchmark names may hold dots themselves."""
    owners = [name for name in benchmarks if full.startswith(f"{name}.")]
    benchmark = max(owners, key=len) if owners else full.partition(".")[0]
    rest = full[len(benchmark) + 1 :] or full
    rest, _, part = rest.partition("@")
    found = _STATISTIC.search(rest)
    statistic = found.group(1) if found else ""
    base = rest[: found.start()] if found else rest
    return MetricName(full=full, benchmark=benchmark, base=base, statistic=statistic, slice=part)


def define(base: str) -> str:
    """Return one line that says what a metric is, by its name without benchmark and statistic."""
    return _base_definition(base)


def _statistic_words(statistic: str) -> str:
    if statistic == "p50":
        return "Median: half of the requests are at or below it."
    if statistic.startswith("p"):
        digits = statistic[1:]
        share = f"{digits[:2]}.{digits[2:]}".rstrip(".")
        return f"{share} % of the requests are at or below it."
    return _STATISTICS.get(statistic, "")


def _variant(base: str) -> str | None:
    return next((ending for ending in _VARIANTS if base.endswith(ending)), None)


@cache
def _base_definition(base: str) -> str:
    known = _DEFINITIONS.get(base)
    if known:
        return known
    variant = _variant(base)
    if variant is not None:
        return f"What `{base.removesuffix(variant)}` is {_VARIANTS[variant]}."
    if base in plugins.names("metrics"):
        try:
            text = str(plugins.load("metrics", base).__doc__ or "")
        except PluginError:
            text = ""
        if text.strip():
            return text.strip().splitlines()[0]
    return "Mean of the values that the benchmark's scorer of this name gave."
