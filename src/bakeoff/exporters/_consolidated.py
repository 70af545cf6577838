"""The kit's consolidated table of a bundle: one row per stage, in the kit's columns.

Two columns are estimates that the kit makes from what servers say. Requests that end one after another with
the very same server time to first token were one batch, of the next power of two of their number.
`switching_time` is the spread of that time over the requests of the largest such batch: what it costs to
load a model, a length or a batch size. Both stay empty where the server said nothing.
"""

from array import array
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

import msgspec

from bakeoff.exporters._kit_rows import Row2025, row_2025
from bakeoff.exporters._stages import NS, Place, add, error_code, places, summarise
from bakeoff.records import Sample
from bakeoff.records.imported import StoredRun

Cell = str | int | float | None

_SPREADS = {
    "server_ttft_s": ("server_ttft_s", ("min", "mean", "p50", "max")),
    "server_end_to_end_latency_s": ("server_end_to_end_latency_s", ("min", "mean", "p50", "max")),
    "server_output_token_per_s": ("server_output_token_per_s_per_request", ("min", "mean", "p50", "max")),
    "acceptance_rate": ("acceptance_rate", ("min", "p50", "max")),
    "server_number_input_tokens": ("server_number_input_tokens", ("p50",)),
    "server_number_output_tokens": ("server_number_output_tokens", ("p50",)),
    "client_ttft_s": ("client_ttft_s", ("min", "mean", "p50", "max")),
    "client_end_to_end_latency_s": ("client_end_to_end_latency_s", ("min", "mean", "p50", "max")),
    "client_output_token_per_s": ("client_output_token_per_s_per_request", ("min", "mean", "p50", "max")),
}
COLUMNS = (
    "name",
    "model",
    "num_input_tokens",
    "num_output_tokens",
    "num_concurrent_requests",
    "qps",
    "qps_distribution",
    "multimodal_img_size",
    *(f"{name}_{statistic}" for name, (_, statistics) in _SPREADS.items() for statistic in statistics),
    "client_total_output_throughput",
    "num_requests_started",
    "num_completed_requests",
    "num_completed_requests_per_min",
    "number_errors",
    "error_code_frequency",
    "switching_time",
    "request_batching_frequencies",
    "representative_batch_size",
)


class _Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A request by its end, and what the server said of its first token."""

    done_at: int
    server_ttft: float


class _Stage:
    """Columns of one stage."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.columns = {field: array("d") for field, _ in _SPREADS.values()}
        self.tokens = array("d")
        self.errors: Counter[str] = Counter()
        self.ended: list[_Ended] = []
        self.count = 0
        self.begin: int | None = None
        self.end = 0

    def add(self, sample: Sample) -> None:
        self.count += 1
        start = sample.scheduled_at if sample.sent_at is None else sample.sent_at
        self.begin = start if self.begin is None else min(self.begin, start)
        self.end = max(self.end, sample.done_at or start)
        code = error_code(sample)
        if code is not None:
            self.errors[str(code)] += 1
            return
        row: Row2025 = row_2025(sample, None, None)
        for field, column in self.columns.items():
            add(column, getattr(row, field))
        add(self.tokens, row.number_output_tokens)
        if row.server_ttft_s is not None and sample.done_at is not None:
            self.ended.append(_Ended(done_at=sample.done_at, server_ttft=row.server_ttft_s))


def consolidated(run: StoredRun) -> list[dict[str, Cell]]:
    """Return the table's rows, keys as in COLUMNS."""
    stages = {place.key: _Stage(place) for place in places(run)}
    for sample in run.samples():
        stage = stages.get((sample.benchmark, sample.target, sample.stage))
        if stage is not None:
            stage.add(sample)
    return [_row(stage) for stage in stages.values()]


def _row(stage: _Stage) -> dict[str, Cell]:
    place, load = stage.place, stage.place.stage.load
    prompt, output = place.lengths
    good = stage.count - stage.errors.total()
    seconds = (stage.end - (stage.begin or 0)) / NS if place.stage.countable else 0.0
    row: dict[str, Cell] = dict.fromkeys(COLUMNS)
    row |= {
        "name": "_".join(place.key),
        "model": place.target.model,
        "num_input_tokens": prompt,
        "num_output_tokens": output,
        "num_concurrent_requests": load.get("concurrency"),
        "qps": load.get("rate"),
        "qps_distribution": str(load.get("kind")) if load.get("rate") is not None else None,
        "num_requests_started": stage.count,
        "num_completed_requests": good,
        "number_errors": stage.errors.total(),
        "error_code_frequency": str(dict(stage.errors)),
    }
    if seconds > 0:
        row["num_completed_requests_per_min"] = good / seconds * 60
        if good and len(stage.tokens) == good:
            row["client_total_output_throughput"] = sum(stage.tokens) / seconds
    for name, (field, statistics) in _SPREADS.items():
        found = summarise(stage.columns[field], {"p50": 0.5})
        for statistic in statistics:
            row[f"{name}_{statistic}"] = found["quantiles_p50" if statistic == "p50" else statistic]
    return row | _batches(stage.ended)


def _batches(ended: Iterable[_Ended]) -> dict[str, Cell]:
    """Return the estimates of batches, nothing where the server said nothing."""
    ordered = sorted(ended, key=lambda one: one.done_at)
    sized: list[tuple[int, float]] = []
    for _, group in groupby(ordered, key=lambda one: one.server_ttft):
        members = list(group)
        size = 1 << (len(members) - 1).bit_length()
        sized += [(size, one.server_ttft) for one in members]
    if not sized:
        return {}
    counts = Counter(map(itemgetter(0), sized))
    largest = max(counts)
    times = [ttft for size, ttft in sized if size == largest]
    common, count = counts.most_common(1)[0]
    return {
        "switching_time": max(times) - min(times),
        "request_batching_frequencies": str(dict(sorted(counts.items()))),
        "representative_batch_size": common if count > len(sized) / 2 else None,
    }
