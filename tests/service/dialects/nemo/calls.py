"""What the tests of NeMo's dialect share: rows, tasks, a model that computes, and how to wait."""

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import msgspec
from tests.service.live import Answer, Live

from bakeoff.server.specs.references import DATASET
from bakeoff.testing.truth import TruthProcess, TruthSettings

ROOT = "/v1/evaluation"
ROWS = [
    {"question": "What is 2 + 3?", "right": "5"},
    {"question": "What is 7 - 4?", "right": "3"},
    {"question": "What is 6 * 7?", "right": "42"},
    {"question": "What is 8 + 1?", "right": "10"},
]
EQUALS = {
    "type": "string-check",
    "params": {"check": ["{{sample.output_text}}", "equals", "{{item.right}}"]},
}
PAGE = {
    "type": "custom",
    "params": {"parallelism": 8},
    "tasks": {
        "qa": {
            "type": "completion",
            "params": {"template": {"prompt": "{{prompt}}", "max_tokens": 200}},
            "dataset": {"files_url": "hf://datasets/default/sample-basic-test/testing/testing.jsonl"},
            "metrics": {"bleu": {"type": "bleu", "params": {"references": ["{{ideal_response}}"]}}},
        }
    },
}


@contextmanager
def computing() -> Generator[TruthProcess]:
    """Run two models that compute: `sums`, and `slow`, which takes a third of a second."""
    quick = TruthSettings(answer="arithmetic", ttft=0.001, itl=0.0)
    slow = msgspec.structs.replace(quick, ttft=0.3)
    with TruthProcess(msgspec.structs.replace(quick, models={"sums": quick, "slow": slow})) as process:
        yield process


def store(service: Live, name: str, rows: list[dict[str, Any]]) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file = service.service.files.add(
        "rows.jsonl", content, purpose="dataset", project="default", owner="tests"
    )
    body = {"format": "jsonl", "file": file.id, "rows": len(rows), "sha256": file.sha256}
    service.service.objects.put(DATASET, name, body, project="default", owner="tests")


def chat(**changes: Any) -> dict[str, Any]:
    """Return a task that asks the stored sums."""
    template = {"messages": [{"role": "user", "content": "{{item.question}}"}], "max_tokens": 16}
    return {
        "type": "chat-completion",
        "params": {"template": template},
        "dataset": {"files_url": "hf://datasets/default/sums/rows.jsonl"},
        "metrics": {"right": EQUALS},
        **changes,
    }


def custom(task: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {"type": "custom", "tasks": {"sums": chat() if task is None else task}, **changes}


def model(endpoint: TruthProcess, name: str = "sums", path: str = "/chat/completions") -> dict[str, Any]:
    return {"type": "model", "model": {"api_endpoint": {"url": endpoint.url + path, "model_id": name}}}


def submit(service: Live, config: Any, target: Any, **more: Any) -> Answer:
    return service.call("POST", f"{ROOT}/jobs", {"config": config, "target": target, **more})


def finish(service: Live, job: str, within: float = 60.0) -> dict[str, Any]:
    until = time.monotonic() + within
    while time.monotonic() < until:
        found: dict[str, Any] = service.call("GET", f"{ROOT}/jobs/{job}").json
        if found["status"] in {"completed", "failed", "cancelled"}:
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def ran(service: Live, config: Any, target: Any, **more: Any) -> dict[str, Any]:
    """Run an evaluation to its end and return its result."""
    begun = submit(service, config, target, **more)
    assert begun.status == 200, begun.body
    ended = finish(service, begun.json["id"])
    assert ended["status"] == "completed", ended
    found: dict[str, Any] = service.call("GET", f"{ROOT}/jobs/{ended['id']}/results").json
    return found


def refused(answer: Answer, *words: str, status: int = 422) -> None:
    assert answer.status == status, answer.body
    for word in words:
        assert word in str(answer.json["detail"]), answer.body
