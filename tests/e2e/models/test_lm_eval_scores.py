"""The same task on the same endpoint: bakeoff's score is lm-eval's own, to the last digit."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.models.engine import smol
from tests.integration.commands import call
from tests.lm_tasks import GSM8K, write_task

from bakeoff.importers.lm_eval import LmEval
from bakeoff.records import Deployment, Sample
from bakeoff.stores.jsonl import read_records

pytest.importorskip("lm_eval", reason="needs lm-eval")
# The first test of a machine fetches 100 MB.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ITEMS = 5
THEIRS = """
import json, sys
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

model, url, tasks, name, chat, items = sys.argv[1:]
path = "chat/completions" if chat == "chat" else "completions"
arguments = {"model": "m", "base_url": f"{url}/{path}", "num_concurrent": 1, "tokenizer_backend": None}
found = simple_evaluate(
    model=model,
    model_args=arguments | {"tokenized_requests": False},
    tasks=[name],
    limit=int(items),
    apply_chat_template=chat == "chat",
    fewshot_as_multiturn=chat == "chat",
    task_manager=TaskManager(include_path=tasks, include_defaults=False),
)
print(json.dumps({"results": found["results"][name], "samples": [
    [s["doc_id"], s["filter"], s["resps"], s["filtered_resps"]] for s in found["samples"][name]
]}))
"""
OURS = """
name: same
models:
  - name: m
    endpoint: {url}
    model: m
    api_key: ${{KEY}}
    params: {{seed: 1234}}
benchmarks:
  - name: gsm
    lm_eval: gsm8k_local
    include_path: {tasks}
    limit: {items}
    prompt: {{form: {form}}}
    load: {{kind: sequential}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Deployment]:
    with smol() as deployment:
        yield deployment


def theirs(server: Deployment, tasks: Path, form: str) -> dict[str, Any]:
    model = "local-chat-completions" if form == "chat" else "local-completions"
    done = subprocess.run(
        [sys.executable, "-c", THEIRS, model, server.endpoint, tasks, "gsm8k_local", form, str(ITEMS)],
        env=environment(tasks) | {"OPENAI_API_KEY": server.api_key or ""},
        capture_output=True,
        check=False,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def environment(tasks: Path) -> dict[str, str]:
    return dict(os.environ) | {
        "HF_HOME": str(tasks / "hf"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
    }


@pytest.mark.parametrize("form", ["completion", "chat"])
def test_gsm8k_scores_as_lm_eval_does(form: str, server: Deployment, tmp_path: Path) -> None:
    tasks = write_task(tmp_path / "tasks", GSM8K, "gsm8k_test.jsonl")
    spec = OURS.format(url=server.endpoint, tasks=tasks, items=ITEMS, form=form)
    (tmp_path / "bakeoff.yaml").write_text(spec)
    secret = environment(tasks) | {"KEY": server.api_key or ""}
    call("run", "bakeoff.yaml", cwd=tmp_path, env=secret, timeout=400)
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/samples*"))
    texts = {sample.case: sample for sample in read_records(run, Sample)}
    wanted = theirs(server, tasks, form)
    said = {str(doc): resps[0][0] for doc, kind, resps, _ in wanted["samples"] if kind == "strict-match"}
    assert {name: sample.text for name, sample in texts.items()} == said
    assert call("export", "--format", "lm_eval", "--to", "files", cwd=tmp_path, env=secret).code == 0
    (results,) = (tmp_path / "files").rglob("results_*.json")
    ours = json.loads(results.read_text())["results"]["gsm8k_local"]
    assert ours == wanted["results"]
    if form == "completion":  # the chat answers are all wrong
        assert ours["exact_match,flexible-extract"] > 0
    read = LmEval().read(results)
    assert [each.metrics.keys() for each in read.reported] == [
        {"exact_match,strict-match", "exact_match,flexible-extract"}
    ]
