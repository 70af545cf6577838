"""What the tests of jobs that another NeMo server does share."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.service.dialects.nemo.peer import CONTRACT, Peer
from tests.service.live import Answer, Live

from bakeoff.testing.truth import TruthProcess

ROOT = "/v1/evaluation"
ROWS = "".join(json.dumps({"q": f"What is {n} + 1?", "right": str(n + 1)}) + "\n" for n in range(200))


def config(peer: Live, url: str | None = None, **server: Any) -> dict[str, Any]:
    file = peer.service.files.add("rows.jsonl", ROWS.encode(), purpose="x", project="default", owner="t")
    task = {
        "type": "chat-completion",
        "params": {"template": {"messages": [{"role": "user", "content": "{{q}}"}]}},
        "dataset": {"files_url": file.id},
        "metrics": {
            "right": {
                "type": "string-check",
                "params": {"check": ["{{sample.output_text}}", "equals", "{{right}}"]},
            }
        },
    }
    remote = {"url": url or peer.url, "api_key": "${NEMO_KEY}", "timeout": 10, "patience": 60, **server}
    return {
        "type": "custom",
        "params": {"limit_samples": 5, "parallelism": 2},
        "tasks": {"qa": task},
        "custom_fields": {"team": "blue", "bakeoff_remote": remote},
    }


def model(endpoint: TruthProcess, name: str = "sums") -> dict[str, Any]:
    url = endpoint.url + "/chat/completions"
    return {"type": "model", "model": {"api_endpoint": {"url": url, "model_id": name}}}


def submit(ours: Live, config: Any, target: Any) -> Answer:
    return ours.call("POST", f"{ROOT}/jobs", {"config": config, "target": target})


def until(
    ask: Callable[[], dict[str, Any]], *states: str, word: str = "", within: float = 60
) -> dict[str, Any]:
    end = time.monotonic() + within
    while True:
        found = ask()
        if found["status"] in states and word in str(found["status_details"]["message"]):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.05)


def seen(ours: Live, job: str, *states: str, word: str = "") -> dict[str, Any]:
    return until(lambda: ours.call("GET", f"{ROOT}/jobs/{job}").json, *states, word=word)


def begun(ours: Live, config: Any, target: Any = None) -> str:
    answer = submit(ours, config, target or {"type": "model", "model": "vllm/tiny"})
    assert answer.status == 200, answer.body
    return str(answer.json["id"])


def sent(other: Peer, call: str) -> int:
    return [each for each, _, _ in other.asked].count(call)


def at(other: Peer, status: str, **more: Any) -> None:
    other.script["GET /jobs/eval-1234"] = (200, {"id": "eval-1234", "status": status, **more})


def lost(ours: Live, peer: Live, other: Peer, url: str, patience: float = 60) -> str:
    """Submit a job whose answer is lost, and return its id when that was seen."""
    other.script = {**CONTRACT, "POST /jobs": (0, None), "GET /jobs": (200, {"data": []})}
    job = begun(ours, config(peer, url, attempts=2, patience=patience))
    seen(ours, job, "created", word="does not list")
    return job
