"""Evaluations through the Llama Stack dialect, each with real workers."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from tests.service.dialects.answering import Answering, answering
from tests.service.dialects.llama_stack.calls import (
    TURNS,
    asked,
    benchmark,
    config,
    evaluate,
    finish,
    message,
)
from tests.service.live import Live

pytestmark = pytest.mark.timeout(120)


def test_every_turn_is_sent_in_its_order_after_the_system_message(
    service: Live, talker: Answering, model: str
):
    rows = [{"chat_completion_input": json.dumps(TURNS), "expected_answer": "three"}]
    system = {"role": "system", "content": "Be ${brief} {{now}}."}
    answer = evaluate(service, model, rows, ["basic::equality"], candidate={"system_message": system})
    assert answer.status == 200, answer.body
    assert answer.json["generations"] == [{"generated_answer": "three"}]
    (body,) = asked(talker)
    assert body["messages"] == [system, *TURNS]


@pytest.mark.parametrize(
    ("sampling", "sent"),
    [
        ({}, {"temperature": 0}),
        ({"strategy": {"type": "greedy"}, "max_tokens": 0}, {"temperature": 0}),
        ({"strategy": "greedy", "max_tokens": 7}, {"temperature": 0, "max_tokens": 7}),
        ({"strategy": {"type": "top_p", "temperature": 0.7}}, {"temperature": 0.7, "top_p": 0.95}),
        (
            {"strategy": {"type": "top_p", "temperature": 1.0, "top_p": 0.5}},
            {"temperature": 1, "top_p": 0.5},
        ),
        ({"strategy": {"type": "top_k", "top_k": 3}}, {"top_k": 3}),
        (
            {"temperature": 0.7, "top_p": 0.9, "max_tokens": 100},
            {"temperature": 0.7, "top_p": 0.9, "max_tokens": 100},
        ),
        (
            {"repetition_penalty": 1.2, "stop": ["a", "b"]},
            {"temperature": 0, "repetition_penalty": 1.2, "stop": ["a", "b"]},
        ),
        (
            {"repetition_penalty": 1.0, "stop": "x"},
            {"temperature": 0, "repetition_penalty": 1.0, "stop": ["x"]},
        ),
    ],
)
def test_sampling_parameters_are_sent_exactly(
    service: Live, talker: Answering, model: str, sampling: dict[str, Any], sent: dict[str, Any]
):
    text = f"say {uuid4().hex}"
    rows = [{"input_query": text, "expected_answer": text}]
    candidate = {"sampling_params": sampling}
    assert evaluate(service, model, rows, ["basic::equality"], candidate=candidate).status == 200
    (body,) = (each for each in asked(talker) if each["messages"][-1]["content"] == text)
    plain = {"model", "messages", "stream", "stream_options"}
    assert {name: value for name, value in body.items() if name not in plain} == sent
    assert body["model"] == "org/talker"


@pytest.mark.parametrize(
    ("candidate", "named"),
    [
        ({"type": "agent", "config": {}}, "`agent`"),
        ({"sampling_params": {"best_of": 3}}, "`best_of`"),
        ({"sampling_params": {"strategy": {"type": "beam"}}}, "`beam`"),
        ({"sampling_params": {"strategy": {"type": "greedy", "top_p": 1}}}, "`top_p`"),
        ({"sampling_params": {"strategy": {"type": "top_k"}}}, "top_k"),
        ({"sampling_params": {"strategy": {"type": "greedy"}, "temperature": 1}}, "`temperature`"),
        ({"sampling_params": {"stop": ["a"] * 5}}, "stop"),
        ({"sampling_params": {"max_tokens": "many"}}, "max_tokens"),
        ({"sampling_params": []}, "sampling_params"),
        ({"sampling_params": {"strategy": []}}, "sampling_params.strategy"),
        ({"system_message": {"role": "user", "content": "x"}}, "`user`"),
        ({"system_message": "x"}, "system_message"),
        ({"tools": []}, "`tools`"),
        ({"model": ""}, "eval_candidate.model"),
    ],
)
def test_what_a_candidate_cannot_have_is_refused_by_name(
    service: Live, model: str, candidate: dict[str, Any], named: str
):
    rows = [{"input_query": "a", "expected_answer": "a"}]
    answer = evaluate(service, model, rows, ["basic::equality"], candidate=candidate)
    assert answer.status == 400
    assert named in message(answer)


def test_answers_to_texts_and_conversations_stand_in_the_order_of_the_rows(
    service: Live, talker: Answering, model: str
):
    talker.say = lambda body: "text" if "prompt" in body else "chat"
    rows = [
        {"completion_input": json.dumps({"content": " Once upon"}), "expected_answer": "text"},
        {"chat_completion_input": TURNS, "expected_answer": "chat"},
        {"completion_input": '"a time "', "expected_answer": "chat"},
        {"chat_completion_input": "", "completion_input": "plain", "expected_answer": "text"},
    ]
    answer = evaluate(service, model, rows, ["basic::equality"])
    said = [each["generated_answer"] for each in answer.json["generations"]]
    assert said == ["text", "chat", "text", "text"]
    told = answer.json["scores"]["basic::equality"]
    assert [row["score"] for row in told["score_rows"]] == [1.0, 1.0, 0.0, 1.0]
    assert {body["prompt"] for body in asked(talker) if "prompt" in body} == {
        " Once upon",
        "a time ",
        "plain",
    }


def test_parts_of_a_turn_are_sent_in_openai_form(service: Live, talker: Answering, model: str):
    talker.say = lambda _: "a"
    content = [
        {"type": "text", "text": "look"},
        {"type": "image", "image": {"url": {"uri": "data:image/png;base64,AA=="}}},
        {"type": "image", "image": {"data": "BB=="}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,CC=="}},
        "here",
    ]
    rows = [
        {
            "chat_completion_input": {"messages": [{"role": "user", "content": content}]},
            "expected_answer": "a",
        }
    ]
    assert evaluate(service, model, rows, ["basic::equality"]).status == 200
    (body,) = asked(talker)
    urls = [part["image_url"]["url"][-4:] for part in body["messages"][0]["content"] if "image_url" in part]
    assert urls == ["AA==", "BB==", "CC=="]
    assert body["messages"][0]["content"][-1] == {"type": "text", "text": "here"}


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({}, "row 1: nothing to ask"),
        ({"chat_completion_input": "hello"}, "row 1: `chat_completion_input`"),
        ({"chat_completion_input": "[hello"}, "row 1: `chat_completion_input`"),
        ({"chat_completion_input": '[{"role": "tool", "content": "x"}]'}, "`tool`"),
        ({"chat_completion_input": [{"role": "user", "content": "x", "tool_calls": [1]}]}, "`tool_calls`"),
        ({"chat_completion_input": [{"role": "user", "content": [{"type": "audio"}]}]}, "neither text"),
        ({"chat_completion_input": [{"role": "user", "content": [{"image": {}}]}]}, "neither text"),
        ({"completion_input": {"content": [{"image": {"data": "A"}}]}}, "text only"),
        ({"input_query": "x", "expected_answer": None}, "row 1: no `expected_answer`"),
    ],
)
def test_a_row_that_cannot_be_asked_or_scored_is_refused_with_its_number(
    service: Live, model: str, row: dict[str, Any], named: str
):
    rows = [{"input_query": "a", "expected_answer": "a"}, {"expected_answer": "x", **row}]
    answer = evaluate(service, model, rows, ["basic::equality"])
    assert answer.status == 400
    assert named in message(answer)


def test_a_text_to_complete_has_no_place_for_a_system_message(service: Live, model: str):
    rows = [{"completion_input": "a", "expected_answer": "a"}]
    system = {"role": "system", "content": "x"}
    answer = evaluate(service, model, rows, ["basic::equality"], candidate={"system_message": system})
    assert (answer.status, "system_message" in message(answer)) == (400, True)


def test_a_row_that_fails_has_no_score_and_ends_nothing(service: Live, talker: Answering, model: str):
    def say(body: dict[str, Any]) -> str:
        return "" if body["messages"][-1]["content"] == "silent" else "right"

    talker.say = say
    rows = [{"input_query": text, "expected_answer": "right"} for text in ("a", "silent", "b")]
    answer = evaluate(service, model, rows, ["basic::equality", "basic::subset_of"])
    told = answer.json["scores"]["basic::equality"]
    assert [row["score"] for row in told["score_rows"]] == [1.0, 0.0, 1.0]
    assert told["aggregated_results"]["accuracy"]["num_total"] == 3
    assert answer.json["generations"][1]["outcome"] == "empty"


@pytest.mark.parametrize(
    ("prefix", "key"),
    [("", "benchmark_config"), ("/v1", "benchmark_config"), ("/v1alpha", "task_config")],
)
def test_a_run_in_every_spelling(service: Live, model: str, prefix: str, key: str):
    rows = [{"input_query": text, "expected_answer": "a"} for text in "abaa"]
    name = benchmark(service, rows, "basic::equality")
    base = f"{prefix}/eval/{'tasks' if key == 'task_config' else 'benchmarks'}/{name}"
    asked_for = config(model, num_examples=3, scoring_params=[]) | {"type": "benchmark"}
    begun = service.call("POST", f"{base}/jobs", {"benchmark_id": name, key: asked_for})
    assert begun.status == 200, begun.body
    ended = finish(service, base, begun.json["job_id"])
    assert (ended["status"], ended["error"]) == ("completed", None)
    assert ended["progress"] == {"done": 3, "total": 3, "failed": 0}
    assert ended["created_at"] < ended["finished_at"]
    one = service.call("GET", f"{base}/jobs/{begun.json['job_id']}/result").json
    assert one["scores"]["basic::equality"]["aggregated_results"] == {
        "accuracy": {"accuracy": pytest.approx(2 / 3), "num_correct": 2.0, "num_total": 3}
    }
    for path in ("/results", "/result", f"/jobs/{begun.json['job_id']}/results"):
        assert service.call("GET", base + path).json == one


def test_the_same_idempotency_key_gives_the_same_job(service: Live, model: str):
    name = benchmark(service, [{"input_query": "a", "expected_answer": "a"}], "basic::equality")
    path, body = f"/v1/eval/benchmarks/{name}/jobs", {"benchmark_config": config(model)}
    first, again = (service.call("POST", path, body, headers={"Idempotency-Key": name}) for _ in range(2))
    assert first.json["job_id"] == again.json["job_id"]
    finish(service, path.removesuffix("/jobs"), first.json["job_id"])


def test_a_cancelled_job_keeps_what_was_answered(service: Live):
    def say(body: dict[str, Any]) -> str:
        time.sleep(0.05)
        return str(body["messages"][-1]["content"])

    # An endpoint of its own: what is on its way at the end would be counted by another test.
    with answering() as slow:
        slow.say = say
        target = {"model_id": "slow", "metadata": {"endpoint": slow.url}}
        assert service.call("POST", "/v1/models", target).status == 200
        cancel_some(service, "slow")


def cancel_some(service: Live, model: str) -> None:
    rows = [{"input_query": f"q{at}", "expected_answer": f"q{at}"} for at in range(500)]
    name = benchmark(service, rows, "basic::equality")
    base = f"/v1alpha/eval/benchmarks/{name}"
    job = service.call("POST", f"{base}/jobs", {"benchmark_config": config(model)}).json["job_id"]
    early = service.call("GET", f"{base}/jobs/{job}/result")
    assert (early.status, "no result yet" in message(early)) == (400, True)
    assert service.call("GET", f"{base}/results").status == 404
    waiting = service.call("POST", f"{base}/jobs", {"benchmark_config": config(model)}).json["job_id"]
    assert service.call("POST", f"{base}/jobs/{waiting}/cancel").json is None
    never = service.call("GET", f"{base}/jobs/{waiting}/result")
    assert (never.status, "before it began" in message(never)) == (400, True)
    while service.call("GET", f"{base}/jobs/{job}").json["progress"]["done"] == 0:
        time.sleep(0.02)
    cancelled = service.call("DELETE", f"{base}/jobs/{job}")
    assert (cancelled.status, cancelled.json) == (200, None)
    assert finish(service, base, job)["status"] == "cancelled"
    kept = service.call("GET", f"{base}/jobs/{job}/result").json
    assert len(kept["generations"]) == 500
    told = [row["score"] for row in kept["scores"]["basic::equality"]["score_rows"]]
    assert 0 < told.count(1.0) < 500
    assert told.count(None) == 500 - told.count(1.0)
    assert kept["generations"][-1] == {"generated_answer": "", "outcome": "missing"}


def test_a_run_that_lacks_something_is_refused_before_it_begins(service: Live, model: str):
    name = benchmark(service, [{"input_query": "a", "expected_answer": "a"}], "basic::equality")
    path = f"/v1/eval/benchmarks/{name}/jobs"
    params = {"basic::subset_of": {"type": "basic"}}
    other = service.call("POST", path, {"benchmark_config": config(model, scoring_params=params)})
    assert (other.status, "`basic::subset_of`" in message(other)) == (400, True)
    lost = service.call("POST", path, {"benchmark_config": config("nobody")})
    assert (lost.status, message(lost)) == (404, "Model 'nobody' not found")
    service.call("DELETE", f"/v1/datasets/{name}")
    assert service.call("POST", path, {"benchmark_config": config(model)}).status == 404
    body = {"benchmark_id": name, "dataset_id": "", "scoring_functions": [], "metadata": {}}
    assert service.call("POST", "/v1/eval/benchmarks", body).status == 200
    bare = service.call("POST", path, {"benchmark_config": config(model)})
    assert (bare.status, "neither a data set nor" in message(bare)) == (400, True)
    assert service.call("DELETE", f"/v1/eval/benchmarks/{name}").json is None
    assert service.call("GET", f"/v1/eval/benchmarks/{name}").status == 400


def test_a_configured_benchmark_has_no_place_for_scoring_parameters(service: Live, model: str):
    body = {"benchmark_id": "nemo", "dataset_id": "", "scoring_functions": []}
    service.call(
        "POST", "/v1/eval/benchmarks", body | {"metadata": {"config": {"type": "custom", "tasks": {}}}}
    )
    path = "/v1/eval/benchmarks/nemo/jobs"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"scoring_params": {"basic::equality": {"type": "basic"}}}, "`basic::equality`"),
        ({"candidate": {"system_message": {"role": "system", "content": "x"}}}, "`system_message`"),
        ({}, "tasks"),
    ]
    for more, named in wrong:
        answer = service.call("POST", path, {"benchmark_config": config(model, **more)})
        assert answer.status == 400
        assert named in message(answer)


def test_a_task_of_lm_eval_is_refused_by_what_it_cannot_have(service: Live, model: str):
    body = {"dataset_id": "d", "scoring_functions": ["s"], "provider_id": "trustyai_lmeval"}
    for name, metadata, named in (
        ("trustyai_lmeval::no_such_task", {"tokenizer": "t"}, "no_such_task"),
        ("trustyai_lmeval::gsm8k", {"env": {}}, "`env`"),
    ):
        service.call("POST", "/v1/eval/benchmarks", body | {"benchmark_id": name, "metadata": metadata})
        answer = service.call("POST", f"/v1/eval/benchmarks/{name}/jobs", {"benchmark_config": config(model)})
        assert answer.status == 400
        assert named in message(answer)


def test_an_evaluation_without_an_endpoint_tells_why_it_failed(service: Live):
    target = {"model_id": "gone", "metadata": {"endpoint": "http://127.0.0.1:9/v1"}}
    assert service.call("POST", "/v1/models", target).status == 200
    rows = [{"input_query": "a", "expected_answer": "a"}]
    answer = evaluate(service, "gone", rows, ["basic::equality"])
    assert (answer.status, "127.0.0.1:9" in message(answer)) == (400, True)
    base = f"/v1/eval/benchmarks/{benchmark(service, rows, 'basic::equality')}"
    job = service.call("POST", f"{base}/jobs", {"benchmark_config": config("gone")}).json["job_id"]
    ended = finish(service, base, job)
    assert ended["status"] == "failed"
    result = service.call("GET", f"{base}/jobs/{job}/result")
    assert (result.status, ended["error"] in message(result)) == (400, True)
