"""Records as data frames, one row each; needs the package `pandas`. It knows no run.

Times are seconds, money is USD, shares are 0..1; what is unknown is missing (NaN or NA), never zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from bakeoff import plugins
from bakeoff.errors import PluginError, install_hint
from bakeoff.extend import SampleMetric
from bakeoff.records import Results, Sample, Score, Target

if TYPE_CHECKING:
    from pandas import DataFrame  # pyright: ignore[reportMissingTypeStubs]  an extra without types

SAMPLE_COLUMNS = {
    "benchmark": "name",
    "case": "id within the benchmark",
    "target": "name",
    "repeat": "0 for the first time that the case was asked",
    "stage": "of the load; `main` where there is one only",
    "warmup": "whether it was a warm-up, which no estimate contains",
    "outcome": "ok, truncated, empty, refused, filtered, error, timeout or cancelled",
    "scheduled_at": "s on the run's clock: when it was due",
    "sent_at": "s on the run's clock",
    "done_at": "s on the run's clock",
    "ttft": "s from when it was due to the first token",
    "ttfa": "s from when it was due to the first token of the answer proper",
    "tpot": "s for each further token",
    "e2e": "s from when it was due to the end",
    "service": "s from sending to the end",
    "lag": "s from when it was due to sending",
    "prompt_tokens": "tokens",
    "cached_tokens": "tokens of the prompt that the server had cached",
    "output_tokens": "tokens of the answer, reasoning included",
    "reasoning_tokens": "tokens of the answer that were reasoning",
    "counted_by": "who counted the tokens",
    "cost": "USD at the target's price",
    "attempts": "earlier tries of the same request",
    "finish_reason": "as the server told it",
    "error": "what went wrong, empty for an answer",
    "text": "the answer without reasoning",
}
SCORE_COLUMNS = {
    "benchmark": "name",
    "case": "id within the benchmark",
    "target": "name",
    "repeat": "0 for the first time that the case was asked",
    "stage": "of the load",
    "warmup": "whether it was a warm-up, which no estimate contains",
    "scorer": "name",
    "metric": "the metric that it feeds",
    "value": "0..1 for most scorers; missing where none could be given",
    "passed": "the scorer's own yes or no; missing where it gives none",
    "outcome": "of the sample, or unparsable or judge_failed",
    "reason": "why, in words",
    "parsed": "the part of the answer that was judged",
}
RESULT_COLUMNS = {
    "target": "name",
    "metric": "as `benchmark.metric`, with `@slice` where it is one of a slice",
    "value": "in `unit`; missing where the samples cannot tell",
    "low": "of the interval, in `unit`",
    "high": "of the interval, in `unit`",
    "level": "confidence of the interval",
    "n": "samples",
    "unit": "s, tokens, USD, share, tokens/s, requests/s and the like",
    "note": "what the value stands on",
}

_KINDS = {
    "category": "benchmark target stage outcome counted_by finish_reason scorer metric unit",
    "boolean": "warmup passed",
    "Int64": "repeat prompt_tokens cached_tokens output_tokens reasoning_tokens attempts n",
    "float64": "scheduled_at sent_at done_at ttft ttfa tpot e2e service lag cost value low high level",
    "str": "case error text reason parsed note",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_MEASURED = (
    "ttft",
    "ttfa",
    "tpot",
    "e2e",
    "service",
    "lag",
    "prompt_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
)


def frame(records: Iterable[msgspec.Struct]) -> "DataFrame":
    """Return a data frame with one row for each record and one column for each of its fields.

    For comparisons, places of a ranking, costs, constraints: `bakeoff.frame(run.results.comparisons)`.

    Raises:
        PluginError: pandas is not installed.
    """
    rows = list(records)
    names = rows[0].__struct_fields__ if rows else ()
    columns = {name: [getattr(row, name) for row in rows] for name in names}
    return _frame(columns, {name: _kind(values) for name, values in columns.items()})


def samples_frame(
    samples: Iterable[Sample], targets: Sequence[Target], warmups: frozenset[str] = frozenset()
) -> "DataFrame":
    """Return the samples with the columns of `SAMPLE_COLUMNS`; latencies are those of the metrics.

    Args:
        samples: one row each, in this order.
        targets: for their prices; a sample of another target has no cost.
        warmups: names of the warm-up stages.

    Raises:
        PluginError: pandas is not installed.
    """
    metrics: list[SampleMetric] = [plugins.create("metrics", name, {}) for name in _MEASURED]
    by_name = {target.name: target for target in targets}
    columns: dict[str, list[Any]] = {name: [] for name in SAMPLE_COLUMNS}
    for sample in samples:
        target = by_name.get(sample.target) or Target(name=sample.target, provider="unknown", model="")
        for metric in metrics:
            columns[metric.name].append(metric.measure(sample, target))
        for name in ("benchmark", "case", "target", "repeat", "stage", "outcome", "finish_reason"):
            columns[name].append(getattr(sample, name))
        for name in ("scheduled_at", "sent_at", "done_at"):
            at = getattr(sample, name)
            columns[name].append(None if at is None else at / 1e9)
        columns["warmup"].append(sample.stage in warmups)
        columns["counted_by"].append(sample.usage.counted_by)
        columns["attempts"].append(len(sample.attempts))
        columns["error"].append(sample.error)
        columns["text"].append(sample.text)
    return _frame(columns, _KIND_OF)


def scores_frame(scores: Iterable[Score], warmups: frozenset[str] = frozenset()) -> "DataFrame":
    """Return the scores with the columns of `SCORE_COLUMNS`.

    Raises:
        PluginError: pandas is not installed.
    """
    columns: dict[str, list[Any]] = {name: [] for name in SCORE_COLUMNS}
    for score in scores:
        for name, column in columns.items():
            column.append(score.stage in warmups if name == "warmup" else getattr(score, name))
    return _frame(columns, _KIND_OF)


def results_frame(results: Results) -> "DataFrame":
    """Return every target's estimates with the columns of `RESULT_COLUMNS`.

    Raises:
        PluginError: pandas is not installed.
    """
    columns: dict[str, list[Any]] = {name: [] for name in RESULT_COLUMNS}
    for target in results.targets:
        for metric, estimate in target.metrics.items():
            columns["target"].append(target.name)
            columns["metric"].append(metric)
            for name in list(RESULT_COLUMNS)[2:]:
                columns[name].append(getattr(estimate, name))
    return _frame(columns, _KIND_OF)


def _frame(columns: dict[str, list[Any]], kinds: Mapping[str, str]) -> "DataFrame":
    """Return a frame whose columns have these types, also without any row."""
    try:
        import pandas as pd  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  an extra without types
    except ImportError as error:
        raise PluginError(
            "data frames need the package `pandas`, which is not installed",
            hint=install_hint("frames"),
        ) from error
    made = {name: pd.Series(values, dtype=kinds[name]) for name, values in columns.items()}
    return pd.DataFrame(made)


def _kind(values: Iterable[Any]) -> str:
    """Return the type of a column by what is in it."""
    known = [value for value in values if value is not None]
    for types, kind in ((bool, "boolean"), (int, "Int64"), (int | float, "float64"), (str, "str")):
        if known and all(isinstance(value, types) for value in known):
            return kind
    return "object"
