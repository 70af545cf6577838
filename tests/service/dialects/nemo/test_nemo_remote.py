"""Evaluations that another NeMo server does: a second service of ours, and a peer that misbehaves."""

import json
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
from tests.service.dialects.nemo.peer import CONTRACT, Peer, scripted_peer
from tests.service.live import Answer, Live

from bakeoff.server.access import LOCAL
from bakeoff.server.faults import ConflictError
from bakeoff.server.nemo.remote_jobs import THING, Once, ahead
from bakeoff.server.remotes.nemo import MARK
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)

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
    remote = {"url": url or peer.url, "api_key": "${NEMO_KEY}", "timeout": 10, **server}
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


def until(ask: Callable[[], dict[str, Any]], *states: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (found := ask())["status"] not in states:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def test_a_job_of_another_server_is_mirrored_to_its_results(ours: Live, peer: Live, endpoint: TruthProcess):
    begun = submit(ours, config(peer), model(endpoint))
    assert begun.status == 200, begun.body
    job = begun.json["id"]
    assert job.startswith("eval-")
    ended = until(lambda: ours.call("GET", f"{ROOT}/jobs/{job}").json, "completed", "failed")
    assert ended["status"] == "completed", ended
    assert ended["status_details"]["samples_processed"] == 5
    assert ended["status_details"]["task_status"] == {"qa": "completed"}
    result = ours.call("GET", f"{ROOT}/jobs/{job}/results").json
    score = result["tasks"]["qa"]["metrics"]["right"]["scores"]["string-check"]
    assert (result["job"], score["value"], score["stats"]["count"]) == (job, 1.0, 5)
    thing = ours.service.objects.get(THING, job, project="default")
    assert thing.body["estimates"]["qa.right.string-check"]["value"] == 1.0
    stored = b"".join(path.read_bytes() for path in ours.service.settings.data.glob("bakeoff.db*"))
    assert (peer.key or "?").encode() not in stored
    listed = ours.call("GET", f"{ROOT}/jobs?filter[status]=completed").json["data"]
    assert job in [one["id"] for one in listed]
    (theirs,) = peer.call("GET", f"{ROOT}/jobs?filter[custom_fields][{MARK}]={job}").json["data"]
    assert theirs["config"]["name"] == job
    assert theirs["config"]["custom_fields"] == {"team": "blue"}
    packed = ours.call("GET", f"{ROOT}/jobs/{job}/download-results")
    assert packed.status == 200
    assert ours.call("GET", f"{ROOT}/jobs/{job}/logs").status == 200
    assert ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"] == "completed"
    assert ours.call("DELETE", f"{ROOT}/jobs/{job}").status == 200
    assert peer.call("GET", f"{ROOT}/configs/bakeoff/{job}").status == 404


def test_a_cancelled_job_is_cancelled_there_too(ours: Live, peer: Live, endpoint: TruthProcess):
    asked = config(peer)
    asked["params"] = {"parallelism": 1}
    job = submit(ours, asked, model(endpoint, "slow")).json["id"]
    until(lambda: ours.call("GET", f"{ROOT}/jobs/{job}").json, "running")
    assert ours.call("DELETE", f"{ROOT}/jobs/{job}").status == 409
    told = ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"]
    assert told in {"cancelling", "cancelled"}
    until(lambda: ours.call("GET", f"{ROOT}/jobs/{job}").json, "cancelled")
    (theirs,) = peer.call("GET", f"{ROOT}/jobs?filter[custom_fields][{MARK}]={job}").json["data"]
    assert theirs["status"] == "cancelled"


def test_a_refusal_of_the_other_server_is_told(ours: Live, peer: Live, endpoint: TruthProcess):
    asked = config(peer)
    asked["tasks"]["qa"]["metrics"]["odd"] = {"type": "no-such-metric"}
    answer = submit(ours, asked, model(endpoint))
    assert answer.status == 502
    assert "no-such-metric" in answer.json["detail"]
    newest = ours.call("GET", f"{ROOT}/jobs?sort=-created_at&page_size=1").json["data"][0]
    assert newest["status"] == "failed"
    assert "no-such-metric" in newest["status_details"]["message"]


def test_a_server_that_may_not_be_asked_is_refused(ours: Live, peer: Live, endpoint: TruthProcess):
    for server, word in (
        ({"url": "http://nemo.example"}, "nemo.example"),
        ({"api_key": "${OTHER}"}, "OTHER"),
    ):
        answer = submit(ours, config(peer, **server), model(endpoint))
        assert (answer.status, word in answer.json["detail"]) == (400, True)
    for server, word in (({"api_key": "plain"}, "api_key"), ({"odd": 1}, "odd"), ({"timeout": 0}, "timeout")):
        answer = submit(ours, config(peer, **server), model(endpoint))
        assert (answer.status, word in str(answer.json["detail"])) == (422, True)
    live_one = ours.call("POST", f"{ROOT}/live", {"config": config(peer), "target": model(endpoint)})
    assert live_one.status == 422
    aim = model(endpoint)
    aim["model"]["api_endpoint"]["api_key"] = "plain"
    assert submit(ours, config(peer), aim).status == 422


@pytest.fixture
def scripted() -> Generator[tuple[Peer, str]]:
    with scripted_peer() as found:
        yield found


def mirror(ours: Live, job: str) -> dict[str, Any]:
    """Look at a job as soon as its server may be asked again."""
    time.sleep(0.6)
    found: dict[str, Any] = ours.call("GET", f"{ROOT}/jobs/{job}").json
    return found


def test_each_state_of_the_contract_is_mirrored(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)
    job = submit(
        ours, config(peer, url, timeout=2, attempts=1), {"type": "model", "model": "vllm/tiny"}
    ).json["id"]
    for status in ("pending", "running", "cancelling"):
        other.script["GET /jobs/eval-1234"] = (200, {"id": "eval-1234", "status": status})
        assert mirror(ours, job)["status"] == status
    other.script["GET /jobs/eval-1234"] = (200, {"id": "eval-1234", "status": "unknown"})
    told = mirror(ours, job)
    assert (told["status"], "unknown" in told["status_details"]["message"]) == ("cancelling", True)
    other.script["GET /jobs/eval-1234"] = (503, {})
    told = mirror(ours, job)
    assert (told["status"], "503" in told["status_details"]["message"]) == ("cancelling", True)
    other.script["GET /jobs/eval-1234"] = (200, {"id": "eval-1234", "status": "completed"})
    assert mirror(ours, job)["status"] == "completed"
    thing = ours.service.objects.get(THING, job, project="default")
    estimate = thing.body["estimates"]["qa.bleu.sentence"]
    assert (estimate["value"], estimate["n"]) == (12.3, 2)
    # Student's t with one degree of freedom.
    assert (estimate["low"], estimate["high"]) == pytest.approx((12.3 - 12.7062, 12.3 + 12.7062), abs=1e-3)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (
            (200, {"id": "eval-1234", "status": "failed", "status_details": {"message": "out of disk"}}),
            "out of disk",
        ),
        ((404, {}), "does not know"),
    ],
)
def test_a_job_that_failed_there_says_why(
    ours: Live, peer: Live, scripted: tuple[Peer, str], answer: Any, word: str
):
    other, url = scripted
    other.script = dict(CONTRACT)
    job = submit(ours, config(peer, url, attempts=1), {"type": "model", "model": "m"}).json["id"]
    other.script["GET /jobs/eval-1234"] = answer
    told = mirror(ours, job)
    assert told["status"] == "failed"
    assert word in told["status_details"]["message"]
    assert ours.call("GET", f"{ROOT}/jobs/{job}/results").status == 404


def lost(ours: Live, peer: Live, other: Peer, url: str) -> str:
    """Submit a job whose answer is lost, and return its id."""
    other.script = {**CONTRACT, "POST /jobs": (0, None), "GET /jobs": (200, {"data": []})}
    answer = submit(ours, config(peer, url, attempts=1), {"type": "model", "model": "m"})
    assert answer.json["status"] == "created"
    return str(answer.json["id"])


def test_a_job_that_was_never_heard_of_is_looked_for_then_cancelled(
    ours: Live, peer: Live, scripted: tuple[Peer, str], monkeypatch: pytest.MonkeyPatch
):
    other, url = scripted
    job = lost(ours, peer, other, url)
    assert "does not list" in mirror(ours, job)["status_details"]["message"]
    cancelled = ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json
    assert cancelled["status"] == "cancelling"
    assert mirror(ours, job)["status"] == "cancelling"
    monkeypatch.setattr("bakeoff.server.nemo.remote_jobs._LOST_AFTER_US", 1)
    assert mirror(ours, job)["status"] == "cancelled"
    assert ours.call("DELETE", f"{ROOT}/jobs/{job}").status == 200


@pytest.mark.parametrize("late", [False, True])
def test_cancelling_a_job_whose_answer_was_lost_ends_it_there(
    ours: Live, peer: Live, scripted: tuple[Peer, str], late: bool
):
    other, url = scripted
    job = lost(ours, peer, other, url)
    theirs = {"id": "eval-1234", "status": "running", "custom_fields": {MARK: job}}
    if late:
        assert ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"] == "cancelling"
    other.script["GET /jobs"] = (200, {"data": [theirs]})
    other.script["GET /jobs/eval-1234"] = (200, theirs | {"status": "cancelled"})
    told = mirror(ours, job) if late else ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json
    assert told["status"] == "cancelled"
    assert "POST /jobs/eval-1234/cancel" in [call for call, _, _ in other.asked]


def test_a_job_that_is_cancelled_on_its_way_is_ended_when_it_arrives(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted

    def cancelled_meanwhile(body: Any) -> tuple[int, Any]:
        job = body["custom_fields"][MARK]
        assert ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"] == "cancelling"
        return 200, {"id": "eval-1234", "status": "created"}

    other.script = {
        **CONTRACT,
        "POST /jobs": cancelled_meanwhile,
        "GET /jobs": (200, {"data": []}),
        "GET /jobs/eval-1234": (200, {"id": "eval-1234", "status": "cancelled"}),
    }
    answer = submit(ours, config(peer, url, attempts=1), {"type": "model", "model": "m"})
    assert answer.json["status"] == "cancelled"
    assert "POST /jobs/eval-1234/cancel" in [call for call, _, _ in other.asked]


def test_the_same_idempotency_key_submits_a_job_once(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)
    body = {"config": config(peer, url, attempts=1), "target": {"type": "model", "model": "m"}}
    headers = {"Idempotency-Key": "remote"}
    first, again = (ours.call("POST", f"{ROOT}/jobs", body, headers=headers) for _ in range(2))
    assert first.json["id"] == again.json["id"]
    assert [call for call, _, _ in other.asked].count("POST /jobs") == 1
    body["target"] = {"type": "model", "model": "n"}
    assert ours.call("POST", f"{ROOT}/jobs", body, headers=headers).status == 409


def test_of_two_calls_with_one_key_at_the_same_moment_one_makes_the_job(ours: Live):
    once = Once(key="race", sent="digest")
    first, new = ahead(ours.service, {}, LOCAL, once)
    again, made = ahead(ours.service, {}, LOCAL, once)
    assert (new, made, again.name) == (True, False, first.name)
    with pytest.raises(ConflictError, match="race"):
        ahead(ours.service, {}, LOCAL, Once(key="race", sent="other"))
    ours.service.objects.delete(THING, first.name, project="default")


def test_a_job_that_nobody_ever_gets_fails_after_a_while(
    ours: Live, peer: Live, scripted: tuple[Peer, str], monkeypatch: pytest.MonkeyPatch
):
    other, url = scripted
    other.script = {**CONTRACT, "POST /jobs": (0, None), "GET /jobs": (200, {"data": []})}
    job = submit(ours, config(peer, url, attempts=1), {"type": "model", "model": "m"}).json["id"]
    monkeypatch.setattr("bakeoff.server.nemo.remote_jobs._LOST_AFTER_US", 1)
    assert mirror(ours, job)["status"] == "failed"


def test_a_server_that_hangs_holds_up_nobody_else(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    held = threading.Event()

    def hang(_body: Any) -> tuple[int, Any]:
        held.wait(20)
        return 200, {"id": "eval-1234", "status": "running"}

    other.script = dict(CONTRACT)
    job = submit(ours, config(peer, url, timeout=20, attempts=1), {"type": "model", "model": "m"}).json["id"]
    other.script["GET /jobs/eval-1234"] = hang
    time.sleep(0.6)
    waiting = threading.Thread(target=lambda: ours.call("GET", f"{ROOT}/jobs/{job}"))
    waiting.start()
    try:
        for _ in range(5):
            assert ours.call("GET", f"{ROOT}/jobs?page_size=1").status == 200
        assert waiting.is_alive()
    finally:
        held.set()
        waiting.join()
    assert LOCAL.project == "default"


def test_the_key_of_a_model_is_sent_to_the_server_that_asks_it(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted
    other.script = dict(CONTRACT)
    endpoint = {"url": "http://model.example/v1/chat/completions", "model_id": "m", "api_key": "${NEMO_KEY}"}
    target = {"type": "model", "model": {"api_endpoint": endpoint}}
    answer = submit(ours, config(peer, url), target)
    assert (peer.key or "?").encode() not in answer.body
    (sent,) = [body for call, body, _ in other.asked if call == "POST /jobs"]
    assert sent["target"]["model"]["api_endpoint"]["api_key"] == peer.key


def test_a_server_that_is_gone_fails_the_job_at_once(ours: Live, peer: Live, endpoint: TruthProcess):
    answer = submit(ours, config(peer, "http://127.0.0.1:1", attempts=1), model(endpoint))
    assert answer.status == 502
    newest = ours.call("GET", f"{ROOT}/jobs?sort=-created_at&page_size=1").json["data"][0]
    assert newest["status"] == "failed"
    assert ours.call("DELETE", f"{ROOT}/jobs/{newest['id']}").status == 200
