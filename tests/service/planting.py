"""One of everything that a project can have, made through the API, with MARK in its names."""

import time
from typing import Any

import msgspec
from tests.service.live import Answer, Live, spec_of

from bakeoff.testing.truth import TruthProcess

MARK = "zebra-of-another-project"


class Keyed(msgspec.Struct, frozen=True, kw_only=True):
    """A service with keys of two projects.

    Attributes:
        keys: by name; roles are those of the project `north`, `south` and `east` administer others.
    """

    live: Live
    keys: dict[str, str]

    def call(self, who: str | None, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Call with the key of somebody, None for no key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent["Authorization"] = f"Bearer {self.keys[who]}"
        return self.live.call(method, path, body, headers=sent)


def plant(keyed: Keyed, endpoint: TruthProcess) -> dict[str, tuple[str, ...]]:
    """Make one of everything in `north`; return ids by the part of the path before them."""

    def made(method: str, path: str, body: object = None, **headers: str) -> Any:
        answer = keyed.call("admin", method, path, body, **headers)
        assert answer.status < 300, (path, answer.status, answer.body)
        return answer.json

    rows = f'{{"input": "{MARK}", "reference": "a"}}\n'.encode()
    made("PUT", f"/api/v1/datasets/{MARK}", rows, Content_Type="application/jsonl")
    made("PUT", f"/api/v1/targets/{MARK}", {"endpoint": endpoint.url, "model": "m"})
    file = made("POST", f"/api/v1/files?name={MARK}.txt", rows, Content_Type="application/octet-stream")
    section = spec_of(endpoint, requests=4)["benchmarks"][0]
    made("PUT", f"/api/v1/benchmarks/{MARK}", {"section": {k: v for k, v in section.items() if k != "name"}})
    run = made(
        "POST",
        "/api/v1/runs",
        {"spec": {**spec_of(endpoint, requests=4), "name": MARK}, "labels": {"team": MARK}},
        Idempotency_Key="shared",
    )["id"]
    ended(keyed, run)
    key = made("GET", "/api/v1/keys")["data"][0]["id"]
    found: dict[str, tuple[str, ...]] = {
        "/api/v1/runs/": (run,),
        "/api/v1/datasets/": (MARK,),
        "/api/v1/targets/": (MARK,),
        "/api/v1/benchmarks/": (MARK,),
        "/api/v1/files/": (file["id"],),
        "/api/v1/keys/": (key,),
        "/api/v1/plugins/": ("scorers",),
    }
    return (
        found
        | planted_openai(keyed, made)
        | planted_llama_stack(keyed, made)
        | planted_evalhub(keyed, made, endpoint)
        | planted_nemo(keyed, made, endpoint)
    )


def ended(keyed: Keyed, run: str) -> None:
    while keyed.call("viewer", "GET", f"/api/v1/runs/{run}").json["state"] in {"queued", "running"}:
        time.sleep(0.05)


def planted_openai(keyed: Keyed, made: Any) -> dict[str, tuple[str, ...]]:
    source = {"type": "custom", "item_schema": {"type": "object", "properties": {"q": {"type": "string"}}}}
    grader = {"type": "string_check", "name": "g", "operation": "eq", "input": "{{item.q}}", "reference": "a"}
    body = {"name": MARK, "data_source_config": source, "testing_criteria": [grader]}
    one = made("POST", "/v1/evals", body)["id"]
    rows = {"type": "file_content", "content": [{"item": {"q": MARK}}]}
    asked = {"type": "template", "template": [{"role": "user", "content": "{{item.q}}"}]}
    data = {"type": "completions", "model": MARK, "source": rows, "input_messages": asked}
    run = made("POST", f"/v1/evals/{one}/runs", {"name": MARK, "data_source": data})["id"]
    file = keyed.call("admin", "GET", "/v1/files").json["data"][0]["id"]
    item = {"/evals/": (one, run), "/v1/files/": (file,), "/files/": (file,)}
    while keyed.call("admin", "GET", f"/v1/evals/{one}/runs/{run}").json["status"] in {
        "queued",
        "in_progress",
    }:
        time.sleep(0.05)
    items = keyed.call("admin", "GET", f"/v1/evals/{one}/runs/{run}/output_items").json["data"]
    return item | {"/output_items/": (one, run, items[0]["id"])}


def planted_llama_stack(keyed: Keyed, made: Any) -> dict[str, tuple[str, ...]]:
    rows = [{"input_query": MARK, "expected_answer": "a"}]
    source = {"type": "rows", "rows": rows}
    made(
        "POST",
        "/v1/datasets",
        {"dataset_id": f"{MARK}-rows", "purpose": "eval/question-answer", "source": source},
    )
    benchmark = {"benchmark_id": MARK, "dataset_id": f"{MARK}-rows", "scoring_functions": ["basic::equality"]}
    made("POST", "/v1/eval/benchmarks", benchmark)
    made(
        "POST",
        "/v1/scoring-functions",
        {
            "scoring_fn_id": MARK,
            "description": MARK,
            "return_type": {"type": "string"},
            "provider_id": "basic",
            "params": {"type": "regex_parser", "parsing_regexes": ["a"], "aggregation_functions": []},
        },
    )
    config = {"eval_candidate": {"type": "model", "model": MARK, "sampling_params": {"max_tokens": 8}}}
    job = made("POST", f"/v1/eval/benchmarks/{MARK}/jobs", {"benchmark_config": config})["job_id"]
    ended(keyed, job)
    providers = keyed.call("admin", "GET", "/v1/providers").json["data"]
    return {
        "/eval/benchmarks/": (MARK, job),
        "/eval/tasks/": (MARK, job),
        "/eval-tasks/": (MARK,),
        "/scoring-functions/": (MARK,),
        "/datasets/": (f"{MARK}-rows",),
        "/datasetio/": (f"{MARK}-rows",),
        "/models/": (MARK,),
        "/providers/": (providers[0]["provider_id"],),
    }


def planted_evalhub(keyed: Keyed, made: Any, endpoint: TruthProcess) -> dict[str, tuple[str, ...]]:
    part = {"id": MARK, "provider_id": "bakeoff", "primary_score": {"metric": "accuracy"}}
    start = "/api/v1/evaluations"
    collection = made("POST", f"{start}/collections", {"name": MARK, "category": MARK, "benchmarks": [part]})
    provider = made(
        "POST",
        f"{start}/providers",
        {"name": f"{MARK}-provider", "title": MARK, "benchmarks": [{"id": MARK, "name": MARK}]},
    )
    model = {"url": endpoint.url, "name": "m"}
    job = made("POST", f"{start}/jobs", {"name": MARK, "model": model, "benchmarks": [part]})["resource"][
        "id"
    ]
    while keyed.call("admin", "GET", f"{start}/jobs/{job}").json["status"]["state"] in {"pending", "running"}:
        time.sleep(0.05)
    return {
        f"{start}/jobs/": (job,),
        f"{start}/jobs/{{job}}/benchmarks/": (job, "0"),
        f"{start}/providers/": (provider["resource"]["id"],),
        f"{start}/collections/": (collection["resource"]["id"],),
    }


def planted_nemo(keyed: Keyed, made: Any, endpoint: TruthProcess) -> dict[str, tuple[str, ...]]:
    right = {"type": "string-check", "params": {"check": ["{{sample.output_text}}", "contains", "a"]}}
    task = {
        "type": "chat-completion",
        "params": {
            "template": {"messages": [{"role": "user", "content": "{{input_query}}"}], "max_tokens": 8}
        },
        "dataset": {"files_url": f"hf://datasets/default/{MARK}-rows/rows.jsonl"},
        "metrics": {"right": right},
    }
    config = {"type": "custom", "name": MARK, "namespace": "default", "tasks": {"one": task}}
    made("POST", "/v1/evaluation/configs", config)
    model = {"api_endpoint": {"url": f"{endpoint.url}/chat/completions", "model_id": "m"}}
    target = {"type": "model", "name": MARK, "namespace": "default", "model": model}
    made("POST", "/v1/evaluation/targets", target)
    job = made("POST", "/v1/evaluation/jobs", {"config": f"default/{MARK}", "target": f"default/{MARK}"})[
        "id"
    ]
    second = made(
        "POST", "/v2/evaluation/jobs", {"name": f"{MARK}-two", "spec": {"config": config, "target": target}}
    )
    for path in (f"/v1/evaluation/jobs/{job}", f"/v2/evaluation/jobs/{second['id']}"):
        while keyed.call("admin", "GET", path).json["status"] in {"created", "pending", "running"}:
            time.sleep(0.05)
    results = keyed.call("admin", "GET", "/v1/evaluation/results").json["data"]
    return {
        "/v1/evaluation/configs/": ("default", MARK),
        "/v1/evaluation/targets/": ("default", MARK),
        "/v1/evaluation/jobs/": (job,),
        "/v1/evaluation/results/": (results[0]["id"],),
        "/v2/evaluation/jobs/": (second["id"], "evaluation-results"),
    }
