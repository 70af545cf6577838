"""NeMo Evaluator's custom configurations become a spec and its data."""

from typing import Any

import pytest

from bakeoff.errors import SpecError
from bakeoff.spec.nemo import adopt, data_names, is_nemo

ROWS = [{"prompt": "2+2?", "ideal": "4", "a": {"b": "x"}}]
TASK: dict[str, Any] = {
    "type": "completion",
    "params": {"template": {"prompt": "{{prompt}}", "max_tokens": 200}},
    "dataset": {"files_url": "hf://datasets/default/x/testing.jsonl", "limit": 7},
    "metrics": {
        "bleu": {"type": "bleu", "params": {"references": ["{{ideal}}"]}},
        "f1": {"type": "f1", "params": {"ground_truth": "{{item.a.b}}"}},
    },
}
CHAT: dict[str, Any] = {
    "type": "chat-completion",
    "params": {"template": {"messages": [{"role": "user", "content": "{{item.prompt}}"}]}},
    "metrics": {
        "same": {
            "type": "string-check",
            "params": {"check": ["{{sample.output_text}}", "equals", "{{item.ideal}}"]},
        },
        "has": {
            "type": "string-check",
            "params": {"check": ["{{ sample.output_text }}", "not contains", "no"]},
        },
    },
}
CONFIG: dict[str, Any] = {
    "type": "custom",
    "name": "my-cfg",
    "params": {
        "parallelism": 8,
        "request_timeout": 9,
        "max_retries": 2,
        "temperature": 0.1,
        "limit_samples": 3,
    },
    "tasks": {"qa": TASK, "chat it": CHAT},
}
TARGET = {
    "type": "model",
    "model": {
        "api_endpoint": {"url": "http://h.example.com/v1/chat/completions", "model_id": "m", "api_key": "k"}
    },
}


def adopted(value: dict[str, Any], rows: Any = None):
    return adopt(value, rows if rows is not None else {"qa": ROWS, "chat it": ROWS}, "nemo.json")


def one(**task: Any):
    return adopted({"type": "custom", "tasks": {"qa": TASK | task}})


def test_tasks_become_benchmarks():
    made = adopted(CONFIG)
    assert made.document["name"] == "my-cfg"
    assert made.document["sampling"] == {"temperature": 0.1}
    assert made.document["timeout"] == {"total": 9}
    first, second = made.document["benchmarks"]
    assert first == {
        "name": "qa",
        "dataset": "data/qa.jsonl",
        "prompt": {"example": "{{prompt}}{{answer}}", "form": "completion"},
        "scorers": [
            {"type": "bleu", "definition": "sacrebleu", "value": "{{ideal}}", "metric": "bleu"},
            {"type": "f1", "value": "{{a__b}}", "metric": "f1"},
        ],
        "limit": 7,
        "params": {"max_tokens": 200},
        "load": {"kind": "concurrent", "concurrency": 8},
        "attempts": 3,
    }
    assert second["name"] == "chat-it"
    assert second["limit"] == 3
    assert second["prompt"] == {"messages": [{"role": "user", "content": "{{prompt}}"}], "form": "chat"}
    assert second["scorers"] == [
        {"type": "equals", "value": "{{ideal}}", "metric": "same"},
        {"type": "assert-set", "assert": [{"type": "not-contains", "value": "no"}], "metric": "has"},
    ]
    assert made.rows["data/qa.jsonl"] == [ROWS[0] | {"a__b": "x"}]


def test_a_job_brings_its_target_without_the_key():
    for job in ({"config": CONFIG, "target": TARGET}, {"spec": {"config": CONFIG, "target": TARGET}}):
        assert is_nemo(job)
        made = adopted(job)
        (model,) = made.document["models"]
        assert (model["name"], model["endpoint"]) == ("m", "http://h.example.com/v1")
        assert "MODEL_KEY" in model["api_key"]
        assert any("key" in note for note in made.notes)
        assert data_names(job) == {"qa": "hf://datasets/default/x/testing.jsonl", "chat it": ""}


def test_without_a_target_variables_stand_for_the_model():
    made = adopted(CONFIG)
    assert made.document["models"][0]["endpoint"] == "${MODEL_URL}"
    assert any("MODEL_URL" in note for note in made.notes)


def test_a_chat_of_one_prompt():
    made = one(type="chat-completion", params={"template": {"prompt": "{{item.prompt}}"}}, metrics={})
    assert made.document["benchmarks"][0]["prompt"] == {"template": "{{prompt}}", "form": "chat"}


CHECK = {"type": "string-check"}


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"type": "data"}, "the type `data` is not available here"),
        ({"params": {}}, "the template has neither `prompt` nor `messages`"),
        ({"metrics": {"j": {"type": "llm-judge"}}}, "the metric `j` is of the type `llm-judge`"),
        (
            {"metrics": {"b": {"type": "bleu", "params": {"references": ["a", "b"]}}}},
            "needs exactly one reference",
        ),
        ({"metrics": {"c": CHECK}}, "does not compare the model's answer"),
        (
            {"metrics": {"c": CHECK | {"params": {"check": ["{{item.x}}", "equals", "y"]}}}},
            "does not compare",
        ),
        (
            {"metrics": {"c": CHECK | {"params": {"check": ["x{{sample.output_text}}", "equals", "y"]}}}},
            "does not compare",
        ),
        (
            {"metrics": {"c": CHECK | {"params": {"check": ["{{sample.output_text}}", "endswith", "y"]}}}},
            "the check `endswith` is not available here",
        ),
    ],
)
def test_what_is_not_available_is_refused(task, said):
    with pytest.raises(SpecError, match=said):
        one(**task)


def test_only_custom_configurations_have_tasks_of_their_own():
    with pytest.raises(SpecError, match="of the type `mmlu`"):
        adopted({"type": "mmlu", "tasks": {}})


def test_other_json_is_no_configuration():
    assert not is_nemo([])
    assert not is_nemo({"tasks": []})
