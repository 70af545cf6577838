"""Whatever dies here, the other server has one job, and ours ends once, with its results."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.commands import call as command
from tests.service.dialects.nemo.peer import CONTRACT, Peer, scripted_peer
from tests.service.live import Live, live
from tests.service.serving import Hooks, Process, Server, processes

from bakeoff.server.access import LOCAL
from bakeoff.server.jobs.job import JobLimits, Webhook
from bakeoff.server.nemo import read_config, read_target
from bakeoff.server.nemo.remote_jobs import remote_job, remote_of, submit
from bakeoff.server.remotes.nemo import MARK
from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]
ROOT = "/v1/evaluation"
LEASE_S = 2.0
TARGET = {"type": "model", "model": "m"}


@pytest.fixture
def scripted() -> Generator[tuple[Peer, str]]:
    with scripted_peer() as found:
        found[0].script = {**CONTRACT, "GET /jobs": (200, {"data": []})}
        yield found


@pytest.fixture
def here(tmp_path: Path) -> Generator[Live]:
    with live(Settings(data=tmp_path, workers=1, lease=LEASE_S)) as running:
        yield running


def config(url: str, **server: Any) -> dict[str, Any]:
    remote = {"url": url, "timeout": 5, "attempts": 1, **server}
    return {"type": "mmlu", "custom_fields": {"bakeoff_remote": remote}}


def begun(here: Live, url: str, **server: Any) -> str:
    answer = here.call("POST", f"{ROOT}/jobs", {"config": config(url, **server), "target": TARGET})
    assert answer.status == 200, answer.body
    return str(answer.json["id"])


def until(true: Callable[[], Any], *, within: float = 60.0) -> Any:
    end = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.03)
    return found


def state(here: Live, job: str) -> dict[str, Any]:
    return dict(here.call("GET", f"/api/v1/runs/{job}").json)


def child(job: str) -> Process | None:
    wanted = ("bakeoff.server.workers.away", job)
    living = [each for each in processes() if all(word in each.command for word in wanted)]
    return next((each for each in living if each.state != "Z"), None)


def asked(other: Peer, call: str) -> int:
    return [each for each, _, _ in other.asked].count(call)


def at(other: Peer, status: str) -> None:
    other.script["GET /jobs/eval-1234"] = (200, {"id": "eval-1234", "status": status})


def ended_once(here: Live, job: str, kind: str) -> None:
    kinds = [each["kind"] for each in here.call("GET", f"/api/v1/runs/{job}/events").json["data"]]
    assert [each for each in kinds if each in {"completed", "failed", "cancelled"}] == [kind]


@pytest.mark.parametrize("victim", ["child", "worker"])
def test_a_kill_while_the_job_runs_there_repeats_nothing(
    tmp_path: Path, peer: Live, endpoint: TruthProcess, victim: str
):
    rows = "".join(json.dumps({"q": f"What is {n} + 1?", "right": str(n + 1)}) + "\n" for n in range(12))
    file = peer.service.files.add("rows.jsonl", rows.encode(), purpose="x", project="default", owner="t")
    check = {"type": "string-check", "params": {"check": ["{{sample.output_text}}", "equals", "{{right}}"]}}
    task = {
        "type": "chat-completion",
        "params": {"template": {"messages": [{"role": "user", "content": "{{q}}"}]}},
        "dataset": {"files_url": file.id},
        "metrics": {"right": check},
    }
    model = {"api_endpoint": {"url": endpoint.url + "/chat/completions", "model_id": "slow"}}
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "KEY").write_text(peer.key or "")
    remote = {"url": peer.url, "api_key": "${KEY}"}
    wanted = {
        "type": "custom",
        "params": {"parallelism": 1},
        "tasks": {"qa": task},
        "custom_fields": {"bakeoff_remote": remote},
    }
    settings = Settings(data=tmp_path / "data", workers=2, lease=LEASE_S, secret_files=tmp_path / "secrets")
    hooks = Hooks()
    with live(settings) as here:
        found = read_config(wanted)
        place = remote_of(found.custom_fields)
        assert place is not None
        new = remote_job(here.service, found, read_target({"type": "model", "model": model}), place)
        new.labels["team"] = "blue"
        job = submit(here.service, replaced(new, webhook=Webhook(url=hooks.url)), LOCAL).id
        until(lambda: here.call("GET", f"{ROOT}/jobs/{job}").json["status"] == "running")
        process = until(lambda: child(job))
        os.kill(process.pid if victim == "child" else process.parent, signal.SIGKILL)
        run = here.ended(job)
        assert (run["state"], run["progress"]["done"]) == ("completed", 12)
        assert run["attempt"] == 2
        (theirs,) = peer.call("GET", f"{ROOT}/jobs?filter[custom_fields][{MARK}]={job}").json["data"]
        assert theirs["status"] == "completed"
        ended_once(here, job, "completed")
        (target,) = here.call("GET", f"/api/v1/runs/{job}/results").json["targets"]
        assert target["metrics"]["qa.right.string-check"]["n"] == 12
        until(lambda: hooks.heard)
        assert [(each[0], each[2]) for each in hooks.heard] == [(job, "job.completed")]
        assert [each["id"] for each in here.call("GET", "/api/v1/runs?label=team:blue").json["data"]] == [job]
    hooks.close()


def replaced(new: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(new, **changes)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_kill_while_the_job_is_submitted_sends_no_second_one(
    here: Live, scripted: tuple[Peer, str], arrived: bool
):
    other, url = scripted

    def kill(body: Any) -> tuple[int, Any]:
        mark = body["custom_fields"][MARK]
        process = child(mark)
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        if arrived:
            theirs = {"id": "eval-1234", "status": "running", "custom_fields": {MARK: mark}}
            other.script["GET /jobs"] = (200, {"data": [theirs]})
        return 0, None

    other.script["POST /jobs"] = kill
    at(other, "completed")
    job = begun(here, url, patience=3)
    run = here.ended(job)
    assert run["attempt"] == 2
    assert run["state"] == ("completed" if arrived else "failed")
    if not arrived:
        assert "never got the job" in run["error"]["message"]
    assert asked(other, "POST /jobs") == 1
    ended_once(here, job, run["state"])


def test_a_kill_while_results_are_fetched_gives_one_run(here: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    whole = other.script["GET /jobs/eval-1234/results"]
    killed: list[int] = []

    def kill(_body: Any) -> tuple[int, Any]:
        if not killed:
            process = until(lambda: child(job))
            killed.append(process.pid)
            os.kill(process.pid, signal.SIGKILL)
            return 0, None
        return tuple(whole)

    other.script["GET /jobs/eval-1234/results"] = kill
    at(other, "running")
    job = begun(here, url)
    at(other, "completed")
    run = here.ended(job)
    assert (run["state"], run["attempt"], len(killed)) == ("completed", 2, 1)
    assert len(list((here.service.jobs.folder(job) / "runs").iterdir())) == 1
    assert asked(other, "POST /configs") == asked(other, "POST /jobs") == 1


def test_a_cancel_whose_worker_dies_is_carried_out_by_another(here: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    at(other, "running")
    job = begun(here, url, patience=60)
    until(lambda: here.call("GET", f"{ROOT}/jobs/{job}").json["status"] == "running")
    process = until(lambda: child(job))
    os.kill(process.parent, signal.SIGKILL)
    assert here.call("POST", f"/api/v1/runs/{job}/cancel").json["state"] == "cancelling"
    until(lambda: asked(other, "POST /jobs/eval-1234/cancel"))
    assert state(here, job)["state"] == "cancelling"
    at(other, "cancelled")
    assert here.ended(job)["state"] == "cancelled"
    ended_once(here, job, "cancelled")
    assert asked(other, "POST /jobs") == 1


def test_a_cancel_goes_on_after_a_kill_in_the_midst_of_it(here: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    at(other, "running")
    job = begun(here, url, patience=60)
    until(lambda: here.call("GET", f"{ROOT}/jobs/{job}").json["status"] == "running")
    here.call("POST", f"/api/v1/runs/{job}/cancel")
    until(lambda: asked(other, "POST /jobs/eval-1234/cancel"))
    os.kill(until(lambda: child(job)).pid, signal.SIGKILL)
    until(lambda: asked(other, "POST /jobs/eval-1234/cancel") > 1)
    at(other, "cancelled")
    assert here.ended(job)["state"] == "cancelled"
    ended_once(here, job, "cancelled")


def test_a_job_that_no_worker_has_begun_is_cancelled_at_once(tmp_path: Path, scripted: tuple[Peer, str]):
    other, url = scripted
    with live(Settings(data=tmp_path, workers=0)) as here:
        job = begun(here, url)
        assert here.call("GET", f"{ROOT}/jobs/{job}").json["status"] == "created"
        assert here.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"] == "cancelled"
        assert not other.asked


def test_a_limit_of_seconds_ends_the_job_there(here: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    at(other, "running")

    def cancelled(_body: Any) -> tuple[int, Any]:
        at(other, "cancelled")
        return 200, {}

    other.script["POST /jobs/eval-1234/cancel"] = cancelled
    found = read_config(config(url))
    place = remote_of(found.custom_fields)
    assert place is not None
    new = remote_job(here.service, found, read_target(TARGET), place)
    job = submit(here.service, replaced(new, limits=JobLimits(seconds=2)), LOCAL).id
    run = here.ended(job)
    assert (run["state"], "limit of 2 seconds" in run["error"]["message"]) == ("failed", True)
    assert asked(other, "POST /jobs/eval-1234/cancel") in {0, 1}


def test_a_limit_that_the_server_does_not_confirm_says_so(here: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    at(other, "running")
    found = read_config(config(url, patience=2))
    place = remote_of(found.custom_fields)
    assert place is not None
    new = remote_job(here.service, found, read_target(TARGET), place)
    job = submit(here.service, replaced(new, limits=JobLimits(seconds=15)), LOCAL).id
    run = here.ended(job, within=120)
    assert run["state"] == "failed"
    assert "limit of 15 seconds" in run["error"]["message"]
    assert "not confirmed that it ended its job eval-1234" in run["error"]["message"]


def test_a_server_that_stops_leaves_the_job_there_and_goes_on_with_it(
    tmp_path: Path, scripted: tuple[Peer, str]
):
    other, url = scripted
    at(other, "running")
    server = Server(tmp_path / "data", None, workers=1, lease=60.0)
    try:
        server.start()
        server.ready()
        job = server.call("POST", f"{ROOT}/jobs", {"config": config(url), "target": TARGET})["id"]
        until(lambda: server.call("GET", f"{ROOT}/jobs/{job}")["status"] == "running")
        server.stop()
        assert asked(other, "POST /jobs/eval-1234/cancel") == 0
        server.start()
        server.ready()
        until(lambda: child(job))
        at(other, "completed")
        until(lambda: server.call("GET", f"/api/v1/runs/{job}")["state"] == "completed")
        assert asked(other, "POST /jobs") == 1

        at(other, "running")
        job = server.call("POST", f"{ROOT}/jobs", {"config": config(url), "target": TARGET})["id"]
        until(lambda: server.call("GET", f"{ROOT}/jobs/{job}")["status"] == "running")
        there = ("--server", f"http://127.0.0.1:{server.port}")
        assert job in command(*there, "runs", "list", cwd=tmp_path).out
        shown = command(*there, "runs", "show", job, "--json", cwd=tmp_path)
        assert shown.code == 0, shown.err
        done = command(*there, "runs", "cancel", job, cwd=tmp_path)
        assert done.code == 0, done.err
        at(other, "cancelled")
        until(lambda: server.call("GET", f"/api/v1/runs/{job}")["state"] == "cancelled")
    finally:
        server.close()


def test_an_address_that_is_not_allowed_any_more_is_not_asked(tmp_path: Path, scripted: tuple[Peer, str]):
    other, url = scripted
    with live(Settings(data=tmp_path, workers=0)) as here:
        job = begun(here, url)
    with live(Settings(data=tmp_path, workers=1, endpoints=("https://elsewhere.example",))) as here:
        run = here.ended(job)
    assert (run["state"], "may not ask" in run["error"]["message"]) == ("failed", True)
    assert not other.asked
