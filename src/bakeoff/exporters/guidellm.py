"""GuideLLM: `benchmarks.json` in the shape of its 0.8.1 report, one benchmark per stage.

Latencies count from sending, as GuideLLM's do; `request_scheduled_latency` counts from the schedule. Its
schema has no unknown in a summary, so a metric without a value is GuideLLM's own empty summary: all zeros and
`count` 0. What bakeoff has no moment for (queues and workers of GuideLLM) is null in a request and 0 in the
scheduler's averages. A load without a counterpart is written as `throughput`, an open one as `trace`, with
bakeoff's own load under `config.bakeoff_load`. The version says who measured.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# The values come from other programs' JSON, whose shape is looked at where they are read.

from pathlib import Path
from typing import Any

import msgspec

from bakeoff import __version__
from bakeoff.exporters._guidellm_metrics import Columns, metrics
from bakeoff.exporters._guidellm_rows import STATUS, make_row
from bakeoff.exporters._stages import NS, Place, places
from bakeoff.records import Sample
from bakeoff.records.imported import StoredRun

_SHAPE = "0.8.1"
_OPEN = frozenset({"constant", "poisson"})


class Guidellm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report that GuideLLM itself can load.

    Every answer is a successful request there, also one that hit its limit or was refused.
    """

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `benchmarks.json`."""
        stages = {place.key: _Stage(place, run) for place in places(run)}
        for sample in run.samples():
            stage = stages.get((sample.benchmark, sample.target, sample.stage))
            if stage is not None:
                stage.add(sample)
        first = next(iter(stages.values())).place
        report = {
            "metadata": {
                "version": 2,
                "guidellm_version": f"{_SHAPE} (its shape; measured by bakeoff {__version__})",
                "python_version": "",
                "platform": "",
            },
            "config": {
                "metadata": {"labels": {}},
                "spec": _spec(first),
                "benchmarks": [None for _ in stages],
            },
            "benchmarks": [stage.benchmark() for stage in stages.values()],
            "conclusions": [],
        }
        path = folder / "benchmarks.json"
        path.write_bytes(msgspec.json.encode(report))
        return [path]


class _Stage:
    """Gathers one stage's requests and the columns of its summary."""

    def __init__(self, place: Place, run: StoredRun) -> None:
        self.place = place
        self._run = run
        # Of an import whose clock is unknown the first moment would be 0, which GuideLLM reads as never.
        self._clock = run.wall_ns or round(NS)
        self._wall = self._clock if place.stage.countable else None
        self._rows: dict[str, list[msgspec.Raw]] = {"successful": [], "errored": [], "incomplete": []}
        self._columns = {status: Columns() for status in self._rows}
        self._begin: int | None = None
        self._first_due: int | None = None
        self._end = 0

    def add(self, sample: Sample) -> None:
        """Take one request."""
        status = STATUS.get(sample.outcome, "errored")
        if sample.sent_at is not None:
            self._wall = self._clock
        row = make_row(sample, self._wall)
        self._rows[status].append(msgspec.Raw(msgspec.json.encode(row)))
        self._columns[status].add(row)
        sent = sample.scheduled_at if sample.sent_at is None else sample.sent_at
        due = sample.scheduled_at
        self._begin = sent if self._begin is None else min(self._begin, sent)
        self._first_due = due if self._first_due is None else min(self._first_due, due)
        self._end = max(self._end, sample.done_at or sent)

    def benchmark(self) -> dict[str, Any]:
        """Return the whole benchmark."""
        begin, end = self._at(self._begin or 0), self._at(self._end)
        counts = {status: len(rows) for status, rows in self._rows.items()}
        totals = {**counts, "total": sum(counts.values())}
        seconds = end - begin if self.place.stage.countable else 0.0
        return {
            "type_": "generative_benchmark",
            "config": self._config(),
            "scheduler_state": self._state(counts),
            "scheduler_metrics": self._scheduler(totals),
            "metrics": {"request_totals": totals, **metrics(self._columns, seconds)},
            "requests": {**self._rows, "total": None},
            "warnings": [],
            "start_time": begin,
            "end_time": end,
            "duration": seconds,
            "warmup_duration": 0.0,
            "cooldown_duration": 0.0,
        }

    def _at(self, moment: int) -> float:
        """Return a moment of the run on the wall clock, in seconds."""
        return ((self._wall or 0) + moment) / NS

    def _config(self) -> dict[str, Any]:
        spec = _spec(self.place)
        name = "/".join(self.place.key)
        return {
            "id_": name,
            "run_id": self._run.results.run,
            "run_index": self.place.index,
            "strategy": strategy(self.place.stage.load),
            "constraints": {},
            "profile": spec["profile"],
            "requests": {"kind": "bakeoff", "benchmark": self.place.benchmark.name},
            "backend": spec["backend"],
            "environment": {},
            "bakeoff_load": self.place.stage.load,
        }

    def _state(self, counts: dict[str, int]) -> dict[str, Any]:
        total = sum(counts.values())
        return {
            "node_id": 0,
            "num_processes": 1,
            "start_time": self._at(self._first_due or 0),
            "end_time": self._at(self._end),
            "start_requests_time": self._at(self._begin or 0),
            "end_requests_time": self._at(self._end),
            "created_requests": total,
            "processed_requests": total,
            "successful_requests": counts["successful"],
            "errored_requests": counts["errored"],
            "cancelled_requests": counts["incomplete"],
        }

    def _scheduler(self, totals: dict[str, int]) -> dict[str, Any]:
        begin, end = self._at(self._begin or 0), self._at(self._end)
        good = self._columns["successful"]
        unknown = (
            "queued_time_avg",
            "resolve_start_delay_avg",
            "resolve_targeted_start_delay_avg",
            "request_start_delay_avg",
            "resolve_end_delay_avg",
            "finalized_delay_avg",
            "processed_delay_avg",
        )
        return {
            "start_time": self._at(self._first_due or 0),
            "request_start_time": begin,
            "measure_start_time": begin,
            "measure_end_time": end,
            "request_end_time": end,
            "end_time": end,
            "requests_made": totals,
            **dict.fromkeys(unknown, 0.0),
            "request_targeted_start_delay_avg": good.mean("request_dispatch_delay"),
            "request_time_avg": good.mean("request_latency"),
            "resolve_time_avg": good.mean("request_latency"),
        }


def strategy(load: dict[str, Any]) -> dict[str, Any]:
    """Return a load as GuideLLM's strategy."""
    kind = str(load.get("kind"))
    if kind in _OPEN and load.get("rate"):
        return {"type_": kind, "rate": load["rate"]}
    if kind == "concurrent" and load.get("concurrency"):
        return {"type_": kind, "streams": load["concurrency"], "max_concurrency": load["concurrency"]}
    if kind == "sequential":
        return {"type_": "synchronous"}
    return {"type_": "trace" if kind in {"gamma", "ramp", "steps", "trace"} else "throughput"}


def _spec(place: Place) -> dict[str, Any]:
    found = strategy(place.stage.load)
    kind = found["type_"]
    profile: dict[str, Any] = {"kind": {"trace": "replay"}.get(kind, kind)}
    if kind == "concurrent":
        profile["streams"] = [found["streams"]]
    elif kind == "throughput":
        profile["max_concurrency"] = None
    elif kind in _OPEN:
        profile["rate"] = [found["rate"]]
    return {
        "backend": {
            "kind": "openai_http",
            "target": place.target.endpoint or "",
            "model": place.target.model,
        },
        "profile": profile,
        "data": [_data(place)],
    }


def _data(place: Place) -> dict[str, Any]:
    prompt, output = place.lengths
    if prompt and output:
        return {"kind": "synthetic_text", "prompt_tokens": prompt, "output_tokens": output}
    kinds = {"csv": "csv_file", "text": "text_file"}
    source = place.benchmark.dataset
    path = str(source.options.get("path") or place.benchmark.name)
    return {"kind": kinds.get(source.type, "json_file"), "path": path}
