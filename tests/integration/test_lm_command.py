"""`python -m bakeoff.lm`: lm-eval's own command line with our model, groups included."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.lm_tasks import write_quiz

from bakeoff.testing.truth import Fault, TruthProcess, TruthSettings

pytest.importorskip("lm_eval.api.model", reason="needs lm-eval")
pytestmark = pytest.mark.timeout(300)


def lm_eval(tasks: Path, url: str, names: str, *more: str) -> "subprocess.CompletedProcess[str]":
    arguments = f"base_url={url},model=m,target=mine,attempts=1,totals=totals.json"
    words = ["run", "--model", "bakeoff", "--model_args", arguments, "--tasks", names]
    return subprocess.run(
        [sys.executable, "-m", "bakeoff.lm", *words, "--include_path", str(tasks), *more],
        cwd=tasks,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tasks / "hf")},
        capture_output=True,
        check=False,
        text=True,
        timeout=280,
    )


def test_a_group_is_evaluated_and_its_results_hold_the_totals(tmp_path: Path) -> None:
    tasks = write_quiz(tmp_path, "tag: sums\n")
    text = (tasks / "quiz.yaml").read_text()
    (tasks / "other.yaml").write_text(text.replace("task: quiz", "task: other"))
    (tasks / "group.yaml").write_text("group: all_sums\ntask: [quiz, other]\n")
    with TruthProcess(TruthSettings(answer="arithmetic")) as server:
        done = lm_eval(tasks, server.url, "all_sums", "--output_path", "out", "--log_samples", "--limit", "3")
        asked = len(server.truth())
    assert done.returncode == 0, done.stderr[-3000:]
    assert "mine: 6 sent" in done.stderr
    (path,) = (tasks / "out").rglob("results_*.json")
    found = json.loads(path.read_text())
    assert [found["results"][name]["exact_match,strict"] for name in ("quiz", "other")] == [1.0, 1.0]
    assert found["config"]["bakeoff"] == json.loads((tasks / "totals.json").read_text())
    assert found["config"]["bakeoff"]["sent"]["answers"] == asked == 6


def test_a_failing_endpoint_ends_it_without_a_traceback(tmp_path: Path) -> None:
    tasks = write_quiz(tmp_path)
    with TruthProcess(TruthSettings(faults=(Fault(kind="500"),))) as server:
        done = lm_eval(tasks, server.url, "quiz")
    assert done.returncode == 4, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    assert "requests failed" in done.stderr
    assert "http_500: HTTP 500" in done.stderr
    assert json.loads((tasks / "totals.json").read_text())["sent"]["outcomes"]["error"] >= 1
