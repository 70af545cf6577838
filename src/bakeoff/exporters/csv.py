"""samples.csv: one row per sample, for spreadsheets and data frames.

Durations are seconds from the schedule, as everywhere in bakeoff; an empty cell is unknown. Texts are left
out: they stand in `samples.jsonl`.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bakeoff.charts.svg import visible
from bakeoff.metrics.tpot import Tpot
from bakeoff.records import Sample, Target
from bakeoff.records.imported import StoredRun

COLUMNS = (
    "benchmark",
    "case",
    "target",
    "repeat",
    "stage",
    "warmup",
    "outcome",
    "scheduled_at_s",
    "sent_at_s",
    "ttft_s",
    "ttfa_s",
    "e2e_s",
    "service_s",
    "lag_s",
    "tpot_s",
    "chunks",
    "prompt_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "counted_by",
    "finish_reason",
    "model",
    "status",
    "attempts",
    "error",
)


class CsvExport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All samples, warm-up marked, in the order in which they were stored."""

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `samples.csv`."""
        path = folder / "samples.csv"
        targets = {target.name: target for target in run.plan.targets}
        warmups = run.warmups
        # Where nothing tells when a request was sent, its times count from its own start.
        timed = {(s.benchmark, s.target): s.countable for s in run.plan.stages}
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for sample in run.samples():
                known = sample.sent_at is not None or timed.get((sample.benchmark, sample.target), True)
                cells = _cells(
                    sample, targets.get(sample.target), warmup=sample.stage in warmups, timed=known
                )
                writer.writerow(visible(cell) if isinstance(cell, str) else cell for cell in cells)
        return [path]


def _cells(
    sample: Sample, target: Target | None, *, warmup: bool, timed: bool
) -> Iterator[str | int | float | None]:
    due, sent, usage = sample.scheduled_at, sample.sent_at, sample.usage
    yield from (sample.benchmark, sample.case, sample.target, sample.repeat, sample.stage)
    yield "true" if warmup else "false"
    yield sample.outcome
    yield due / 1e9 if timed else None
    yield None if sent is None else sent / 1e9
    for moment in (sample.first_token_at, sample.first_answer_at, sample.done_at):
        yield None if moment is None else (moment - due) / 1e9
    yield None if sample.done_at is None or sent is None else (sample.done_at - sent) / 1e9
    yield None if sent is None else (sent - due) / 1e9
    yield None if target is None else Tpot().measure(sample, target)
    yield sample.chunks or None
    yield from (usage.prompt, usage.cached, usage.completion, usage.reasoning, usage.counted_by)
    yield from (sample.finish_reason, sample.model, sample.status, len(sample.attempts), sample.error)
