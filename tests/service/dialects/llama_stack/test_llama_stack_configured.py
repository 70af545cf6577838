"""Benchmarks of Llama Stack without rows of their own: configurations of NeMo and tasks of lm-eval."""

from uuid import uuid4

import pytest
from tests.service.dialects.answering import Answering, answering
from tests.service.dialects.llama_stack.calls import (
    asked,
    config,
    finish,
)
from tests.service.live import Live

pytestmark = pytest.mark.timeout(120)


def test_a_configuration_of_nemo_is_run_with_what_the_candidate_says(
    service: Live, talker: Answering, model: str
):
    rows = [{"prompt": "a", "ideal": "a"}, {"prompt": "b", "ideal": "x"}]
    source = {"type": "rows", "rows": rows}
    service.call("POST", "/v1/datasets", {"dataset_id": "default/letters", "source": source})
    task = {
        "type": "chat-completion",
        "params": {"template": {"messages": [{"role": "user", "content": "{{prompt}}"}], "max_tokens": 9}},
        "dataset": {"files_url": "hf://datasets/default/letters"},
        "metrics": {
            "same": {"type": "string-check", "params": {"check": ["{{ideal}}", "equals", "{{output_text}}"]}}
        },
    }
    name = f"nemo-{uuid4().hex[:8]}"
    body = {"benchmark_id": name, "dataset_id": "", "scoring_functions": []}
    metadata = {"config": {"type": "custom", "tasks": {"qa": task}}}
    service.call("POST", "/v1/eval/benchmarks", body | {"metadata": metadata})
    base = f"/v1/eval/benchmarks/{name}"
    candidate = {"sampling_params": {"temperature": 0.7}}
    begun = service.call("POST", f"{base}/jobs", {"benchmark_config": config(model, candidate=candidate)})
    assert begun.status == 200, begun.body
    assert finish(service, base, begun.json["job_id"])["status"] == "completed"
    told = service.call("GET", f"{base}/results").json
    assert sorted(each["generated_answer"] for each in told["generations"]) == ["a", "b"]
    result = told["scores"][name]
    assert result["score_rows"] == []
    assert (
        result["aggregated_results"]["tasks"]["qa"]["metrics"]["same"]["scores"]["string-check"]["value"]
        == 0.5
    )
    sent = asked(talker)
    assert [(each.get("temperature"), each.get("max_tokens")) for each in sent] == [(0.7, 9)] * 2, sent


def test_a_configuration_is_run_by_the_candidates_parameters_over_those_of_its_model(
    service: Live, talker: Answering
):
    params = {"temperature": 0.3, "max_tokens": 7, "stop": ["zz"], "repetition_penalty": 1.3}
    metadata = {"endpoint": talker.url, "params": params}
    model = f"with-{uuid4().hex[:8]}"
    talker.say = lambda _: "a"
    assert service.call("POST", "/v1/models", {"model_id": model, "metadata": metadata}).status == 200
    source = {"type": "rows", "rows": [{"prompt": "q", "ideal": "a"}]}
    service.call("POST", "/v1/datasets", {"dataset_id": f"default/{model}", "source": source})
    template = {"messages": [{"role": "user", "content": "{{prompt}}"}]}
    check = {"type": "string-check", "params": {"check": ["{{ideal}}", "equals", "{{output_text}}"]}}
    task = {
        "type": "chat-completion",
        "params": {"template": template},
        "dataset": f"default/{model}",
        "metrics": {"same": check},
    }
    body = {"benchmark_id": model, "dataset_id": "", "scoring_functions": []}
    service.call(
        "POST", "/v1/eval/benchmarks", body | {"metadata": {"type": "custom", "tasks": {"qa": task}}}
    )
    asking = {
        "strategy": {"type": "top_p", "temperature": 0.7, "top_p": 0.9},
        "max_tokens": 100,
        "repetition_penalty": 1.0,
    }
    base = f"/v1/eval/benchmarks/{model}"
    talker.bodies.clear()
    begun = service.call(
        "POST",
        f"{base}/jobs",
        {"benchmark_config": config(model, candidate={"sampling_params": asking})},
    )
    assert begun.status == 200, begun.body
    assert finish(service, base, begun.json["job_id"])["status"] == "completed"
    (sent,) = [each for each in asked(talker) if each["messages"][-1]["content"] == "q"]
    wanted = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 100, "repetition_penalty": 1.0, "stop": ["zz"]}
    assert {name: sent.get(name) for name in wanted} == wanted


def test_a_task_is_run_by_its_name_and_scored_as_task_and_metric(service: Live):
    with answering() as endpoint:
        endpoint.say = lambda body: "no idea" if "riddle" in str(body.get("messages")) else "A"
        target = {"model_id": "letters", "metadata": {"endpoint": endpoint.url}}
        assert service.call("POST", "/v1/models", target).status == 200
        run_task(service, "letters")


def run_task(service: Live, model: str) -> None:
    rows = [
        {"question": text, "choices": ["x", "y"], "answer": right}
        for text, right in (("one letter", 0), ("other letter", 1), ("a riddle", 0))
    ]
    source = {"type": "rows", "rows": rows}
    service.call("POST", "/v1/datasets", {"dataset_id": "letters", "source": source})
    name = "trustyai_lmeval::letters"
    body = {"benchmark_id": name, "dataset_id": name, "scoring_functions": ["string"]}
    service.call("POST", "/v1/eval/benchmarks", body | {"provider_id": "trustyai_lmeval"})
    base = f"/v1/eval/benchmarks/{name}"
    begun = service.call("POST", f"{base}/jobs", {"benchmark_config": config(model)})
    assert begun.status == 200, begun.body
    assert finish(service, base, begun.json["job_id"])["status"] == "completed"
    told = service.call("GET", f"{base}/results").json
    (metric,) = told["scores"]
    assert metric.startswith("letters:")
    scores = told["scores"][metric]
    assert sorted(row["score"] for row in scores["score_rows"] if row["score"] is not None) == [0.0, 1.0]
    (lost,) = [row for row in scores["score_rows"] if row["score"] is None]
    assert lost["outcome"] == "unparsable"
    (target,) = service.call("GET", f"/api/v1/runs/{begun.json['job_id']}/results").json["targets"]
    own = target["metrics"][metric.replace("letters:", "letters.")]["value"]
    assert scores["aggregated_results"]["average"]["average"] == own == pytest.approx(1 / 3)
