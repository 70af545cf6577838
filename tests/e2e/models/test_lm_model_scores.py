"""A real engine: lm-eval through our client scores as our own run of the same task, to the last digit."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.models.engine import smol
from tests.integration.commands import call
from tests.lm_tasks import GSM8K, HELLASWAG, write_task

from bakeoff.deployers.local import Local
from bakeoff.records import Deployment

pytest.importorskip("lm_eval.api.model", reason="needs lm-eval")
# The first test of a machine fetches 100 MB.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ITEMS = 3
FILES = {"gsm8k_local": (GSM8K, "gsm8k_test.jsonl"), "hellaswag_local": (HELLASWAG, "hellaswag.jsonl")}


@pytest.fixture
def server() -> Iterator[Deployment]:
    """Start a server of our own for each test, so that nothing is in its caches."""
    with smol() as deployment:
        yield deployment


def environment(folder: Path, server: Deployment) -> dict[str, str]:
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    return dict(os.environ) | offline | {"KEY": server.api_key or ""}


def answers(folder: Path, task: str) -> dict[str, Any]:
    """Return the scores, answers and totals of the latest files that lm-eval, or we for it, have written."""
    path = max(folder.rglob("results_*.json"))
    rows = [json.loads(line) for line in max(folder.rglob("samples_*.jsonl")).read_text().splitlines()]
    found = json.loads(path.read_text())
    return {
        "scores": found["results"][task],
        "resps": {(row["doc_id"], row["filter"]): row["resps"] for row in rows},
        "totals": found["config"].get("bakeoff"),
    }


def by_our_run(folder: Path, task: str, server: Deployment, **benchmark: Any) -> dict[str, Any]:
    models = [
        {
            "name": "m",
            "endpoint": server.endpoint,
            "model": "m",
            "api_key": "${KEY}",
            "params": {"seed": 1234},
        }
    ]
    asked = {"name": "b", "lm_eval": task, "include_path": str(folder / "tasks"), "limit": ITEMS}
    asked |= {"load": {"kind": "sequential"}} | benchmark
    (folder / "bakeoff.yaml").write_text(yaml.safe_dump({"models": models, "benchmarks": [asked]}))
    done = call("run", "--quiet", cwd=folder, env=environment(folder, server), timeout=400)
    assert done.code == 0, done.err
    done = call("export", "--format", "lm_eval", "--to", "files", cwd=folder, env=environment(folder, server))
    assert done.code == 0, done.err
    return answers(folder / "files", task)


def by_lm_eval(folder: Path, task: str, server: Deployment, *more: str) -> dict[str, Any]:
    arguments = f"base_url={server.endpoint},model=m,api_key_env=KEY,concurrency=1,store=store"
    words = ["--model", "bakeoff", "--model_args", arguments, "--tasks", task, "--limit", str(ITEMS)]
    words += ["--include_path", str(folder / "tasks"), "--output_path", "theirs", "--log_samples", *more]
    done = subprocess.run(
        [sys.executable, "-m", "bakeoff.lm", "run", *words],
        cwd=folder,
        env=environment(folder, server),
        capture_output=True,
        check=False,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (server.api_key or "no key") not in done.stdout + done.stderr
    return answers(folder / "theirs", task)


@pytest.mark.parametrize("form", ["completion", "chat"])
def test_gsm8k_scores_as_in_our_own_run(form: str, server: Deployment, tmp_path: Path) -> None:
    write_task(tmp_path / "tasks", *FILES["gsm8k_local"])
    chat = ["--apply_chat_template"] if form == "chat" else []
    found = by_lm_eval(tmp_path, "gsm8k_local", server, *chat)
    ours = by_our_run(tmp_path, "gsm8k_local", server, prompt={"form": form})
    assert found["resps"] == ours["resps"]
    assert found["scores"] == ours["scores"]
    assert found["totals"]["sent"]["answers"] == ITEMS


def test_hellaswag_scores_as_in_our_own_run_and_again_without_a_request(
    server: Deployment, tmp_path: Path
) -> None:
    write_task(tmp_path / "tasks", *FILES["hellaswag_local"])
    found = by_lm_eval(tmp_path, "hellaswag_local", server)
    ours = by_our_run(tmp_path, "hellaswag_local", server, multiple_choice="likelihood")
    assert found["scores"] == ours["scores"]
    assert flat(found) == pytest.approx(
        flat(ours), abs=0.3
    )  # what a server computed before changes its rounding
    told = found["totals"]
    assert (told["sent"]["answers"], told["likelihoods"]) == (ITEMS, "grammar")
    asyncio.run(Local().stop(server))
    again = by_lm_eval(tmp_path, "hellaswag_local", server)
    assert again["resps"] == found["resps"]
    assert again["scores"] == found["scores"]
    assert (again["totals"]["sent"]["answers"], again["totals"]["stored"]["answers"]) == (0, ITEMS)


def flat(found: dict[str, Any]) -> list[float]:
    """Return the log-likelihoods of all choices, in order."""
    return [float(resp[0][0]) for _, resps in sorted(found["resps"].items()) for resp in resps]
