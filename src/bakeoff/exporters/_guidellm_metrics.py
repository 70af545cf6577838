"""GuideLLM's summary of a stage: for every metric a distribution of each status."""

import math
from array import array
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bakeoff.exporters._guidellm_rows import Row
from bakeoff.stats.quantiles import quantile

_PERCENTILES = {
    "p001": 0.001,
    "p01": 0.01,
    "p05": 0.05,
    "p10": 0.1,
    "p25": 0.25,
    "p50": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p999": 0.999,
}
_OF_ROWS = {
    "request_latency": "request_latency",
    "request_dispatch_delay": "request_dispatch_delay",
    "request_scheduled_latency": "request_scheduled_latency",
    "prompt_token_count": "prompt_tokens",
    "output_token_count": "output_tokens",
    "total_token_count": "total_tokens",
    "time_to_first_token_ms": "time_to_first_token_ms",
    "time_to_first_output_token_ms": "time_to_first_output_token_ms",
    "time_per_output_token_ms": "time_per_output_token_ms",
    "inter_token_latency_ms": "inter_token_latency_ms",
    "output_tokens_per_iteration": "output_tokens_per_iteration",
    "iter_tokens_per_iteration": "iter_tokens_per_iteration",
}
"""A metric, and the key of a request that it summarises."""

_RATES = {
    "requests_per_second": None,
    "prompt_tokens_per_second": "prompt_tokens",
    "output_tokens_per_second": "output_tokens",
    "tokens_per_second": "total_tokens",
}
"""A rate, and what is counted; None counts requests."""

_UNKNOWN = (
    "request_concurrency",
    "request_streaming_iterations_count",
    "time_to_last_round_trip_ms",
    "avg_round_trip_time_ms",
)
_MODALITIES = {
    "text": ("tokens", "words", "characters"),
    "image": ("tokens", "images", "pixels", "bytes"),
    "video": ("tokens", "frames", "seconds", "bytes"),
    "audio": ("tokens", "samples", "seconds", "bytes"),
    "tool_call": ("tokens", "mixed_tokens", "count"),
}


class Columns:
    """The numbers of one status's requests, by key."""

    def __init__(self) -> None:
        self.rows = 0
        self._values = {key: array("d") for key in _OF_ROWS.values()}

    def add(self, row: Row) -> None:
        """Take one request."""
        self.rows += 1
        for key, column in self._values.items():
            value = getattr(row, key)
            if value is not None:
                column.append(value)

    def of(self, key: str) -> "array[float]":
        """Return the known values of a key."""
        return self._values[key]

    def mean(self, key: str) -> float:
        """Return the mean of a key's values, 0 where there is none, as GuideLLM does."""
        values = self._values[key]
        return math.fsum(values) / len(values) if values else 0.0


def metrics(columns: Mapping[str, Columns], seconds: float) -> dict[str, Any]:
    """Return all metrics of a stage.

    Args:
        columns: by status.
        seconds: how long the stage took, 0 where nobody knows.
    """
    found: dict[str, Any] = {
        name: by_status({status: each.of(key) for status, each in columns.items()})
        for name, key in _OF_ROWS.items()
    }
    for name, key in _RATES.items():
        found[name] = by_status({status: _rate(each, key, seconds) for status, each in columns.items()})
    found |= dict.fromkeys(_UNKNOWN, by_status({status: array("d") for status in columns}))
    found |= {
        modality: {part: None if part != "tokens" or modality != "text" else _nothing() for part in parts}
        for modality, parts in _MODALITIES.items()
    }
    return {
        **found,
        "turns": None,
        "slo_attainment": None,
        "slo_determined_requests": 0,
        "request_goodput": None,
    }


def by_status(values: Mapping[str, "array[float]"]) -> dict[str, Any]:
    """Return the distribution of each status and of all."""
    every = array("d")
    for column in values.values():
        every.extend(column)
    return {
        **{status: _distribution(column) for status, column in values.items()},
        "total": _distribution(every),
    }


def _rate(columns: Columns, key: str | None, seconds: float) -> "array[float]":
    """Return the rate over all of the stage as the only value there is."""
    if seconds <= 0 or not columns.rows:
        return array("d")
    if key is None:
        return array("d", [columns.rows / seconds])
    values = columns.of(key)
    return array("d", [math.fsum(values) / seconds] if len(values) == columns.rows else [])


def _distribution(values: "array[float]") -> dict[str, Any]:
    ordered = sorted(values)
    n = len(ordered)
    mean = math.fsum(ordered) / n if n else 0.0
    variance = math.fsum((value - mean) ** 2 for value in ordered) / n if n else 0.0
    return {
        "mean": mean,
        "median": quantile(ordered, 0.5) if n else 0.0,
        "mode": float(Counter(ordered).most_common(1)[0][0]) if n else 0.0,
        "variance": variance,
        "std_dev": math.sqrt(variance),
        "min": ordered[0] if n else 0.0,
        "max": ordered[-1] if n else 0.0,
        "count": n,
        "total_sum": math.fsum(ordered),
        "percentiles": {name: quantile(ordered, q) if n else 0.0 for name, q in _PERCENTILES.items()},
        "pdf": None,
        "mean_ci": None,
        "percentile_cis": None,
    }


def _nothing() -> dict[str, None]:
    sides = ("input", "output", "total")
    return {f"{side}{what}": None for side in sides for what in ("", "_per_second", "_concurrency")}
