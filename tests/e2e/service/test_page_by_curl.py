"""The examples of the page that users of the old API know, typed into curl word for word.

Its paths have no version, its run body names the benchmark twice, its sampling parameters are flat.
"""

import json
import shutil
import subprocess
from typing import Any

import pytest
from tests.e2e.service.live import Service, many_rows, post, store_rows, until

CURL = shutil.which("curl")
MODEL = "meta-llama/Llama3.1-8B-Instruct"
ACADEMIC = '{"benchmark_id": "mmlu", "dataset_id": "", "scoring_functions": [], "metadata": {"type": "mmlu"}}'
CUSTOM = """{
  "benchmark_id": "my-custom-benchmark",
  "dataset_id": "",
  "scoring_functions": [],
  "metadata": {
    "type": "custom",
    "params": {
      "parallelism": 8
    },
    "tasks": {
      "qa": {
        "type": "completion",
        "params": {
          "template": {
            "prompt": "{{prompt}}",
            "max_tokens": 200
          }
        },
        "dataset": {
          "files_url": "hf://datasets/default/sample-basic-test/testing/testing.jsonl"
        },
        "metrics": {
          "bleu": {
            "type": "bleu",
            "params": {
              "references": [
                "{{ideal_response}}"
              ]
            }
          }
        }
      }
    }
  }
}"""
RUN = """{
  "benchmark_id": "my-custom-benchmark",
  "benchmark_config": {
    "eval_candidate": {
      "type": "model",
      "model": "meta-llama/Llama3.1-8B-Instruct",
      "sampling_params": {
        "max_tokens": 100,
        "temperature": 0.7
      }
    },
    "scoring_params": {}
  }
}"""
NAME = "my-custom-benchmark"
JOBS = f"/eval/benchmarks/{NAME}/jobs"

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(CURL is None, reason="needs curl"),
]


def curl(service: Service, method: str, path: str, body: str | None = None) -> Any:
    """Do what a person types, and fail as `curl --fail` does."""
    assert CURL is not None
    command = [CURL, "-sS", "--fail-with-body", "-X", method, service.url + path]
    if service.key is not None:
        command += ["-H", f"Authorization: Bearer {service.key}"]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d", body]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture
def page(service: Service) -> Service:
    """Give the page's dataset and model name something to stand for."""
    table = [
        {"prompt": "What is 2 + 3?", "ideal_response": "5"},
        {"prompt": "What is 8 + 1?", "ideal_response": "10"},
    ]
    store_rows(service, "default/sample-basic-test", table)
    post(service, "/v1/models", {"model_id": MODEL, "provider_model_id": service.model})
    return service


def run(service: Service) -> str:
    """Start the page's evaluation and return the job."""
    begun = curl(service, "POST", JOBS, RUN)
    assert begun["status"] in {"scheduled", "in_progress", "completed"}
    return str(begun["job_id"])


def status(service: Service, job: str) -> str:
    """Ask for the status as the page does."""
    found = curl(service, "GET", f"{JOBS}/{job}")
    assert found["job_id"] == job
    return str(found["status"])


def test_an_academic_benchmark_is_registered(page: Service) -> None:
    assert curl(page, "POST", "/eval/benchmarks", ACADEMIC) is None
    found = curl(page, "GET", "/eval/benchmarks/mmlu")
    assert (found["dataset_id"], found["scoring_functions"], found["metadata"]) == ("", [], {"type": "mmlu"})


def test_the_custom_evaluation_ends_in_real_scores(page: Service) -> None:
    assert curl(page, "POST", "/eval/benchmarks", CUSTOM) is None
    job = run(page)
    assert until(lambda: status(page, job), lambda told: told in {"completed", "failed"}) == "completed"
    latest = curl(page, "GET", f"/eval/benchmarks/{NAME}/results")
    assert latest == curl(page, "GET", f"{JOBS}/{job}/result")
    told = latest["scores"][NAME]["aggregated_results"]
    assert told["groups"] == {}
    scores = told["tasks"]["qa"]["metrics"]["bleu"]["scores"]
    assert set(scores) == {"sentence", "corpus"}
    sentence = scores["sentence"]["stats"]
    assert sentence["count"] == 2
    assert sentence["max"] > sentence["min"] >= 0
    assert 0 <= scores["corpus"]["value"] <= 100


def test_a_job_is_cancelled_as_on_the_page(page: Service) -> None:
    assert curl(page, "POST", "/eval/benchmarks", CUSTOM) is None
    table = [{"prompt": one["input_query"], "ideal_response": "5"} for one in many_rows()]
    store_rows(page, "default/sample-basic-test", table)
    post(page, "/v1/models", {"model_id": MODEL, "provider_model_id": page.slow})
    job = run(page)
    assert curl(page, "POST", f"{JOBS}/{job}/cancel") is None
    assert (
        until(lambda: status(page, job), lambda told: told not in {"scheduled", "in_progress"}) == "cancelled"
    )
