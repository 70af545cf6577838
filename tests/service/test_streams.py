"""Calls that follow a run: they end with their key, and when the server is told to stop."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tests.service.live import live, spec_of
from tests.service.serving import Server

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess, TruthSettings

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def silent() -> Generator[TruthProcess]:
    with TruthProcess(TruthSettings(ttft=300.0, itl=0.001, tokens=4)) as process:
        yield process


@contextlib.contextmanager
def followed(
    port: int, run: str, headers: dict[str, str] | None = None
) -> Generator[http.client.HTTPResponse]:
    """Open the stream of a run and read its first line."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asked = {"Accept": "text/event-stream", **(headers or {})}
    connection.request("GET", f"/api/v1/runs/{run}/events", headers=asked)
    with contextlib.closing(connection), connection.getresponse() as stream:
        assert stream.status == 200
        assert stream.readline().startswith(b"id: ")
        yield stream


def test_a_server_that_stops_ends_its_streams_in_order_and_says_nothing_but_json(
    tmp_path: Path, silent: TruthProcess
):
    server = Server(tmp_path / "data", None, workers=1)
    server.start()
    try:
        server.ready()
        run = server.call("POST", "/api/v1/runs", {"spec": spec_of(silent)})["id"]
        said: list[bytes] = []
        with followed(server.port, run) as stream:
            reader = threading.Thread(target=lambda: said.append(stream.read()), daemon=True)
            reader.start()
            server.stop()
            reader.join(20)
        # A stream that was cut would have raised in the reader.
        assert b"event: queued" in said[0]
    finally:
        server.close()
    lines = next(tmp_path.glob("serve-*.log")).read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines][-1] == "stopped"


def test_a_call_that_waits_is_told_that_the_server_stops(tmp_path: Path, silent: TruthProcess):
    with live(Settings(data=tmp_path, workers=1)) as running:
        running.call("PUT", "/api/v1/targets/m", {"endpoint": silent.url, "model": "m"})
        about = {"benchmark_id": "b", "dataset_id": "none", "scoring_functions": ["basic::equality"]}
        running.call("POST", "/v1/eval/benchmarks", about)
        candidate = {"type": "model", "model": "m", "sampling_params": {}}
        body = {
            "input_rows": [{"input_query": "q", "expected_answer": "a"}],
            "scoring_functions": ["basic::equality"],
            "benchmark_config": {"eval_candidate": candidate, "scoring_params": {}},
        }
        found: list[Any] = []
        path = "/v1/eval/benchmarks/b/evaluations"
        caller = threading.Thread(target=lambda: found.append(running.call("POST", path, body)))
        caller.start()
        while not (jobs := running.call("GET", "/api/v1/runs").json["data"]):
            time.sleep(0.05)
        running.service.waiting.stopping.set()
        caller.join(30)
        assert found[0].status == 503
        # Nobody else would ever ask for what the call alone wanted.
        assert running.ended(jobs[0]["id"])["state"] == "cancelled"


@pytest.mark.parametrize("way", ["expires", "is revoked"])
def test_a_stream_ends_with_its_key(tmp_path: Path, silent: TruthProcess, way: str):
    settings = Settings(data=tmp_path, workers=0, keys_required=True)
    with live(settings) as running:
        _, running.key = running.service.keys.create("me", "engineer")
        run = running.call("POST", "/api/v1/runs", {"spec": spec_of(silent)}).json["id"]
        seconds = 3.0 if way == "expires" else None
        key, secret = running.service.keys.create("other", "viewer", seconds=seconds)
        port = int(running.url.rpartition(":")[2])
        with followed(port, run, {"Authorization": f"Bearer {secret}"}) as stream:
            if way == "is revoked":
                running.service.keys.revoke(key.id, project=key.project)
            assert b"event: queued" in stream.read()
        assert running.call("GET", f"/api/v1/runs/{run}").json["state"] == "queued"


def test_a_run_that_ended_without_an_answer_says_why_it_has_no_report(tmp_path: Path, silent: TruthProcess):
    with live(Settings(data=tmp_path, workers=0)) as running:
        run = running.call("POST", "/api/v1/runs", {"spec": spec_of(silent)}).json
        early = running.call("GET", f"/api/v1/runs/{run['id']}/report")
        assert (early.status, early.json["error"]["hint"]) == (409, "wait for it")
        ended = running.call("POST", f"/api/v1/runs/{run['id']}/cancel").json
        assert "report" in run["links"]
        assert "report" not in ended["links"]
        answer = running.call("GET", f"/api/v1/runs/{run['id']}/report")
        hint = "the job is cancelled, and nothing was answered"
        assert (answer.status, answer.json["error"]["hint"]) == (404, hint)


def test_a_cancelled_run_with_answers_has_a_report(tmp_path: Path):
    with (
        TruthProcess(TruthSettings(ttft=0.005, itl=0.001, tokens=8)) as endpoint,
        live(Settings(data=tmp_path, workers=1)) as running,
    ):
        run = running.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint, requests=5000)}).json["id"]
        while running.call("GET", f"/api/v1/runs/{run}").json["progress"]["done"] == 0:
            time.sleep(0.02)
        running.call("POST", f"/api/v1/runs/{run}/cancel")
        running.ended(run)
        # The end may come too suddenly for the run to write it.
        report = running.service.run(running.service.jobs.get(run, project="default")) / "report"
        (report / "report.html").unlink(missing_ok=True)
        answer = running.call("GET", f"/api/v1/runs/{run}/report")
        assert (answer.status, b"<html" in answer.body) == (200, True)
