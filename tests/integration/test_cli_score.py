"""`bakeoff score`: stored answers are graded again, and nothing is sent."""

from pathlib import Path

import msgspec
import pytest
import yaml
from tests.integration.commands import call, write_sums

from bakeoff.testing.truth import TruthProcess


@pytest.fixture
def run(sums_server: TruthProcess, tmp_path: Path) -> Path:
    write_sums(tmp_path, "${SUMS_URL}", cases=6, benchmarks=[bench("contains")])
    done = call("run", cwd=tmp_path, env={"SUMS_URL": sums_server.url})
    assert done.code == 0, done.err
    return next((tmp_path / "runs").iterdir())


def bench(*scorers: object) -> dict[str, object]:
    return {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}", "scorers": list(scorers)}


def scores(run: Path) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in (run / "scores.jsonl").read_bytes().splitlines()]


def test_other_scorers_grade_the_same_answers_without_a_request(run: Path, tmp_path: Path) -> None:
    samples, before = (run / "samples.jsonl").read_bytes(), (run / "scores.jsonl").read_bytes()
    spec = yaml.safe_load((tmp_path / "bakeoff.yaml").read_text())
    spec["models"] = [
        {"name": name, "endpoint": "http://127.0.0.1:9/v1", "model": name} for name in ("good", "poor")
    ]
    spec["benchmarks"] = [bench({"type": "regex", "pattern": "^never$", "metric": "never"}, "numeric")]
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(spec))
    done = call("score", run.name, "--spec", "other.yaml", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.document()["targets"][0]["metrics"]["sums.never"]["value"] == 0.0
    assert {row["scorer"] for row in scores(run)} == {"regex", "numeric"}
    assert len(scores(run)) == 2 * 2 * 6
    assert (run / "samples.jsonl").read_bytes() == samples
    assert (run / "scores.1.jsonl").read_bytes() == before
    assert "contains" in (run / "spec.1.yaml").read_text()
    again = call("report", run.name, "--json", cwd=tmp_path)
    assert again.document()["targets"] == done.document()["targets"]


def test_the_runs_own_scorers_give_the_same_scores_again(run: Path, tmp_path: Path) -> None:
    before = (run / "scores.jsonl").read_bytes()
    for number in (1, 2):
        done = call("score", cwd=tmp_path)
        assert done.code == 0, done.err
        assert (run / f"scores.{number}.jsonl").read_bytes() == before
    assert sorted((run / "scores.jsonl").read_bytes().splitlines()) == sorted(before.splitlines())
    assert not (run / "rescore.part").exists()


def test_a_benchmark_that_the_run_has_not_is_refused(run: Path, tmp_path: Path) -> None:
    before = (run / "scores.jsonl").read_bytes()
    spec = yaml.safe_load(
        (tmp_path / "bakeoff.yaml").read_text().replace("${SUMS_URL}", "http://127.0.0.1:9/v1")
    )
    spec["benchmarks"][0]["name"] = "others"
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(spec))
    done = call("score", "--spec", "other.yaml", cwd=tmp_path)
    assert (done.code, "the run has no benchmark `others`" in done.err) == (2, True)
    assert (run / "scores.jsonl").read_bytes() == before


def test_a_scorer_that_cannot_grade_the_cases_changes_nothing(run: Path, tmp_path: Path) -> None:
    before = (run / "scores.jsonl").read_bytes()
    spec = yaml.safe_load(
        (tmp_path / "bakeoff.yaml").read_text().replace("${SUMS_URL}", "http://127.0.0.1:9/v1")
    )
    spec["benchmarks"] = [bench({"type": "exact", "value": "{{nowhere}}"})]
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(spec))
    done = call("score", "--spec", "other.yaml", cwd=tmp_path)
    assert (done.code, "nowhere" in done.err) == (2, True)
    assert (run / "scores.jsonl").read_bytes() == before
