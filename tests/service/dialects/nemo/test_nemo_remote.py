"""Evaluations that another NeMo server does: a second service of ours, and a scripted peer."""

import time
from typing import Any

import pytest
from tests.service.dialects.nemo.peer import CONTRACT, Peer
from tests.service.dialects.nemo.remote_calls import ROOT, at, begun, config, model, seen, sent, submit
from tests.service.folders import contents
from tests.service.live import Live

from bakeoff.server.access import LOCAL
from bakeoff.server.faults import ConflictError
from bakeoff.server.nemo.graded import THING, Once, stored
from bakeoff.server.remotes.nemo import MARK
from bakeoff.testing.truth import TruthProcess

pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("tidy")]


def test_a_job_of_another_server_is_a_run_of_ours(ours: Live, peer: Live, endpoint: TruthProcess):
    job = begun(ours, config(peer), model(endpoint))
    ended = seen(ours, job, "completed", "failed")
    assert ended["status"] == "completed", ended
    assert ended["status_details"]["samples_processed"] == 5
    assert ended["status_details"]["task_status"] == {"qa": "completed"}
    result = ours.call("GET", f"{ROOT}/jobs/{job}/results").json
    score = result["tasks"]["qa"]["metrics"]["right"]["scores"]["string-check"]
    assert (result["job"], score["value"], score["stats"]["count"]) == (job, 1.0, 5)
    assert job in [
        one["id"] for one in ours.call("GET", f"{ROOT}/jobs?filter[status]=completed").json["data"]
    ]
    (theirs,) = peer.call("GET", f"{ROOT}/jobs?filter[custom_fields][{MARK}]={job}").json["data"]
    assert theirs["config"]["name"] == job
    assert theirs["config"]["custom_fields"] == {"team": "blue"}

    run = ours.call("GET", f"/api/v1/runs/{job}").json
    assert (run["state"], run["attempt"]) == ("completed", 1)
    assert run["progress"] == {"done": 5, "total": 5, "failed": 0}
    kinds = [each["kind"] for each in ours.call("GET", f"/api/v1/runs/{job}/events").json["data"]]
    assert kinds == ["queued", "started", "completed"]
    assert job in [one["id"] for one in ours.call("GET", "/api/v1/runs?dialect=nemo").json["data"]]
    (target,) = ours.call("GET", f"/api/v1/runs/{job}/results").json["targets"]
    told = target["metrics"]["qa.right.string-check"]
    assert (target["name"], told["value"], told["n"], told["unit"]) == ("sums", 1.0, 5, "share")
    assert 0.5 < told["low"] < 0.7
    assert ours.call("GET", f"/api/v1/runs/{job}/samples").json["data"] == []
    assert "nemo" in ours.call("GET", f"/api/v1/runs/{job}/spec").json
    for path in ("verdict", "report", "scores", "export?format=junit"):
        answer = ours.call("GET", f"/api/v1/runs/{job}/{path}")
        assert answer.status == 200, (path, answer.body)
    for path in ("download-results", "logs"):
        assert ours.call("GET", f"{ROOT}/jobs/{job}/{path}").status == 200

    assert ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"] == "completed"
    assert ours.call("DELETE", f"{ROOT}/jobs/{job}").status == 200
    assert peer.call("GET", f"{ROOT}/configs/bakeoff/{job}").status == 404
    assert ours.call("GET", f"/api/v1/runs/{job}").status == 404


def test_two_such_runs_are_compared_as_imported_ones_are(ours: Live, peer: Live, endpoint: TruthProcess):
    jobs = [begun(ours, config(peer), model(endpoint)) for _ in range(2)]
    for job in jobs:
        seen(ours, job, "completed")
    answer = ours.call("POST", "/api/v1/compare", {"runs": jobs})
    assert answer.status == 200, answer.body
    assert set(answer.json["jobs"]) == set(jobs)
    assert ours.call("DELETE", f"/api/v1/runs/{jobs[0]}").status == 204
    assert peer.call("GET", f"{ROOT}/configs/bakeoff/{jobs[0]}").status == 404
    assert peer.call("GET", f"{ROOT}/configs/bakeoff/{jobs[1]}").status == 200


def test_no_file_answer_or_log_of_such_a_job_holds_a_key(ours: Live, peer: Live, endpoint: TruthProcess):
    key = (peer.key or "?").encode()
    asked = config(peer)
    asked["tasks"]["qa"]["metrics"]["odd"] = {"type": f"no-such-metric {peer.key}"}
    jobs = [begun(ours, config(peer), model(endpoint)), begun(ours, asked, model(endpoint))]
    seen(ours, jobs[0], "completed")
    told = seen(ours, jobs[1], "failed")["status_details"]["message"]
    assert "no-such-metric [redacted]" in told
    del asked["tasks"]["qa"]["metrics"]["odd"]
    data = ours.service.settings.data
    for path, content in contents(data / "jobs" / jobs[0]):
        assert key not in content, path
    for name in ("remote-steps.json", "log.txt"):
        assert key not in (data / "jobs" / jobs[1] / name).read_bytes()
    for job in jobs[:1]:
        for path in ("", "/spec", "/results", "/events"):
            assert key not in ours.call("GET", f"/api/v1/runs/{job}{path}").body


def test_a_cancelled_job_is_cancelled_there_too(ours: Live, peer: Live, endpoint: TruthProcess):
    asked = config(peer)
    asked["params"] = {"parallelism": 1}
    job = begun(ours, asked, model(endpoint, "slow"))
    seen(ours, job, "running")
    assert ours.call("DELETE", f"{ROOT}/jobs/{job}").status == 409
    assert ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"] == "cancelling"
    seen(ours, job, "cancelled")
    (theirs,) = peer.call("GET", f"{ROOT}/jobs?filter[custom_fields][{MARK}]={job}").json["data"]
    assert theirs["status"] == "cancelled"
    run = ours.call("GET", f"/api/v1/runs/{job}").json
    assert (run["state"], run["error"]) == ("cancelled", None)
    assert ours.call("GET", f"{ROOT}/jobs/{job}/results").status == 404


def test_a_refusal_of_the_other_server_is_in_the_job(ours: Live, peer: Live, endpoint: TruthProcess):
    asked = config(peer)
    asked["tasks"]["qa"]["metrics"]["odd"] = {"type": "no-such-metric"}
    job = begun(ours, asked, model(endpoint))
    assert "no-such-metric" in seen(ours, job, "failed")["status_details"]["message"]
    error = ours.call("GET", f"/api/v1/runs/{job}").json["error"]
    assert (error["kind"], "no-such-metric" in error["message"]) == ("RemoteError", True)
    second = ours.call("GET", f"/v2/evaluation/jobs/{job}").json
    assert (second["status"], "no-such-metric" in second["error_details"]["message"]) == ("error", True)


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


def test_each_state_of_the_contract_is_mirrored(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)
    at(other, "created")
    job = begun(ours, config(peer, url, timeout=2, attempts=1))
    for status in ("pending", "running", "cancelling"):
        at(other, status)
        seen(ours, job, status)
        listed = ours.call("GET", f"{ROOT}/jobs?filter[status]={status}").json["data"]
        assert job in [one["id"] for one in listed]
        assert ours.call("GET", f"/api/v1/runs/{job}").json["state"] == "running"
    at(other, "unknown")
    seen(ours, job, "cancelling", word="unknown")
    other.script["GET /jobs/eval-1234"] = (503, {})
    seen(ours, job, "cancelling", word="503")
    at(other, "completed")
    seen(ours, job, "completed")
    (target,) = ours.call("GET", f"/api/v1/runs/{job}/results").json["targets"]
    estimate = target["metrics"]["qa.bleu.sentence"]
    assert (target["name"], estimate["value"], estimate["n"]) == ("vllm-tiny", 12.3, 2)
    # Student's t with one degree of freedom.
    assert (estimate["low"], estimate["high"]) == pytest.approx((12.3 - 12.7062, 12.3 + 12.7062), abs=1e-3)
    assert sent(other, "POST /jobs") == 1


def test_progress_is_mirrored_while_the_job_runs(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)
    at(other, "running", status_details={"samples_processed": 20, "progress": 40.0, "message": "busy"})
    asked = config(peer, url)
    del asked["params"]
    job = begun(ours, asked)
    details = seen(ours, job, "running", word="busy")["status_details"]
    assert (details["samples_processed"], details["progress"]) == (20, 40.0)
    end = time.monotonic() + 60
    wanted = {"done": 20, "total": 50, "failed": 0}
    while ours.call("GET", f"/api/v1/runs/{job}").json["progress"] != wanted:
        assert time.monotonic() < end
        time.sleep(0.1)


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
    other.script = {**CONTRACT, "GET /jobs/eval-1234": answer}
    job = begun(ours, config(peer, url, attempts=1))
    assert word in seen(ours, job, "failed")["status_details"]["message"]
    assert ours.call("GET", f"{ROOT}/jobs/{job}/results").status == 404
    assert word in ours.call("GET", f"/api/v1/runs/{job}").json["error"]["message"]


def test_results_that_cannot_be_stored_fail_the_job(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    odd = {"tasks": {"qa": {"metrics": {"m": {"scores": {"s\0": {"value": 1}}}}}}}
    other.script = {**CONTRACT, "GET /jobs/eval-1234/results": (200, odd)}
    at(other, "completed", status_details={"message": "\0"})
    job = begun(ours, config(peer, url, attempts=1))
    assert "NUL" in seen(ours, job, "failed")["status_details"]["message"]


def test_the_same_idempotency_key_submits_a_job_once(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)
    body = {"config": config(peer, url, attempts=1), "target": {"type": "model", "model": "m"}}
    headers = {"Idempotency-Key": "remote"}
    first, again = (ours.call("POST", f"{ROOT}/jobs", body, headers=headers) for _ in range(2))
    assert first.json["id"] == again.json["id"]
    seen(ours, first.json["id"], "running")
    assert sent(other, "POST /jobs") == 1
    body["target"] = {"type": "model", "model": "n"}
    assert ours.call("POST", f"{ROOT}/jobs", body, headers=headers).status == 409


def test_of_two_calls_with_one_key_at_the_same_moment_one_makes_the_evaluation(ours: Live):
    once = Once(key="race", sent="digest")
    first, again = (stored(ours.service, {}, LOCAL, once) for _ in range(2))
    assert again.name == first.name
    with pytest.raises(ConflictError, match="race"):
        stored(ours.service, {}, LOCAL, Once(key="race", sent="other"))
    ours.service.objects.delete(THING, first.name, project="default")


def test_a_server_that_hangs_holds_up_nobody(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = dict(CONTRACT)

    def hang(_body: Any) -> tuple[int, Any]:
        time.sleep(3)
        return 200, {"id": "eval-1234", "status": "running"}

    other.script["GET /jobs/eval-1234"] = hang
    job = begun(ours, config(peer, url, timeout=20, attempts=1))
    for _ in range(5):
        assert ours.call("GET", f"{ROOT}/jobs/{job}").status == 200
        assert ours.call("GET", f"{ROOT}/jobs?page_size=1").status == 200
    at(other, "completed")
    seen(ours, job, "completed")


def test_the_key_of_a_model_is_sent_to_the_server_that_asks_it(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted
    other.script = dict(CONTRACT)
    at(other, "completed")
    endpoint = {
        "url": "http://me@model.example/v1/chat/completions",
        "model_id": "m",
        "api_key": "${NEMO_KEY}",
    }
    job = begun(ours, config(peer, url), {"type": "model", "model": {"api_endpoint": endpoint}})
    seen(ours, job, "completed")
    (body,) = [body for call, body, _ in other.asked if call == "POST /jobs"]
    assert body["target"]["model"]["api_endpoint"]["api_key"] == peer.key
    assert {key for _, _, key in other.asked} == {f"Bearer {peer.key}"}
    run = ours.call("GET", f"/api/v1/runs/{job}/results").body
    assert b"me@" not in run


def test_what_an_earlier_version_stored_breaks_no_list(ours: Live):
    body = {
        "status": "running",
        "about": {"namespace": "default"},
        "config": {},
        "target": {},
        "details": {"message": "running"},
        "remote": {"server": {"url": "http://127.0.0.1:1"}, "job": "eval-1", "looked_at": 0},
    }
    ours.service.objects.put(THING, "eval-old", body, project="default", owner="t")
    assert "eval-old" in [one["id"] for one in ours.call("GET", f"{ROOT}/jobs?page_size=1000").json["data"]]
    assert ours.call("GET", f"{ROOT}/jobs/eval-old").json["status"] == "failed"
    assert ours.call("POST", f"{ROOT}/jobs/eval-old/cancel").status == 200
    assert ours.call("DELETE", f"{ROOT}/jobs/eval-old").status == 200


@pytest.mark.parametrize(
    ("patience", "message"), [(0, "Expected `float` > 0.0"), ("soon", "Expected `float`, got `str`")]
)
def test_a_patience_that_cannot_be_is_refused_with_its_place(
    ours: Live, peer: Live, patience: Any, message: str
):
    refused = submit(ours, config(peer, patience=patience), {"type": "model", "model": "x"})
    assert refused.status == 422
    (problem,) = refused.json["detail"]
    assert problem["loc"] == ["body", "config", "custom_fields", "bakeoff_remote", "patience"]
    assert problem["msg"] == message
