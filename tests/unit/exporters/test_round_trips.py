"""An exported run that is imported again has the figures it had; spreadsheets hold hostile names as text."""

import csv
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from openpyxl import load_workbook
from tests.unit.importers.examples import RESULTS, needs_results

from bakeoff import plugins
from bakeoff.extend import Exporter
from bakeoff.records import Results, Sample, StageResult
from bakeoff.records.imported import StoredRun
from bakeoff.run.exporting import export_run, export_table, stored_run
from bakeoff.run.importing import import_files
from bakeoff.stats.quantiles import quantile
from bakeoff.testing.contracts.exporters import make_run
from bakeoff.testing.load_views import load_samples
from bakeoff.testing.views import HOSTILE

_FAILED = {"error", "timeout", "cancelled"}
_METRICS = ("ttft", "e2e", "tpot", "itl", "service")


def made(*, stages: Sequence[float] = (4.0, 9.0), count: int = 60) -> list[Sample]:
    rng = Random(5)
    return [
        sample
        for rate in stages
        for place, name in enumerate(("one", "two"))
        for sample in load_samples(name, place, rate, count, rng)
    ]


def export(name: str, run: StoredRun, folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    exporter: Exporter = plugins.create("exporters", name, {})
    return exporter.write(run, folder)


def figures(sample: Sample) -> list[float | None]:
    """Return durations from the schedule and from sending in seconds, and the token counts."""
    sent = sample.scheduled_at if sample.sent_at is None else sample.sent_at
    first, done = sample.first_token_at, sample.done_at
    return [
        None if first is None or not sample.ok else (first - sample.scheduled_at) / 1e9,
        None if done is None or not sample.ok else (done - sent) / 1e9,
        sample.usage.prompt if sample.ok else None,
        sample.usage.completion if sample.ok else None,
    ]


def by_stage(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Return each stage's samples in the order of sending, whatever the stage's name."""
    found: dict[tuple[str, str, str], list[Sample]] = {}
    for sample in samples:
        found.setdefault((sample.benchmark, sample.target, sample.stage), []).append(sample)
    ordered = [sorted(rows, key=lambda s: s.sent_at or 0) for rows in found.values()]
    return sorted(ordered, key=lambda rows: (rows[0].target, rows[0].sent_at or 0))


def assert_same(before: Sequence[Sample], after: Sequence[Sample]) -> None:
    first, second = by_stage(before), by_stage(after)
    assert [len(rows) for rows in first] == [len(rows) for rows in second]
    for rows, again in zip(first, second, strict=True):
        for one, two in zip(rows, again, strict=True):
            assert (one.outcome in _FAILED) == (two.outcome in _FAILED)
            assert figures(two) == pytest.approx(figures(one), abs=2e-6)


def test_our_run_in_the_shape_of_guidellm_is_read_back_request_by_request(tmp_path: Path) -> None:
    samples = made()
    files = export("guidellm", make_run(samples), tmp_path / "out")
    assert_same(samples, list(stored_run(import_files(files, tmp_path / "runs")).samples()))


def quantiles(samples: Sequence[Sample], target: str) -> list[float]:
    times = sorted(
        (sample.first_token_at - sample.scheduled_at) / 1e9
        for sample in samples
        if sample.ok and sample.first_token_at is not None and sample.target == target
    )
    return [quantile(times, share) for share in (0.5, 0.9, 0.99)]


def test_our_run_in_the_shape_of_guidellm_has_the_percentiles_it_had(tmp_path: Path) -> None:
    samples = made(stages=(6.0,), count=200)
    files = export("guidellm", make_run(samples), tmp_path / "out")
    results = stored_run(import_files(files, tmp_path / "runs")).results
    for stage in results.stages:
        assert stage.ttft is not None
        told = [stage.ttft.p50, stage.ttft.p90, stage.ttft.p99]
        assert told == pytest.approx(quantiles(samples, stage.target.removeprefix("org-")), abs=2e-6)
    assert len(results.stages) == 2


def told(stage: StageResult) -> dict[str, list[float]]:
    facts = ("n", "mean", "p50", "p95", "min", "max")
    known = {metric: getattr(stage, metric) for metric in _METRICS}
    return {m: [getattr(d, fact) for fact in facts] for m, d in known.items() if d is not None}


def rates(results: Results) -> list[tuple[float, float]]:
    return [
        (stage.request_rate, stage.output_token_rate)
        for stage in results.stages
        if stage.request_rate is not None and stage.output_token_rate is not None
    ]


@needs_results
@pytest.mark.parametrize("file", ["guidellm-0.8.1.json", "aiperf-0.13.0-records.jsonl"])
def test_a_real_run_through_the_guidellm_shape_has_the_same_results(file: str, tmp_path: Path) -> None:
    run = import_files([RESULTS / file], tmp_path / "runs")
    files = export_run(run, "guidellm", tmp_path / "out")
    first = stored_run(run).results
    second = stored_run(import_files(files, tmp_path / "runs")).results
    assert [stage.outcomes for stage in first.stages] == [stage.outcomes for stage in second.stages]
    for one, two in zip(first.stages, second.stages, strict=True):
        before, after = told(one), told(two)
        # Gaps of single tokens are no part of GuideLLM's report.
        for metric in before.keys() & {"ttft", "e2e", "tpot", "service"}:
            assert after[metric] == pytest.approx(before[metric], abs=5e-6), metric
    for ours, theirs in zip(rates(first), rates(second), strict=True):
        assert theirs == pytest.approx(ours, rel=1e-6)


@needs_results
@pytest.mark.parametrize(
    "file", ["vllm-bench-0.32.json", "genai-bench-0.0.5.json", "llmperf_individual_responses.json"]
)
def test_a_real_run_without_moments_keeps_its_figures_and_gets_no_rate(file: str, tmp_path: Path) -> None:
    run = import_files([RESULTS / file], tmp_path / "runs")
    first = stored_run(run).results
    again = import_files(export_run(run, "guidellm", tmp_path / "out"), tmp_path / "runs")
    second = stored_run(again).results
    before, after = first.targets[0].metrics, second.targets[0].metrics
    # Where a request was sent when it was due, its whole time is GuideLLM's `request_latency`, our `service`.
    (theirs,) = (one for name, one in after.items() if name.endswith("service.p50"))
    (ours,) = (one for name, one in before.items() if name.endswith("e2e.p50"))
    assert (theirs.value, theirs.n) == (pytest.approx(ours.value, rel=1e-6), ours.n)
    assert rates(second) == []


def test_stages_that_a_load_chose_while_it_ran_are_exported(tmp_path: Path) -> None:
    files = export("kit", make_run(made()), tmp_path / "out")
    assert len(files) == 8, "two files for each of two stages of two targets"
    again = list(stored_run(import_files(files, tmp_path / "runs")).samples())
    assert len(again) == 240
    assert sum(sample.ok for sample in again) == sum(sample.ok for sample in made())


@pytest.mark.parametrize("name", ["csv", "matrix", "excel"])
def test_hostile_names_and_texts_are_plain_cells(name: str, tmp_path: Path) -> None:
    texts = [*HOSTILE[:6], '=HYPERLINK("http://x","y")', "a,b\nc\r\nd"]
    base = made(count=2)[0]
    samples = [
        msgspec.structs.replace(base, case=text, error=text, outcome="error", stage=text) for text in texts
    ]
    (path,) = export(name, make_run(samples), tmp_path / "out")
    if name == "excel":
        sheet = load_workbook(path).active
        assert sheet is not None
        rows = list(sheet.iter_rows())
        assert not any(cell.data_type == "f" for row in rows for cell in row)
    else:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, strict=True))
        assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == 1 + len(texts)


def test_a_very_long_model_name_still_makes_a_file(tmp_path: Path) -> None:
    run = make_run(made(stages=(4.0,), count=2))
    targets = [msgspec.structs.replace(target, model="ü" * 400) for target in run.plan.targets]
    run = msgspec.structs.replace(run, plan=msgspec.structs.replace(run.plan, targets=targets))
    for path in export("kit", run, tmp_path / "out"):
        assert len(path.name.encode()) < 255


def test_a_stage_in_which_everything_failed_is_exported_without_figures(tmp_path: Path) -> None:
    samples = [
        msgspec.structs.replace(sample, outcome="error", first_token_at=None, last_token_at=None, error="503")
        for sample in made(stages=(4.0,), count=5)
    ]
    for name in ("guidellm", "kit", "csv", "matrix", "excel"):
        assert export(name, make_run(samples), tmp_path / name)
    again = stored_run(import_files([tmp_path / "guidellm" / "benchmarks.json"], tmp_path / "runs"))
    assert {sample.outcome for sample in again.samples()} == {"error"}
    assert [stage.ttft for stage in again.results.stages] == [None, None]


def test_table_of_a_bundle_is_written_into_the_run_as_csv_and_excel(tmp_path: Path) -> None:
    files = export("guidellm", make_run(made(stages=(4.0,), count=3)), tmp_path / "out")
    run = import_files(files, tmp_path / "runs")
    assert [path.name for path in export_table(run)] == ["consolidated.csv", "consolidated.xlsx"]
