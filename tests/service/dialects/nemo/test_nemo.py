"""Evaluations as NeMo's clients ask for them, run by real workers against a model that computes."""

import json
import time

import pytest
import sacrebleu
from tests.service.dialects.answering import answering
from tests.service.dialects.nemo.calls import (
    EQUALS,
    PAGE,
    ROOT,
    ROWS,
    chat,
    custom,
    finish,
    model,
    ran,
    refused,
    store,
    submit,
)
from tests.service.live import Live

from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)


def test_the_pages_custom_example_ends_in_bleu(service: Live, endpoint: TruthProcess):
    rows = [
        {"prompt": "What is 2 + 3?", "ideal_response": "5"},
        {"prompt": "What is 8 + 1?", "ideal_response": "10"},
    ]
    store(service, "default/sample-basic-test", rows)
    result = ran(service, PAGE, model(endpoint, path="/completions"))
    scores = result["tasks"]["qa"]["metrics"]["bleu"]["scores"]
    assert set(scores) == {"sentence", "corpus"}
    assert scores["sentence"]["value"] == pytest.approx(50.0)
    assert scores["sentence"]["stats"]["count"] == 2
    corpus = sacrebleu.corpus_bleu(["5", "9"], [["5", "10"]]).score
    assert scores["corpus"]["value"] == pytest.approx(corpus)


def test_stats_are_those_of_the_rows(service: Live, endpoint: TruthProcess):
    result = ran(service, custom(), model(endpoint))
    score = result["tasks"]["sums"]["metrics"]["right"]["scores"]["string-check"]
    assert score["value"] == 0.75
    assert score["stats"] == {
        "count": 4,
        "sum": 3.0,
        "sum_squared": 3.0,
        "min": 0.0,
        "max": 1.0,
        "mean": 0.75,
        "variance": 0.25,
        "stddev": 0.5,
        "stderr": 0.25,
        "nan_count": 0,
    }
    assert result["groups"] == {}


def test_parameters_are_sent_as_they_are_asked(service: Live, endpoint: TruthProcess):
    params = {
        "parallelism": 1,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["x"],
        "max_retries": 0,
        "request_timeout": 9,
    }
    begun = submit(service, custom(params=params), model(endpoint)).json
    document = service.service.jobs.get(begun["id"], project="default").document
    assert document["sampling"] == {"temperature": None, "max_tokens": None}
    assert document["timeout"]["total"] == 9
    (benchmark,) = document["benchmarks"]
    assert benchmark["params"] == {"temperature": 0.5, "top_p": 0.9, "stop": ["x"], "max_tokens": 16}
    assert (benchmark["attempts"], benchmark["load"]["concurrency"]) == (1, 1)
    assert finish(service, begun["id"])["status"] == "completed"


def test_what_is_asked_goes_over_what_a_registered_model_says(service: Live):
    with answering() as talker:
        params = {"temperature": 0.3, "max_tokens": 7, "stop": ["zz"], "top_p": 0.4}
        target = {"endpoint": talker.url, "model": "m", "params": params}
        assert service.call("PUT", "/api/v1/targets/with-params", target).status in {200, 201}
        asked = {"temperature": 0.9, "max_tokens": 55}
        task = chat(params={"template": {"messages": [{"role": "user", "content": "{{question}}"}]}})
        body = {
            "config": custom(task, params=asked),
            "target": {"type": "model", "model": "with-params"},
        }
        assert service.call("POST", f"{ROOT}/live", body).status == 200
        sent = [each for each in talker.bodies if "messages" in each]
    assert len(sent) == len(ROWS)
    for each in sent:
        # What nobody asked for is the registered model's.
        assert {name: each.get(name) for name in params} == params | asked


def test_groups_take_the_rows_of_their_tasks_together(service: Live, endpoint: TruthProcess):
    config = custom(
        tasks={"a": chat(dataset={"files_url": "default/sums", "limit": 3}), "b": chat()},
        groups={"all": {"tasks": ["a", "b"]}},
    )
    result = ran(service, config, model(endpoint))
    score = result["groups"]["all"]["metrics"]["right"]["scores"]["string-check"]
    assert (score["stats"]["count"], score["stats"]["sum"]) == (7, 6.0)


@pytest.mark.parametrize(
    ("check", "share"),
    [
        (["{{ item.right }}", "equals", "{{ output_text | trim }}"], 0.75),
        (["{{sample.output_text}}", "not equals", "{{right}}"], 0.25),
        (["{{sample.output_text}}", "startswith", "4"], 0.25),
        (["{{sample.output_text | lower}}", "endswith", "2"], 0.25),
        (["a {{right}} b", "contains", "{{sample.output_text}}"], 0.75),
        (["{{sample.output_text}}", "not contains", "4"], 0.75),
    ],
)
def test_checks_compare_either_way(service: Live, endpoint: TruthProcess, check: list[str], share: float):
    metric = {"m": {"type": "string-check", "params": {"check": check}}}
    result = ran(service, custom(chat(metrics=metric)), model(endpoint))
    assert result["tasks"]["sums"]["metrics"]["m"]["scores"]["string-check"]["value"] == share


def test_overlap_metrics_have_their_scores(service: Live, endpoint: TruthProcess):
    truth = {"ground_truth": "{{item.right}}"}
    metrics = {kind: {"type": kind, "params": truth} for kind in ("f1", "em", "rouge")}
    result = ran(service, custom(chat(metrics=metrics)), model(endpoint))
    told = result["tasks"]["sums"]["metrics"]
    assert told["f1"]["scores"]["f1_score"]["value"] == 0.75
    assert told["em"]["scores"]["em_score"]["value"] == 0.75
    assert set(told["rouge"]["scores"]) == {
        "rouge_1_score",
        "rouge_2_score",
        "rouge_3_score",
        "rouge_L_score",
    }
    assert told["rouge"]["scores"]["rouge_L_score"]["value"] == 0.75


def test_messages_may_be_one_template_that_makes_json(service: Live, endpoint: TruthProcess):
    rows = [
        {"messages": [{"role": "user", "content": row["question"]}], "right": row["right"]} for row in ROWS
    ]
    store(service, "default/ready", rows)
    task = chat(params={"template": {"messages": "{{ item.messages | tojson }}"}}, dataset="default/ready")
    result = ran(service, custom(task), model(endpoint))
    assert result["tasks"]["sums"]["metrics"]["right"]["scores"]["string-check"]["value"] == 0.75


def test_multiple_choice_rows_run_under_the_name_of_their_benchmark(service: Live, endpoint: TruthProcess):
    rows = [{"question": f"Which is {n}?", "choices": ["1", "2", "3", "4"], "answer": n} for n in range(4)]
    store(service, "mmlu", rows)
    result = ran(service, {"type": "mmlu", "params": {"limit_samples": 3}}, model(endpoint))
    (metric,) = result["tasks"]["mmlu"]["metrics"].values()
    (score,) = metric["scores"].values()
    assert score["stats"]["count"] == 3


def test_rows_and_cached_answers_are_graded_without_a_model(service: Live):
    rows = [{"said": "a b", "wanted": "b"}, {"said": "a", "wanted": "b"}]
    check = {"type": "string-check", "params": {"check": ["{{said}}", "contains", "{{wanted}}"]}}
    config = custom({"type": "data", "metrics": {"has": check}})
    begun = submit(service, config, {"type": "rows", "rows": rows}).json
    assert begun["status"] == "completed"
    result = service.call("GET", f"{ROOT}/jobs/{begun['id']}/results").json
    assert result["tasks"]["sums"]["metrics"]["has"]["scores"]["string-check"]["value"] == 0.5
    store(
        service,
        "default/cached",
        [{"input": {"right": "5"}, "output": "5"}, {"right": "6", "output_text": "7"}],
    )
    metrics = {"right": EQUALS, "bleu": {"type": "bleu", "params": {"references": ["{{right}}"]}}}
    task = {"type": "completion", "params": {"template": {"prompt": "{{x}}"}}, "metrics": metrics}
    target = {
        "type": "cached_outputs",
        "cached_outputs": {"files_url": "hf://datasets/default/cached/a.json"},
    }
    told = ran(service, custom(task), target)["tasks"]["sums"]["metrics"]
    assert told["right"]["scores"]["string-check"]["value"] == 0.5
    assert told["bleu"]["scores"]["corpus"]["stats"]["count"] == 2
    dataset = {"type": "dataset", "dataset": "default/cached"}
    metric = {"type": "em", "params": {"ground_truth": "7", "prediction": "{{output_text or output}}"}}
    refused(submit(service, custom({"type": "data", "metrics": {"m": metric}}), dataset), "m")
    assert service.call("GET", f"{ROOT}/jobs/{begun['id']}/status").json["progress"] == 100
    assert service.call("GET", f"{ROOT}/jobs/{begun['id']}/logs").status == 200
    assert service.call("POST", f"{ROOT}/jobs/{begun['id']}/cancel").json["status"] == "completed"
    assert service.call("DELETE", f"{ROOT}/jobs/{begun['id']}").status == 200


def test_tool_calls_are_compared_by_name_and_by_arguments(service: Live):
    call = {"function": {"name": "add", "arguments": {"a": 1}}}
    rows = [
        {"output_text": json.dumps({"name": "add", "arguments": {"a": 1}}), "tool_calls": [call]},
        {"output_text": json.dumps({"name": "add", "arguments": {"a": 2}}), "tool_calls": [call]},
    ]
    params = {"tool_calls_ground_truth": "{{ item.tool_calls | tojson }}"}
    config = custom({"type": "data", "metrics": {"tools": {"type": "tool-calling", "params": params}}})
    answer = service.call(
        "POST", f"{ROOT}/live", {"config": config, "target": {"type": "rows", "rows": rows}}
    )
    scores = answer.json["result"]["tasks"]["sums"]["metrics"]["tools"]["scores"]
    assert scores["function_name_accuracy"]["value"] == 1.0
    assert scores["function_name_and_args_accuracy"]["value"] == 0.5


def test_a_live_evaluation_of_a_model_leaves_nothing_behind(service: Live, endpoint: TruthProcess):
    before = service.call("GET", f"{ROOT}/jobs").json["pagination"]["total_results"]
    answer = service.call("POST", f"{ROOT}/live", {"config": custom(), "target": model(endpoint)})
    assert (
        answer.json["result"]["tasks"]["sums"]["metrics"]["right"]["scores"]["string-check"]["value"] == 0.75
    )
    assert service.call("GET", f"{ROOT}/jobs").json["pagination"]["total_results"] == before
    assert service.call("GET", "/api/v1/runs?dialect=nemo-live").json["data"] == []


def test_status_tells_progress_and_tasks_while_a_job_runs(service: Live, endpoint: TruthProcess):
    store(
        service, "default/many", [{"question": f"What is {n} + 1?", "right": str(n + 1)} for n in range(300)]
    )
    task = chat(dataset="default/many")
    job = submit(service, custom(tasks={"a": task, "b": task}), model(endpoint, "slow")).json["id"]
    while not (told := service.call("GET", f"{ROOT}/jobs/{job}/status").json)["samples_processed"]:
        time.sleep(0.02)
    assert 0 < told["progress"] < 100
    assert told["task_status"] == {"a": "running", "b": "pending"}
    partial = service.call("GET", f"{ROOT}/jobs/{job}/results").json
    assert partial["tasks"]["a"]["metrics"]["right"]["scores"]["string-check"]["value"] == 1.0
    refused(service.call("DELETE", f"{ROOT}/jobs/{job}"), job, status=409)
    cancelled = service.call("POST", f"{ROOT}/jobs/{job}/cancel")
    assert cancelled.json["status"] in {"cancelling", "cancelled"}
    assert finish(service, job, within=10)["status"] == "cancelled"
    assert service.call("DELETE", f"{ROOT}/jobs/{job}").json["id"] == job
    refused(service.call("GET", f"{ROOT}/jobs/{job}"), job, status=404)


def test_a_judge_gives_scores_on_its_own_scale(service: Live, endpoint: TruthProcess):
    ask = "{{question}} {{item.right}} {{sample.output_text}} {{output_text}} What is 3 + 4?"
    judge = {
        "type": "llm-judge",
        "params": {
            "model": {"api_endpoint": {"url": endpoint.url + "/chat/completions", "model_id": "sums"}},
            "template": {"messages": [{"role": "user", "content": ask}], "max_tokens": 8},
            "scores": {"quality": {"type": "int", "parser": {"type": "regex", "pattern": r"(\d+)"}}},
        },
    }
    result = ran(service, custom(chat(metrics={"judged": judge})), model(endpoint))
    asked = result["tasks"]["sums"]["metrics"]["judged"]["scores"]["quality"]
    rows = [{**row, "output_text": "x"} for row in ROWS[:2]]
    data = custom({"type": "data", "metrics": {"judged": judge}})
    given = service.call(
        "POST", f"{ROOT}/live", {"config": data, "target": {"type": "rows", "rows": rows}}
    ).json
    told = given["result"]["tasks"]["sums"]["metrics"]["judged"]["scores"]["quality"]
    assert (asked["stats"]["count"], told["stats"]["count"]) == (4, 2)
    assert asked["value"] > 1 < told["value"]
