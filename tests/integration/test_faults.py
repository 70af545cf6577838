"""A server that fails, refuses and cuts: every sample is answered or accounted for, with its tries."""

from collections import Counter
from pathlib import Path

import pytest
import yaml
from tests.integration.runs import resume, run, write_spec

from bakeoff.records import Sample
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bakeoff.testing.truth.settings import Fault

CASES = 200


def faulty(*faults: Fault, retry_after: float = 0.05) -> TruthSettings:
    return TruthSettings(answer="arithmetic", accuracy=0.7, faults=faults, retry_after=retry_after)


def results_of(tmp_path: Path, settings: TruthSettings) -> tuple[list[Sample], float | None]:
    with TruthProcess(settings) as server:
        spec = write_spec(tmp_path, server.url, models=["m"], cases=CASES)
        finished = run(spec, tmp_path / "runs")
    samples = list(read_records(finished.folder, Sample))
    return samples, finished.results.targets[0].metrics["sums.accuracy"].value


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> float | None:
    return results_of(tmp_path_factory.mktemp("plain"), faulty())[1]


@pytest.mark.parametrize("kind", ["http_500", "http_429", "http_503"])
def test_a_fifth_of_refusals_changes_no_score(tmp_path: Path, kind: str, undisturbed: float) -> None:
    samples, accuracy = results_of(tmp_path, faulty(Fault(kind=kind.removeprefix("http_"), share=0.2)))
    assert len(samples) == CASES
    assert {sample.outcome for sample in samples} == {"ok"}
    assert accuracy == undisturbed
    tries = Counter(attempt.kind for sample in samples for attempt in sample.attempts)
    assert tries[kind] >= CASES // 10


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    samples, _ = results_of(tmp_path, faulty(Fault(kind="429", share=0.05), retry_after=0.4))
    waits = [a.waited_ns for s in samples for a in s.attempts if a.kind == "http_429"]
    assert waits
    assert min(waits) >= 400_000_000
    late = [s for s in samples if s.attempts and s.attempts[0].kind == "http_429"]
    for sample in late:
        assert sample.sent_at is not None
        assert sample.sent_at - (sample.attempts[-1].done_at or 0) >= 400_000_000


@pytest.mark.parametrize("kind", ["cut", "error_event", "malformed", "reset"])
def test_answers_that_break_off_are_asked_again(tmp_path: Path, kind: str, undisturbed: float) -> None:
    samples, accuracy = results_of(tmp_path, faulty(Fault(kind=kind, share=0.2)))
    assert {sample.outcome for sample in samples} == {"ok"}
    assert accuracy == undisturbed
    assert sum(bool(sample.attempts) for sample in samples) >= CASES // 20


def test_failures_that_stay_are_errors_in_the_denominator_and_can_be_tried_again(tmp_path: Path) -> None:
    with TruthProcess(faulty(Fault(kind="500", share=0.3))) as server:
        spec = write_spec(tmp_path, server.url, models=["m"], cases=60)
        document = yaml.safe_load(spec.read_text())
        document["benchmarks"][0]["attempts"] = 1
        spec.write_text(yaml.safe_dump(document))
        finished = run(spec, tmp_path / "runs")
        target = finished.results.targets[0]
        failed = target.outcomes["sums"]["error"]
        assert failed >= 5
        assert target.metrics["sums.accuracy"].n == 60
        assert target.metrics["sums.accuracy_answered"].n == 60 - failed
        assert finished.exit_code(tolerance=0.05, gate=False) == 5
        for _ in range(8):
            finished = resume(finished.folder, retry_failed=True)
    target = finished.results.targets[0]
    assert target.outcomes["sums"].get("error", 0) < failed
    assert sum(target.outcomes["sums"].values()) == 60
