"""Benchmarks of Llama Stack that a NeMo server runs: a second service of ours, and a scripted peer."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from tests.service.dialects.llama_stack.calls import config, message
from tests.service.dialects.nemo.peer import CONTRACT, RESULT, Peer
from tests.service.live import Live

from bakeoff.testing.truth import TruthProcess

pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("tidy")]

ROWS = "".join(json.dumps({"q": f"What is {n} + 1?", "right": str(n + 1)}) + "\n" for n in range(50))
TASK = {
    "type": "chat-completion",
    "params": {"template": {"messages": [{"role": "user", "content": "{{q}}"}]}},
    "metrics": {
        "right": {
            "type": "string-check",
            "params": {"check": ["{{sample.output_text}}", "equals", "{{right}}"]},
        }
    },
}


def registered(ours: Live, metadata: dict[str, Any], url: str, **server: Any) -> str:
    name = f"org/{uuid4().hex[:8]}"
    remote = {"url": url, "api_key": "${NEMO_KEY}", "timeout": 5, "attempts": 1, "patience": 60, **server}
    body = {
        "benchmark_id": name,
        "dataset_id": "",
        "scoring_functions": [],
        "provider_id": "nvidia",
        "metadata": {**metadata, "custom_fields": {"bakeoff_remote": remote}},
    }
    assert ours.call("POST", "/v1/eval/benchmarks", body).status == 200
    return f"/v1/eval/benchmarks/{name}"


def at_peer(ours: Live, peer: Live, **params: Any) -> str:
    file = peer.service.files.add("rows.jsonl", ROWS.encode(), purpose="x", project="default", owner="t")
    task = {**TASK, "dataset": {"files_url": file.id}}
    return registered(ours, {"type": "custom", "params": params, "tasks": {"qa": task}}, peer.url, timeout=10)


def model(ours: Live, endpoint: TruthProcess, name: str = "sums") -> str:
    body = {"model_id": f"org/{name}", "provider_model_id": name, "metadata": {"endpoint": endpoint.url}}
    assert ours.call("POST", "/v1/models", body).status == 200
    return f"org/{name}"


def run(ours: Live, base: str, asked: dict[str, Any], key: str | None = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return ours.call("POST", f"{base}/jobs", {"benchmark_config": asked}, headers=headers)


def until(ours: Live, path: str, *states: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (found := ours.call("GET", path).json)["status"] not in states:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return dict(found)


def test_a_benchmark_is_run_there_as_the_candidate_says(ours: Live, peer: Live, endpoint: TruthProcess):
    base = at_peer(ours, peer, limit_samples=20, parallelism=2)
    asked = config(
        model(ours, endpoint),
        candidate={"sampling_params": {"temperature": 0.5, "max_tokens": 7}},
        num_examples=4,
    )
    begun = run(ours, base, asked)
    assert begun.status == 200, begun.body
    job = begun.json["job_id"]
    ended = until(ours, f"{base}/jobs/{job}", "completed", "failed")
    assert (ended["status"], ended["progress"]) == ("completed", {"done": 4, "total": 4, "failed": 0})
    for path in (f"{base}/jobs/{job}/result", f"{base}/results"):
        told = ours.call("GET", path).json
        assert told["generations"] == []
        (whole,) = told["scores"].values()
        score = whole["aggregated_results"]["tasks"]["qa"]["metrics"]["right"]["scores"]["string-check"]
        assert (score["value"], score["stats"]["count"]) == (1.0, 4)
    listed = peer.call("GET", "/v1/evaluation/jobs").json["data"]
    (theirs,) = [each for each in listed if each["config"]["name"] == job]
    assert {name: theirs["config"]["params"][name] for name in ("temperature", "max_tokens")} == {
        "temperature": 0.5,
        "max_tokens": 7,
    }
    assert theirs["target"]["model"]["api_endpoint"]["model_id"] == "sums"
    # It is one job, whichever dialect looks at it, and a run of this service.
    assert ours.call("GET", f"/v1/evaluation/jobs/{job}").json["status"] == "completed"
    links = ours.call("GET", f"{base}/jobs/{job}").json["links"]
    shown = ours.call("GET", links["run"]).json
    assert (shown["state"], shown["dialect"]) == ("completed", "llama_stack")
    (target,) = ours.call("GET", shown["links"]["results"]).json["targets"]
    assert (target["name"], target["metrics"]["qa.right.string-check"]["n"]) == ("org-sums", 4)


def test_it_can_be_cancelled_and_has_no_result_then(ours: Live, peer: Live, endpoint: TruthProcess):
    base = at_peer(ours, peer, parallelism=1)
    job = run(ours, base, config(model(ours, endpoint, "slow"))).json["job_id"]
    assert ours.call("GET", f"{base}/jobs/{job}/result").status == 400
    until(ours, f"{base}/jobs/{job}", "in_progress")
    assert ours.call("POST", f"{base}/jobs/{job}/cancel").status == 200
    until(ours, f"{base}/jobs/{job}", "cancelled")
    assert "cancelled" in message(ours.call("GET", f"{base}/jobs/{job}/result"))
    assert ours.call("GET", f"{base}/results").status == 404


def test_states_are_mirrored_and_cancelling_is_no_failure(ours: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)
    base = registered(ours, {"type": "mmlu"}, url)
    job = run(ours, base, config("meta/known-there")).json["job_id"]
    until(ours, f"{base}/jobs/{job}", "in_progress")
    (sent,) = [body for call, body, _ in other.asked if call == "POST /jobs"]
    assert sent["target"] == {"type": "model", "model": "meta/known-there"}
    assert "params" not in sent["config"] or sent["config"]["params"].get("limit_samples") is None
    for theirs, told in (
        ("pending", "scheduled"),
        ("running", "in_progress"),
        ("unknown", "in_progress"),
        ("cancelling", "in_progress"),
        ("completed", "completed"),
    ):
        other.script["GET /jobs/eval-1234"] = (200, {"id": "eval-1234", "status": theirs})
        until(ours, f"{base}/jobs/{job}", told)
    (whole,) = ours.call("GET", f"{base}/jobs/{job}/result").json["scores"].values()
    assert whole["aggregated_results"]["tasks"] == RESULT["tasks"]


def test_the_same_idempotency_key_gives_the_same_job(ours: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)
    base = registered(ours, {"type": "mmlu"}, url)
    first = run(ours, base, config("m"), "once").json["job_id"]
    assert run(ours, base, config("m"), "once").json["job_id"] == first
    until(ours, f"{base}/jobs/{first}", "in_progress")
    assert [call for call, _, _ in other.asked].count("POST /jobs") == 1
    assert run(ours, base, config("n"), "once").status == 409


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"candidate": {"system_message": {"role": "system", "content": "x"}}}, "system_message"),
        ({"candidate": {"sampling_params": {"repetition_penalty": 1.2}}}, "repetition_penalty"),
        ({"scoring_params": {"basic::equality": {"type": "basic"}}}, "basic::equality"),
    ],
)
def test_what_cannot_be_handed_on_is_refused_by_name(
    ours: Live, scripted: tuple[Peer, str], more: dict[str, Any], word: str
):
    other, url = scripted
    refused = run(ours, registered(ours, {"type": "mmlu"}, url), config("m", **more))
    assert (refused.status, word in message(refused)) == (400, True)
    assert not other.asked


def test_a_server_that_refuses_says_why(ours: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = {"POST /configs": (422, {"detail": "no such type"})}
    base = registered(ours, {"type": "mmlu"}, url)
    job = run(ours, base, config("m")).json["job_id"]
    assert "no such type" in until(ours, f"{base}/jobs/{job}", "failed")["error"]
    refused = ours.call("GET", f"{base}/jobs/{job}/result")
    assert (refused.status, "no such type" in message(refused)) == (400, True)


def test_a_server_that_may_not_be_asked_is_refused_at_once(ours: Live):
    for server, word in (
        ({"url": "http://nemo.example"}, "nemo.example"),
        ({"api_key": "${OTHER}"}, "OTHER"),
    ):
        asked = {"url": "http://127.0.0.1", **server}
        refused = run(ours, registered(ours, {"type": "mmlu"}, **asked), config("m"))
        assert (refused.status, word in message(refused)) == (400, True)


def test_a_job_is_found_below_its_own_benchmark_only(ours: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)
    base = registered(ours, {"type": "mmlu"}, url)
    job = run(ours, base, config("m")).json["job_id"]
    elsewhere = registered(ours, {"type": "mmlu"}, url)
    assert ours.call("GET", f"{elsewhere}/jobs/{job}").status == 404
    assert ours.call("GET", f"{base}/jobs/eval-0000").status == 404
