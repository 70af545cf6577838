"""A real vLLM server: what it can do, likelihoods of whole choices, and scores equal to lm-eval's own.

Not started here, since vLLM takes gigabytes. `BAKEOFF_VLLM` is the base URL of a server that somebody runs,
with `/v1`; `BAKEOFF_VLLM_LM_EVAL` the Python of an environment with lm-eval and transformers and, after a
space, the folder or name of the tokenizer.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.commands import call
from tests.lm_tasks import DATA, GSM8K, HELLASWAG, write_task

from bakeoff.records import Sample
from bakeoff.stores.jsonl import read_records

ENDPOINT = os.environ.get("BAKEOFF_VLLM", "")
HARNESS, _, TOKENIZER = os.environ.get("BAKEOFF_VLLM_LM_EVAL", "").partition(" ")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not ENDPOINT, reason="needs a vLLM server: BAKEOFF_VLLM names its endpoint"),
]
ROWS = 16
FILES = {"hellaswag_local": (HELLASWAG, "hellaswag.jsonl"), "gsm8k_local": (GSM8K, "gsm8k_test.jsonl")}
THEIRS = """
import json, sys
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

url, model, tokenizer, tasks, name, items = sys.argv[1:]
found = simple_evaluate(
    model="local-completions",
    model_args={
        "model": model, "base_url": f"{url}/completions", "num_concurrent": 1, "tokenized_requests": False,
        "tokenizer_backend": "huggingface", "tokenizer": tokenizer,
    },
    tasks=[name],
    limit=int(items),
    task_manager=TaskManager(include_path=tasks, include_defaults=False),
)
print(json.dumps(found["results"][name]))
"""


def served() -> str:
    """Return the name of the model that the server has."""
    listed = call("models", "list", "--endpoint", ENDPOINT, "--json", cwd=Path.cwd())
    return str(listed.document()["models"][0]["name"])


def run(folder: Path, **benchmark: Any) -> Path:
    """Run one benchmark, in a folder of its own, and return the run's directory."""
    folder.mkdir()
    models = [{"name": "m", "endpoint": ENDPOINT, "model": served(), "params": {"seed": 1234}}]
    asked = {"name": "b", "limit": ROWS, "load": {"concurrency": 4}} | benchmark
    (folder / "bakeoff.yaml").write_text(yaml.safe_dump({"models": models, "benchmarks": [asked], "seed": 7}))
    done = call("run", "--quiet", cwd=folder, timeout=850)
    assert done.code == 0, done.err
    (found,) = (path.parent for path in (folder / "runs").glob("*/samples*"))
    return found


def results(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "report" / "results.json").read_text()))


def test_what_vllm_can_do_is_seen() -> None:
    done = call("models", "probe", "--endpoint", ENDPOINT, "--json", cwd=Path.cwd(), timeout=600)
    assert done.code == 0, done.err
    (found,) = done.document()["capabilities"]
    can = ("chat", "completions", "streaming", "streaming_usage", "prompt_logprobs", "chat_top_logprobs")
    assert [found[name] for name in can] == [True] * len(can)
    assert (found["token_grammar"], found["tokenizer"]) == (False, "vllm")
    assert found["context"] > 0


def test_whole_choices_are_compared_and_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    data = DATA / "hellaswag.jsonl"
    if not data.is_file():
        pytest.skip("the data are not here; BAKEOFF_TEST_DATA names their folder")
    one, two = (run(tmp_path / name, dataset=str(data)) for name in ("one", "two"))
    assert results(one)["benchmarks"]["b"]["multiple choice"]["mode"] == "prompt_logprobs"
    first, second = (
        {sample.case: sample for sample in read_records(folder, Sample)} for folder in (one, two)
    )
    assert len(first) == ROWS
    for case, sample in first.items():
        found = [each.logprob for each in sample.likelihoods]
        assert len(set(found)) == len(found) > 1
        again = [each.logprob for each in second[case].likelihoods]
        # Batches are put together by chance, and a sum in bfloat16 depends on its batch.
        assert again == pytest.approx(found, abs=1.0)
    shares = [results(folder)["targets"][0]["metrics"]["b.acc_norm"]["value"] for folder in (one, two)]
    assert abs(shares[0] - shares[1]) <= 2 / ROWS


@pytest.mark.skipif(not TOKENIZER, reason="BAKEOFF_VLLM_LM_EVAL names a Python with lm-eval, and a tokenizer")
@pytest.mark.parametrize("name", FILES)
def test_scores_are_lm_evals_own_to_the_digit(name: str, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason="needs lm-eval")
    text, file = FILES[name]
    tasks = write_task(tmp_path / "tasks", text, file)
    own = {"multiple_choice": "auto"} if name == "hellaswag_local" else {"prompt": {"form": "completion"}}
    folder = tmp_path / "ours"
    asked = {"lm_eval": name, "include_path": str(tasks), "load": {"kind": "sequential"}}
    run(folder, **asked, **own)
    assert call("export", "--format", "lm_eval", "--to", "files", cwd=folder).code == 0
    (exported,) = (folder / "files").rglob("results_*.json")
    ours = json.loads(exported.read_text())["results"][name]
    done = subprocess.run(
        [HARNESS, "-c", THEIRS, ENDPOINT, served(), TOKENIZER, tasks, name, str(ROWS)],
        env=os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "OPENAI_API_KEY": "none"},
        capture_output=True,
        check=False,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert ours == json.loads(done.stdout.splitlines()[-1])
