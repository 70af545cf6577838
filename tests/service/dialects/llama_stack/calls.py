"""Calls of Llama Stack's clients, and what comes back."""

import time
from typing import Any
from uuid import uuid4

from tests.service.dialects.answering import Answering
from tests.service.live import Live

TURNS = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
]


def config(model: str, **more: Any) -> dict[str, Any]:
    candidate = {"type": "model", "model": model, "sampling_params": {}} | more.pop("candidate", {})
    return {"eval_candidate": candidate, **more}


def evaluate(service: Live, model: str, rows: list[dict[str, Any]], functions: list[str], **more: Any) -> Any:
    """Have rows evaluated within a call, for a benchmark that is there."""
    name = benchmark(service)
    body = {"input_rows": rows, "scoring_functions": functions, "benchmark_config": config(model, **more)}
    return service.call("POST", f"/v1/eval/benchmarks/{name}/evaluations", body)


def benchmark(service: Live, rows: list[dict[str, Any]] | None = None, *functions: str) -> str:
    """Register a benchmark, with its data set where there are rows."""
    name = f"bench/{uuid4().hex[:8]}"
    if rows is not None:
        source = {"type": "rows", "rows": rows}
        made = service.call("POST", "/v1/datasets", {"dataset_id": name, "source": source})
        assert made.status == 200, made.body
    body = {"benchmark_id": name, "dataset_id": name, "scoring_functions": list(functions)}
    made = service.call("POST", "/v1alpha/eval/benchmarks", body)
    assert (made.status, made.json) == (200, None)
    return name


def message(answer: Any) -> str:
    return str(answer.json["error"]["message"])


def asked(talker: Answering) -> list[dict[str, Any]]:
    """Return the bodies of the rows; the look whether somebody answers is none of them."""
    return [body for body in talker.bodies if "hello" not in str(body.get("prompt", "")).lower()]


def score(service: Live, rows: list[dict[str, Any]], function: str, params: Any = None) -> Any:
    return service.call(
        "POST", "/v1/scoring/score", {"input_rows": rows, "scoring_functions": {function: params}}
    )


def scores(answer: Any) -> list[Any]:
    assert answer.status == 200, answer.body
    (told,) = answer.json["results"].values()
    return [row["score"] for row in told["score_rows"]]


def pairs(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"input_query": "q", "generated_answer": said, "expected_answer": right} for said, right in pairs]


def finish(service: Live, base: str, job: str) -> Any:
    """Wait for the end of a job and return it."""
    until = time.monotonic() + 60
    while True:
        found = service.call("GET", f"{base}/jobs/{job}").json
        if found["status"] not in {"scheduled", "in_progress"}:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.05)
