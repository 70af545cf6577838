"""Calls of the dialect that its tests share."""

import time
from typing import Any

from tests.service.live import Answer, Live

ENDS = {"completed", "failed", "canceled"}
EQUAL = {
    "type": "string_check",
    "name": "equal",
    "input": "{{sample.output_text}}",
    "operation": "eq",
    "reference": "{{item.a}}",
}
ROWS = [{"item": {"q": "one", "a": "one"}}, {"item": {"q": "two", "a": "2"}}]


def new_eval(service: Live, *criteria: dict[str, Any], **config: Any) -> Answer:
    source = {"type": "custom", "item_schema": {"type": "object"}, **config}
    return service.call(
        "POST", "/v1/evals", {"data_source_config": source, "testing_criteria": list(criteria)}
    )


def eval_of(service: Live, *criteria: dict[str, Any], **config: Any) -> str:
    answer = new_eval(service, *criteria, **config)
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def content(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "file_content", "content": rows}


def asking(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    template = [{"role": "user", "content": "{{item.q}}"}]
    return {
        "type": "completions",
        "model": "m",
        "source": content(rows),
        "input_messages": {"type": "template", "template": template},
        **more,
    }


def given(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "jsonl", "source": content(rows)}


def start(service: Live, ident: str, source: dict[str, Any], **more: Any) -> Answer:
    return service.call("POST", f"/v1/evals/{ident}/runs", {"data_source": source, **more})


def ended(service: Live, ident: str, source: dict[str, Any]) -> dict[str, Any]:
    """Start a run and return it as it ends."""
    answer = start(service, ident, source)
    assert answer.status == 201, answer.body
    return finished(service, answer.json)


def finished(service: Live, run: dict[str, Any]) -> dict[str, Any]:
    until = time.monotonic() + 60
    while run["status"] not in ENDS:
        assert time.monotonic() < until, run
        time.sleep(0.05)
        run = service.call("GET", f"/v1/evals/{run['eval_id']}/runs/{run['id']}").json
    return run


def items(service: Live, run: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}/output_items{query}"
    found: list[dict[str, Any]] = service.call("GET", path).json["data"]
    return found


def graded(service: Live, criterion: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Return what one criterion says of one given answer."""
    run = ended(service, eval_of(service, criterion), given([row]))
    assert run["status"] == "completed", run
    (item,) = items(service, run)
    result: dict[str, Any] = item["results"][0]
    return result


def counts(run: dict[str, Any]) -> tuple[int, int, int, int]:
    found = run["result_counts"]
    return found["total"], found["passed"], found["failed"], found["errored"]


def upload(service: Live, data: bytes, *fields: tuple[str, str], name: str = "rows.jsonl") -> Answer:
    parts = [(f'name="{key}"', value.encode()) for key, value in fields or [("purpose", "evals")]]
    parts.append((f'name="file"; filename="{name}"', data))
    body = b"".join(
        b"--limit\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (head.encode(), value)
        for head, value in parts
    )
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    return service.call("POST", "/v1/files", body + b"--limit--\r\n", headers=headers)
