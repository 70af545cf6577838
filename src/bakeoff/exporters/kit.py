"""SambaNova's benchmarking kit: `*_individual_responses.json` and `*_summary.json`, one pair per stage.

Names, keys and formulas are the kit's: latencies count from sending, the pace of a request is its tokens over
(e2e - ttft), gaps are between events, times of day are UTC. Every key is there; what the run does not know is
null. A request without a complete answer carries its outcome as `error_code`, so the summary leaves it out.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# The values come from other programs' JSON, whose shape is looked at where they are read.

import re
import uuid
from array import array
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from bakeoff.exporters._kit_rows import Row2024, Row2025, row_2024, row_2025
from bakeoff.exporters._stages import NS, Place, add, error_code, places, summarise
from bakeoff.records import Sample
from bakeoff.records.imported import StoredRun

_VERSION = "2023-08-31"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 80
"""Bytes of a name within a file name; few file systems take more than 255 in all."""
_SHARES_2024 = {"p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """What the kit's editions differ in.

    Attributes:
        summarised: keys of a request that the summary has statistics of.
        output: the key of output tokens per second of the whole stage.
        pace: the key of one request's pace.
    """

    row: Callable[[Sample, str | None, str | None], Row2025 | Row2024]
    summarised: tuple[str, ...]
    shares: dict[str, float]
    output: str
    pace: str


_NEW = Edition(
    row=row_2025,
    summarised=(
        "client_ttft_s",
        "client_end_to_end_latency_s",
        "client_output_token_per_s_per_request",
        "client_total_tokens_per_s_per_request",
        "client_mean_inter_token_latency_s",
        "number_input_tokens",
        "number_output_tokens",
        "server_ttft_s",
        "server_end_to_end_latency_s",
        "server_output_token_per_s_per_request",
        "server_output_token_after_first_per_s_first_ten_per_request",
        "server_total_tokens_per_s_per_request",
        "server_number_input_tokens",
        "server_number_output_tokens",
        "acceptance_rate",
        "batch_size_used",
    ),
    shares={"p5": 0.05, **_SHARES_2024},
    output="client_total_output_throughput",
    pace="client_output_token_per_s_per_request",
)
_OLD = Edition(
    row=row_2024,
    summarised=(
        "ttft_s",
        "end_to_end_latency_s",
        "request_output_throughput_token_per_s",
        "number_input_tokens",
        "number_output_tokens",
    ),
    shares=_SHARES_2024,
    output="mean_output_throughput_token_per_s",
    pace="request_output_throughput_token_per_s",
)


class Kit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kit's two files for each stage.

    Attributes:
        edition: whose names and keys: those of the kit since 2025, or of the kit of 2024.
    """

    edition: Literal["2025", "2024"] = "2025"

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write both files of every stage."""
        edition = _NEW if self.edition == "2025" else _OLD
        stages = {place.key: _Stage(place, edition, run, folder) for place in places(run)}
        try:
            for sample in run.samples():
                stage = stages.get((sample.benchmark, sample.target, sample.stage))
                if stage is not None:
                    stage.add(sample)
        finally:
            for stage in stages.values():
                stage.close()
        return [path for stage in stages.values() for path in stage.finish()]


class _Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Complete answers and output tokens per second."""

    requests: float | None
    tokens: float | None


class _Stage:
    """Writes one stage's requests as they pass, and keeps the columns of its summary."""

    def __init__(self, place: Place, edition: Edition, run: StoredRun, folder: Path) -> None:
        self._place = place
        self._edition = edition
        self._run = run
        self._name = _file_name(place, edition, run)
        self._summary_path = folder / f"{self._name}_summary.json"
        self._path = folder / f"{self._name}_individual_responses.json"
        self._file = self._path.open("wb")
        self._columns = {metric: array("d") for metric in edition.summarised}
        self._errors: dict[str, int] = {}
        self._count = 0
        self._begin: int | None = None
        self._end = 0

    def add(self, sample: Sample) -> None:
        """Write one request."""
        row = self._edition.row(sample, self._clock(sample.sent_at), self._clock(sample.done_at))
        self._file.write(b",\n" if self._count else b"[\n")
        self._file.write(msgspec.json.encode(row))
        self._count += 1
        start = sample.scheduled_at if sample.sent_at is None else sample.sent_at
        self._begin = start if self._begin is None else min(self._begin, start)
        self._end = max(self._end, sample.done_at or start)
        code = error_code(sample)
        if code is not None:
            self._errors[str(code)] = self._errors.get(str(code), 0) + 1
            return
        for metric, column in self._columns.items():
            add(column, getattr(row, metric))

    def close(self) -> None:
        """End the list of requests."""
        self._file.write(b"\n]\n" if self._count else b"[]\n")
        self._file.close()

    def finish(self) -> list[Path]:
        """Write the summary and return both paths."""
        text = msgspec.json.format(msgspec.json.encode(self._summary()), indent=4)
        self._summary_path.write_bytes(text + b"\n")
        return [self._path, self._summary_path]

    def _clock(self, at: int | None) -> str | None:
        """Return a moment of the run as a time of day; None where the run has no clock of its own."""
        if at is None or not self._place.stage.countable:
            return None
        moment = _EPOCH + timedelta(microseconds=round((self._run.wall_ns + at) / 1000))
        return moment.strftime("%H:%M:%S.%f")

    def _summary(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "name": f"{self._name}_summary",
            "model": self._place.target.model,
            **_settings(self._place, self._edition),
            "additional_sampling_params": "{}",
            **self._results(),
            "timestamp": self._run.wall_ns // 10**9,
        }

    def _results(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            f"results_{metric}_{label}": value
            for metric, column in self._columns.items()
            for label, value in summarise(column, self._edition.shares).items()
        }
        failed = sum(self._errors.values())
        good = self._count - failed
        rates = self._rates(good)
        pace = self._columns[self._edition.pace]
        if self._edition is _NEW:
            mean = sum(pace) / len(pace) if pace else None
            found["results_mean_output_throughput_token_per_s"] = mean
        return {
            **found,
            "results_num_requests_started": self._count,
            "results_error_rate": failed / self._count if self._count else 0.0,
            "results_number_errors": failed,
            "results_error_code_frequency": str(self._errors),
            f"results_{self._edition.output}": rates.tokens,
            "results_num_completed_requests": good,
            "results_num_completed_requests_per_min": None if rates.requests is None else rates.requests * 60,
        }

    def _rates(self, good: int) -> _Rates:
        """Return the rates over all of the stage; of an import without moments, what its tool reported."""
        if self._place.stage.countable and self._begin is not None and self._end > self._begin:
            seconds = (self._end - self._begin) / NS
            tokens = self._columns["number_output_tokens"]
            counted = good > 0 and len(tokens) == good
            return _Rates(requests=good / seconds, tokens=sum(tokens) / seconds if counted else None)
        results = self._run.results.targets
        metrics = next((t.metrics for t in results if t.name == self._place.target.name), {})
        told = {name: metrics.get(f"{self._place.benchmark.name}.{name}") for name in _REPORTED}
        requests, tokens_told = (told[name] for name in _REPORTED)
        return _Rates(
            requests=requests.value if requests else None, tokens=tokens_told.value if tokens_told else None
        )


_REPORTED = ("request_rate", "output_token_rate")


def _settings(place: Place, edition: Edition) -> dict[str, Any]:
    """Return what was asked, under the edition's keys; null where the run does not know it."""
    prompt, output = place.lengths
    load = place.stage.load
    if edition is _OLD:
        return {
            "mean_input_tokens": prompt,
            "stddev_input_tokens": place.spread("prompt_tokens"),
            "mean_output_tokens": output,
            "stddev_output_tokens": place.spread("output_tokens"),
            "num_concurrent_requests": load.get("concurrency"),
        }
    asked = {"num_input_tokens": prompt, "num_output_tokens": output}
    if load.get("rate") is not None:
        return {"qps": load["rate"], "qps_distribution": _distribution(load), **asked}
    return {"num_concurrent_requests": load.get("concurrency"), **asked}


def _distribution(load: dict[str, Any]) -> str:
    kind = str(load.get("kind"))
    return {"poisson": "exponential"}.get(kind, kind)


def _short(name: str) -> str:
    """Cut a name so that a file system takes what is made of it."""
    return name.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")


def _file_name(place: Place, edition: Edition, run: StoredRun) -> str:
    prompt, output = ("na" if length is None else str(length) for length in place.lengths)
    load = place.stage.load
    at_once = str(load.get("concurrency", "na"))
    mode = "stream" if place.target.stream else "batch"
    model = _short(place.target.model)
    identity = uuid.uuid5(uuid.NAMESPACE_URL, "/".join((run.results.run, *place.key)))
    if edition is _OLD:
        parts = [model, prompt, output, at_once, mode]
        parts += [] if place.index == 0 else [str(place.index)]
    elif load.get("rate") is not None:
        rate = f"{load['rate']:g}"
        parts = ["realworkload", str(place.index), model, prompt, output, rate, _distribution(load), mode]
        parts.append(str(identity))
    elif place.benchmark.dataset.type == "synthetic":
        parts = ["synthetic", str(place.index), model, prompt, output, at_once, mode, str(identity)]
    else:
        source = Path(str(place.benchmark.dataset.options.get("path", place.benchmark.name))).stem
        parts = ["custom", model, _short(source), at_once, mode, str(identity)]
    return re.sub(r"-{2,}", "-", re.sub(r"[^\w\d-]+", "-", "_".join(parts)))
