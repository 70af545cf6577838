"""What NeMo's clients may not ask for: refused by name, never ignored."""

from pathlib import Path
from typing import Any

import pytest
from tests.confinement import needs_confinement
from tests.service.dialects.nemo.calls import (
    ROOT,
    chat,
    custom,
    model,
    refused,
    store,
    submit,
)
from tests.service.live import Answer, Live, live

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"type": "odd"}, "odd"),
    ({"type": "data"}, "data"),
    ({"metrics": {}}, "metric"),
    ({"dataset": None}, "data set"),
    ({"dataset": "default/none"}, "default/none"),
    ({"dataset": {"files_url": "hf://datasets/a/b/c.jsonl"}}, "a/b"),
    ({"dataset": {"files_url": "nds:a/b"}}, "a/b"),
    ({"dataset": {"files_url": "file:///etc/passwd"}}, "/etc/passwd"),
    ({"dataset": {"files_url": "ftp://h/a"}}, "ftp://h/a"),
    ({"dataset": {"files_url": "default/sums", "split": "test"}}, "split"),
    ({"dataset": {"files_url": "default/sums", "format": "xls"}}, "xls"),
    ({"dataset": {"files_url": "default/sums", "odd": 1}}, "odd"),
    ({"params": {"template": {"prompt": "{{nowhere}}"}}}, "nowhere"),
    ({"params": {"template": {"prompt": "{{"}}}, "template"),
    ({"params": {"template": {"prompt": 3}}}, "text"),
    ({"params": {"template": {}}}, "prompt"),
    ({"params": {}}, "template"),
    ({"params": {"template": {"prompt": "a"}, "odd": 1}}, "odd"),
    ({"params": {"template": {"prompt": "a", "model": "b"}}}, "model"),
    ({"params": {"template": {"prompt": "a", "tools": "{{ item | tojson }}"}}}, "tools"),
    ({"params": {"template": {"messages": "[]"}}}, "messages"),
    ({"params": {"template": {"messages": "{{ 'x' }}"}}}, "JSON"),
    ({"type": "completion", "params": {"template": {"messages": []}}}, "prompt"),
    ({"metrics": {"m": {"type": "belu"}}}, "`bleu`"),
    ({"metrics": {"m": {"type": "string-check", "params": {"check": ["a", "equals", "b"]}}}}, "answer"),
    ({"metrics": {"m": {"type": "string-check", "params": {"check": ["a", "equals"]}}}}, "three"),
    (
        {"metrics": {"m": {"type": "string-check", "params": {"check": ["{{output_text}}", "==", "b"]}}}},
        "`equals`",
    ),
    (
        {
            "metrics": {
                "m": {
                    "type": "string-check",
                    "params": {"check": ["{{output_text}}", "equals", "{{output_text}}"]},
                }
            }
        },
        "one side",
    ),
    (
        {
            "metrics": {
                "m": {
                    "type": "string-check",
                    "params": {"check": ["{{output_text | title}}", "equals", "a"]},
                }
            }
        },
        "title",
    ),
    ({"metrics": {"m": {"type": "bleu", "params": {}}}}, "references"),
    ({"metrics": {"m": {"type": "bleu", "params": {"references": [1]}}}}, "texts"),
    ({"metrics": {"m": {"type": "bleu", "params": {"references": ["{{output_text}}"]}}}}, "answer"),
    ({"metrics": {"m": {"type": "bleu", "params": {"references": ["a"], "candidate": "b"}}}}, "candidate"),
    ({"metrics": {"m": {"type": "bleu", "params": {"references": ["a"], "candidate": 1}}}}, "candidate"),
    (
        {
            "metrics": {
                "m": {"type": "f1", "params": {"ground_truth": "a", "candidate": "{{output_text | trim}}"}}
            }
        },
        "string-check",
    ),
    ({"metrics": {"m": {"type": "bleu", "params": {"reference": ["a"]}}}}, "`references`"),
    ({"metrics": {"m": {"type": "tool-calling", "params": {}}}}, "calls"),
    ({"metrics": {"m": {"type": "llm-judge", "params": {}}}}, "model"),
]


@pytest.mark.parametrize(("change", "named"), CHANGES)
def test_what_a_task_cannot_have_is_refused_by_name(
    service: Live, endpoint: TruthProcess, change: dict[str, Any], named: str
):
    refused(submit(service, custom(chat(**change)), model(endpoint)), named)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"type": "no_such_benchmark_at_all"}, "no_such_benchmark_at_all"),
        ({"type": "custom"}, "tasks"),
        ({"type": "custom", "tasks": {}, "odd": 1}, "odd"),
        (custom(params={"odd": 1}), "odd"),
        (custom(params={"max_tokens": 0}), "max_tokens"),
        (custom(params={"extra": {"tokenizer": "x"}}), "tokenizer"),
        (custom(groups={"g": {"tasks": ["none"]}}), "none"),
        (custom(groups={"g": {"tasks": ["sums"], "metrics": {"m": {}}}}), "metrics"),
        ({"type": "gsm8k", "groups": {"g": {}}}, "groups"),
        ({"type": "gsm8k", "params": {"extra": {"odd": 1}}}, "odd"),
        ({"type": "gsm8k", "tasks": {"a": {"type": "x"}, "b": {"type": "x"}}}, "one task"),
        ({"type": "gsm8k", "tasks": {"a": {"type": "x", "metrics": {"m": {"type": "em"}}}}}, "dataset"),
        ({"type": "gsm8k", "tasks": {"a": {"type": "x", "dataset": "default/sums"}}}, "choices"),
    ],
)
def test_what_a_configuration_cannot_have_is_refused_by_name(
    service: Live, endpoint: TruthProcess, config: dict[str, Any], named: str
):
    refused(submit(service, config, model(endpoint)), named)


@pytest.mark.parametrize("code", [False, pytest.param(True, marks=needs_confinement)])
def test_a_benchmark_whose_data_is_not_here_says_what_to_do(
    tmp_path: Path, endpoint: TruthProcess, code: bool
):
    with live(Settings(data=tmp_path, workers=0, allow_code=code)) as other:
        answer = submit(other, {"type": "gsm8k", "params": {"limit_samples": 2}}, model(endpoint))
    refused(answer, "gsm8k", "upload rows", "question, choices, answer", "--allow-code")
    assert "lm-eval" in str(answer.json)
    assert str(tmp_path) not in str(answer.json)


@pytest.mark.parametrize(
    ("target", "named", "status"),
    [
        ({"type": "rag", "rag": {}}, "rag", 422),
        ({"type": "model"}, "model", 422),
        ({"type": "model", "model": "default/none"}, "none", 404),
        ({"type": "model", "model": {"artifact": {}}}, "artifact", 422),
        ({"type": "model", "model": {"api_endpoint": {"url": "http://127.0.0.1:1/v1"}}}, "model_id", 422),
        (
            {"type": "model", "model": {"api_endpoint": {"url": "http://h.example", "model_id": "m"}}},
            "h.example",
            400,
        ),
        (
            {
                "type": "model",
                "model": {
                    "api_endpoint": {"url": "http://127.0.0.1:1/v1", "model_id": "m", "format": "lama_stack"}
                },
            },
            "lama_stack",
            422,
        ),
        ({"type": "rows", "rows": []}, "rows", 422),
        ({"type": "dataset"}, "dataset", 422),
        ({"type": "cached_outputs"}, "cached_outputs", 422),
        ({"type": "cached_outputs", "cached_outputs": {"files_url": "default/sums"}}, "output_text", 422),
        ("default/none", "none", 404),
        ("eval-target-none", "none", 404),
        (3, "target", 422),
        (None, "required", 422),
    ],
)
def test_what_a_target_cannot_be_is_refused_by_name(service: Live, target: Any, named: str, status: int):
    refused(submit(service, custom(), target), named, status=status)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/jobs?filter[odd]=1", "odd"),
        ("/jobs?odd=1", "odd"),
        ("/jobs?page=0", "page"),
        ("/jobs?page_size=1001", "page_size"),
        ("/jobs?sort=name", "sort"),
        ("/jobs?filter[created_at][odd]=2026-01-01", "created_at"),
        ("/jobs?filter[created_at]=yesterday", "created_at"),
        ("/configs?" + "&".join(["search[name]=a"] * 60), "50"),
    ],
)
def test_queries_that_are_not_known_are_refused_by_name(service: Live, path: str, named: str):
    refused(service.call("GET", ROOT + path), named)


@pytest.mark.parametrize("key", ["result", "status", "status_details", "output_files_url", "odd"])
def test_fields_of_a_job_that_the_server_says_are_refused(service: Live, endpoint: TruthProcess, key: str):
    refused(submit(service, custom(), model(endpoint), **{key: "x"}), key)


def test_values_that_no_database_takes_are_refused(service: Live):
    refused(service.call("POST", f"{ROOT}/configs", custom(name="a\0b")), "NUL")
    refused(service.call("POST", f"{ROOT}/configs", custom(name="a\nb")), "name")
    assert service.call("GET", f"{ROOT}/jobs/%00").status in {400, 422}


def test_live_refuses_what_is_too_much_or_unknown(service: Live, endpoint: TruthProcess):
    def ask(config: Any, target: Any, **more: Any) -> Answer:
        return service.call("POST", f"{ROOT}/live", {"config": config, "target": target, **more})

    data = custom(
        {"type": "data", "metrics": {"m": {"type": "em", "params": {"ground_truth": "a", "prediction": "b"}}}}
    )
    refused(ask(data, {"type": "rows", "rows": [{"a": 1}] * 101}), "100")
    store(service, "default/over", [{"question": "What is 1 + 1?", "right": "2"}] * 101)
    refused(ask(custom(chat(dataset="default/over")), model(endpoint)), "100")
    refused(ask({"type": "gsm8k"}, model(endpoint)), "100")
    refused(ask(data, {"type": "rows", "rows": [{"a": 1}]}, odd=1), "odd")
    refused(ask(None, {"type": "rows", "rows": [{"a": 1}]}), "config")
    refused(ask(data | {"params": {"max_tokens": 3}}, {"type": "rows", "rows": [{"a": 1}]}), "max_tokens")
    refused(ask({"type": "gsm8k"}, {"type": "rows", "rows": [{"a": 1}]}), "model")
    failed = ask(
        custom(),
        {
            "type": "model",
            "model": {"api_endpoint": {"url": "http://127.0.0.1:1/v1/chat/completions", "model_id": "m"}},
        },
    )
    assert failed.status in {200, 422}


JUDGE: dict[str, Any] = {
    "model": {"api_endpoint": {"url": "http://127.0.0.1:1/v1/chat/completions", "model_id": "m"}},
    "template": {"messages": [{"role": "user", "content": "x"}]},
    "scores": {"s": {"type": "int", "parser": {"type": "regex", "pattern": "(1)"}}},
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": "ns/judge"}, "api_endpoint"),
        ({"model": {"api_endpoint": {"url": "u", "model_id": "m", "api_key": "k"}}}, "${NAME}"),
        ({"template": {}}, "messages"),
        ({"template": {"messages": [{"role": "user"}]}}, "content"),
        ({"template": {"messages": [{"role": "user", "content": "{{"}]}}, "template"),
        ({"template": {**JUDGE["template"], "odd": 1}}, "odd"),
        ({"scores": {}}, "score"),
        ({"scores": {"s": {"type": "text", "parser": {}}}}, "text"),
        ({"scores": {"s": {"type": "int", "odd": 1}}}, "odd"),
        ({"scores": {"s": {"type": "int", "parser": {"type": "json"}}}}, "regex"),
        ({"odd": 1}, "odd"),
    ],
)
def test_what_a_judge_cannot_have_is_refused_by_name(
    service: Live, endpoint: TruthProcess, change: dict[str, Any], named: str
):
    metrics = {"m": {"type": "llm-judge", "params": JUDGE | change}}
    refused(submit(service, custom(chat(metrics=metrics)), model(endpoint)), named)
