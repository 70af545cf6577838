"""Models whose names are paths, such as `org/model`: registered by one dialect, run and told by every one."""

import time
from collections.abc import Generator
from typing import Any
from urllib.parse import quote

import pytest
from tests.service.live import Live, live

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess, TruthSettings

NAME, OTHER, PLAIN = "meta/llama-3.1-8b", "meta-llama-3.1-8b", "meta-llama-3.1-8b-2"
SUMS = (("2 + 3", "5"), ("7 - 4", "3"), ("6 * 7", "42"), ("8 + 1", "10"))
ROWS = [{"input": f"What is {asked}?", "reference": right} for asked, right in SUMS]
SHARE = 0.75
ENDS = {"completed", "failed", "canceled", "cancelled", "partially_failed"}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def endpoint() -> Generator[TruthProcess]:
    """Run a server that knows the model by its whole name alone."""
    quick = TruthSettings(answer="arithmetic", ttft=0.001, itl=0.0)
    with TruthProcess(TruthSettings(models={NAME: quick, "other": quick})) as process:
        yield process


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, endpoint: TruthProcess) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("service"), workers=2)) as running:
        path = f"/api/v1/targets/{NAME}"
        made = running.call("PUT", path, {"endpoint": endpoint.url})
        assert (made.status, made.json["name"]) == (200, NAME), made.body
        body = {"endpoint": endpoint.url, "model": "other"}
        assert running.call("PUT", f"/api/v1/targets/{OTHER}", body).status == 200
        assert running.call("PUT", "/api/v1/datasets/sums", {"rows": ROWS}).status in {200, 201}
        yield running


def spec(*models: str, **more: Any) -> dict[str, Any]:
    dataset = {"type": "stored", "name": "sums"}
    benchmark = {"name": "sums", "dataset": dataset, "scorers": [{"type": "equals"}]}
    return {"name": "names", "models": list(models), "benchmarks": [benchmark], **more}


def results(service: Live, asked: dict[str, Any]) -> dict[str, Any]:
    """Run a spec to its end and return its results."""
    answer = service.call("POST", "/api/v1/runs", {"spec": asked})
    assert answer.status in {200, 201, 202}, answer.body
    assert service.ended(answer.json["id"])["state"] == "completed"
    found: dict[str, Any] = service.call("GET", f"/api/v1/runs/{answer.json['id']}/results").json
    return found


def until_ended(service: Live, path: str, *state: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while True:
        found: Any = service.call("GET", path).json
        said: Any = found
        for key in state:
            said = said[key]
        if said in ENDS:
            return dict(found)
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_a_run_asks_the_model_by_its_own_name_and_tells_it(service: Live):
    (target,) = results(service, spec(NAME))["targets"]
    assert (target["name"], target["model"]) == ("meta-llama-3.1-8b", NAME)
    assert target["metrics"]["sums.accuracy"]["value"] == SHARE


@pytest.mark.parametrize("order", [(NAME, OTHER), (OTHER, NAME)])
def test_two_models_whose_names_become_one_are_told_apart(service: Live, order: tuple[str, str]):
    targets = results(service, spec(*order))["targets"]
    assert {each["name"]: each["model"] for each in targets} == {OTHER: "other", PLAIN: NAME}


def test_the_rest_of_a_spec_may_use_the_name_too(service: Live):
    asked = spec(NAME, OTHER, decide={"incumbent": NAME})
    asked["benchmarks"][0]["models"] = [NAME]
    found = results(service, asked)
    answered = [each["name"] for each in found["targets"] if each["metrics"].get("sums.accuracy")]
    assert answered == [PLAIN]


def test_one_model_named_twice_is_a_mistake(service: Live):
    answer = service.call("POST", "/api/v1/runs", {"spec": spec(NAME, NAME)})
    assert answer.status == 422
    assert "is taken" in answer.json["error"]["message"]


def test_a_plan_narrows_to_the_name(service: Live):
    whole = service.call("POST", "/api/v1/specs/plan", {"spec": spec(NAME, OTHER)}).json
    asked = {"spec": spec(NAME), "models": [NAME]}
    assert service.call("POST", "/api/v1/specs/plan", asked).json["calls"] * 2 == whole["calls"]


@pytest.mark.parametrize("path", [NAME, quote(NAME, safe="")])
def test_the_own_api_reads_probes_and_forgets_the_target(service: Live, endpoint: TruthProcess, path: str):
    shown = service.call("GET", f"/api/v1/targets/{path}").json
    assert (shown["name"], shown["target"]) == (NAME, {"endpoint": endpoint.url})
    probed = service.call("POST", f"/api/v1/targets/{path}/probe").json
    assert (probed["target"], probed["reachable"]) == (NAME, True)
    gone = f"/api/v1/targets/gone/{path}"
    assert service.call("PUT", gone, {"endpoint": endpoint.url}).status == 200
    assert service.call("DELETE", gone).status == 204
    assert service.call("GET", gone).status == 404


@pytest.mark.parametrize("name", ["/x", "x/", "a//b", "a/../b", "a/probe/", "."])
def test_a_path_that_is_no_name_is_none(service: Live, endpoint: TruthProcess, name: str):
    answer = service.call("PUT", f"/api/v1/targets/{name}", {"endpoint": endpoint.url})
    assert answer.status in {404, 405, 422}


def test_nemo_runs_it(service: Live):
    check = ["{{sample.output_text}}", "equals", "{{item.reference}}"]
    task = {
        "type": "chat-completion",
        "params": {"template": {"messages": [{"role": "user", "content": "{{item.input}}"}]}},
        "dataset": {"files_url": "sums"},
        "metrics": {"right": {"type": "string-check", "params": {"check": check}}},
    }
    config = {"type": "custom", "tasks": {"sums": task}}
    target = {"type": "model", "name": NAME, "namespace": "default", "model": NAME}
    made = service.call("POST", "/v1/evaluation/targets", target)
    assert made.status in {200, 201}, made.body
    job = service.call("POST", "/v1/evaluation/jobs", {"config": config, "target": f"default/{NAME}"})
    assert job.status in {200, 201}, job.body
    ended = until_ended(service, f"/v1/evaluation/jobs/{job.json['id']}", "status")
    assert ended["status"] == "completed", ended
    scores = service.call("GET", f"/v1/evaluation/jobs/{job.json['id']}/results").json
    (score,) = scores["tasks"]["sums"]["metrics"]["right"]["scores"].values()
    assert score["value"] == SHARE
    assert ended["target"]["model"] == NAME


def test_openai_evals_run_it(service: Live):
    criterion = {"type": "string_check", "name": "right", "operation": "eq"}
    criterion |= {"input": "{{sample.output_text}}", "reference": "{{item.reference}}"}
    config = {"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True}
    body = {"data_source_config": config, "testing_criteria": [criterion]}
    made = service.call("POST", "/v1/evals", body).json["id"]
    template = {"type": "template", "template": [{"role": "user", "content": "{{item.input}}"}]}
    content = {"type": "file_content", "content": [{"item": row} for row in ROWS]}
    source = {"type": "completions", "model": NAME, "source": content, "input_messages": template}
    run = service.call("POST", f"/v1/evals/{made}/runs", {"data_source": source})
    assert run.status == 201, run.body
    ended = until_ended(service, f"/v1/evals/{made}/runs/{run.json['id']}", "status")
    assert (ended["status"], ended["model"], ended["result_counts"]["passed"]) == ("completed", NAME, 3)
    assert [each["model_name"] for each in ended["per_model_usage"]] == [NAME]
    items = service.call("GET", f"/v1/evals/{made}/runs/{ended['id']}/output_items").json["data"]
    assert {each["sample"]["model"] for each in items} == {NAME}


def test_evalhub_runs_it(service: Live):
    parameters = {"scorers": [{"type": "equals"}]}
    part = {"id": "sums", "provider_id": "bakeoff", "parameters": parameters}
    body = {"name": "names", "model": {"name": NAME}, "benchmarks": [part]}
    job = service.call("POST", "/api/v1/evaluations/jobs", body)
    assert job.status == 202, job.body
    path = f"/api/v1/evaluations/jobs/{job.json['resource']['id']}"
    ended = until_ended(service, path, "status", "state")
    assert (ended["status"]["state"], ended["model"]["name"]) == ("completed", NAME)
    assert ended["results"]["benchmarks"][0]["metrics"]["accuracy"] == SHARE


def test_llama_stack_runs_it(service: Live):
    columns = [
        {"input_query": row["input"], "expected_answer": row["reference"]}
        | {"chat_completion_input": f'[{{"role": "user", "content": "{row["input"]}"}}]'}
        for row in ROWS
    ]
    candidate = {"type": "model", "model": NAME, "sampling_params": {"max_tokens": 16}}
    body = {
        "dataset_id": "stack",
        "purpose": "eval/question-answer",
        "source": {"type": "rows", "rows": columns},
    }
    assert service.call("POST", "/v1beta/datasets", body).status == 200
    asked = {"benchmark_id": "stack", "dataset_id": "stack", "scoring_functions": ["basic::equality"]}
    assert service.call("POST", "/v1alpha/eval/benchmarks", asked).status == 200
    started = service.call(
        "POST", "/v1alpha/eval/benchmarks/stack/jobs", {"benchmark_config": {"eval_candidate": candidate}}
    )
    assert started.status == 200, started.body
    path = f"/v1alpha/eval/benchmarks/stack/jobs/{started.json['job_id']}"
    assert until_ended(service, path, "status")["status"] == "completed"
    found = service.call("GET", f"{path}/result").json
    assert found["scores"]["basic::equality"]["aggregated_results"]["accuracy"]["accuracy"] == SHARE
