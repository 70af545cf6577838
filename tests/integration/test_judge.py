"""Runs that a model judges: failures of the judge are nobody's, and what it took is told apart."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.integration.commands import call
from tests.integration.runs import resume, run, write_spec

from bakeoff.records import Results, Score
from bakeoff.run.finish import Finished
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings

CASES = 10
RIGHT, WRONG = "Fine.\nCORRECT", "No.\nINCORRECT"


@pytest.fixture(scope="module")
def server() -> Generator[TruthProcess]:
    """Serve sums under any name, and as `judge` a verdict that depends on the question."""
    said = {f"What is {i} + {i % 7}?": RIGHT if i < 6 else WRONG for i in range(CASES)}
    said["What is 9 + 2?"] = "I cannot tell."
    judge = TruthSettings(answer="table", answers=said)
    settings = TruthSettings(models={"judge": judge, "m": TruthSettings(answer="arithmetic")})
    with TruthProcess(settings) as process:
        yield process


def asking(server: TruthProcess, **options: Any) -> dict[str, Any]:
    return {"type": "judge", "endpoint": server.url, "model": "judge", "mode": "label", **options}


def spec_at(folder: Path, server: TruthProcess, *scorers: object) -> Path:
    path = write_spec(folder, server.url, models=["m"], cases=CASES)
    document = yaml.safe_load(path.read_text())
    document["benchmarks"][0]["scorers"] = list(scorers)
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, server: TruthProcess) -> Finished:
    folder = tmp_path_factory.mktemp("judged")
    priced = asking(server, price={"input": 1, "output": 2})
    return run(spec_at(folder, server, priced, "numeric"), folder / "runs")


def metrics(results: Results) -> dict[str, float | None]:
    return {name: estimate.value for name, estimate in results.targets[0].metrics.items()}


def test_an_answer_on_which_the_judge_failed_is_in_no_rate_and_is_bounded(finished: Finished):
    found = metrics(finished.results)
    assert found["sums.judge"] == found["sums.judge_answered"] == pytest.approx(6 / 9)
    assert found["sums.judge_lowest"] == 0.6
    assert found["sums.judge_highest"] == 0.7
    assert any("failed on 1 of 10 answers" in warning for warning in finished.results.warnings)


def test_what_judging_took_is_told_apart_from_the_target(finished: Finished):
    (note,) = finished.results.targets[0].notes
    assert "`judge` with 10 requests for 10 answers" in note
    assert "USD" in note
    scores = [score for score in read_records(finished.folder, Score) if score.scorer == "judge"]
    said = [judgement for score in scores for judgement in score.judgements]
    tokens = sum((one.usage.prompt or 0) + (one.usage.completion or 0) for one in said)
    assert f"{tokens:,} tokens" in note
    assert {one.verdict for one in said} == {"CORRECT", "INCORRECT", ""}
    assert sum(score.outcome == "judge_failed" for score in scores) == 1


def test_the_run_can_be_judged_again_by_another_judge(tmp_path: Path, server: TruthProcess):
    folder = run(spec_at(tmp_path, server, "numeric"), tmp_path / "runs").folder
    before = (folder / "samples.jsonl").read_bytes()
    captured = {"Fine": 1, "No": 0.5, "cannot": 0}
    regex = asking(server, score_regexes=[r"(Fine|No|cannot)"], labels=captured)
    path = spec_at(tmp_path, server, regex)
    done = call("score", str(folder), "--spec", str(path), "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    value = done.document()["targets"][0]["metrics"]["sums.judge"]["value"]
    assert value == pytest.approx((6 + 0.5 * 3) / 10)
    assert (folder / "samples.jsonl").read_bytes() == before


def test_a_resume_judges_what_a_crash_left_unjudged(tmp_path: Path, server: TruthProcess):
    first = run(spec_at(tmp_path, server, asking(server)), tmp_path / "runs")
    scores = first.folder / "scores.jsonl"
    kept = scores.read_bytes().splitlines(keepends=True)
    scores.write_bytes(b"".join(kept[:4]))
    assert first.results.targets[0].outcomes["sums"] == {"ok": 9, "judge_failed": 1}
    again = resume(first.folder)
    assert metrics(again.results)["sums.judge"] == metrics(first.results)["sums.judge"]


def test_a_key_of_a_judge_is_in_no_file(tmp_path: Path, server: TruthProcess):
    key = "planted-judge-key"
    done = run(spec_at(tmp_path, server, asking(server, api_key=key)), tmp_path / "runs")
    for path in done.folder.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path


def test_a_template_that_does_not_fit_the_rows_is_refused_before_anything_is_sent(
    tmp_path: Path, server: TruthProcess
):
    spec = spec_at(tmp_path, server, asking(server, template="{{ nothing_like_it }}"))
    done = call("run", str(spec), cwd=tmp_path)
    assert done.code == 2
    assert "nothing_like_it" in done.err
    assert not (tmp_path / "runs").exists()


def test_a_plan_counts_what_judges_take(tmp_path: Path, server: TruthProcess):
    priced = asking(server, price={"input": 1, "output": 2}, sampling={"max_tokens": 100})
    inner = {"type": "assert-set", "metric": "set", "assert": [asking(server, sampling={"max_tokens": None})]}
    spec = spec_at(tmp_path, server, priced, "numeric", inner)
    found = msgspec.json.decode(call("plan", str(spec), "--json", cwd=tmp_path).out.encode())
    first, second = found["judges"]
    assert (first["scorer"], first["judge"], first["calls"]) == ("judge", "judge", CASES)
    assert first["output_most"] == 100 * CASES
    assert first["usd_most"] == pytest.approx(first["prompt_most"] / 1e6 + 2 * 100 * CASES / 1e6)
    assert [charge["price_class"] for charge in first["charges"]] == ["input", "output"]
    assert (second["scorer"], second["calls"], second["output_most"]) == ("assert-set", CASES, None)
    assert (second["usd_most"], second["unpriced"]) == (None, "the judge has no `price`")
    text = call("plan", str(spec), cwd=tmp_path).out
    assert "judge judges 10 answers, in none of the sums" in text
    assert "what that takes is not in these numbers" not in text
