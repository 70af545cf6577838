"""Calls that wait for results, many at a time, and what becomes of all other calls meanwhile."""

import http.client
import json
import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from tests.service.live import Answer, Live, live

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess, TruthSettings

pytestmark = pytest.mark.timeout(180)
_CALLS = 60


@pytest.fixture(scope="module")
def slow() -> Generator[TruthProcess]:
    with TruthProcess(TruthSettings(ttft=1.5, itl=0.001, tokens=4)) as process:
        yield process


@pytest.fixture(scope="module")
def silent() -> Generator[TruthProcess]:
    with TruthProcess(TruthSettings(ttft=300.0, itl=0.001, tokens=4)) as process:
        yield process


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("waiting"), workers=1)) as running:
        yield running


def prepared(service: Live, name: str, endpoint: TruthProcess) -> dict[str, Any]:
    """Register a model and a benchmark, and return the body of an evaluation of one row."""
    target = {"endpoint": endpoint.url, "model": "m"}
    assert service.call("PUT", f"/api/v1/targets/{name}", target).status in {200, 201}
    about = {"benchmark_id": name, "dataset_id": "none", "scoring_functions": ["basic::equality"]}
    assert service.call("POST", "/v1/eval/benchmarks", about).status == 200
    candidate = {"type": "model", "model": name, "sampling_params": {}}
    return {
        "input_rows": [{"input_query": "q", "expected_answer": "a"}],
        "scoring_functions": ["basic::equality"],
        "benchmark_config": {"eval_candidate": candidate, "scoring_params": {}},
    }


def running(service: Live) -> list[dict[str, Any]]:
    query = "state=queued&state=running&state=cancelling&limit=1000"
    found: list[dict[str, Any]] = service.call("GET", f"/api/v1/runs?{query}").json["data"]
    return found


def waited(service: Live, count: int) -> list[dict[str, Any]]:
    """Return the runs that have not ended as soon as there are so many."""
    until = time.monotonic() + 90
    while len(found := running(service)) != count:
        assert time.monotonic() < until, len(found)
        time.sleep(0.05)
    return found


def test_sixty_calls_that_wait_hold_up_nobody_and_end_with_their_clients(front: Live, silent: TruthProcess):
    body = json.dumps(prepared(front, "silent", silent)).encode()
    host = front.url.removeprefix("http://")
    callers = [http.client.HTTPConnection(host, timeout=120) for _ in range(_CALLS)]
    for caller in callers:
        path = "/v1/eval/benchmarks/silent/evaluations"
        caller.request("POST", path, body, {"Content-Type": "application/json"})
    jobs = waited(front, _CALLS)
    assert front.call("GET", "/readyz").status == 200
    assert front.call("GET", "/metrics").status == 200
    last = jobs[-1]["id"]
    assert front.call("GET", f"/api/v1/runs/{last}").json["id"] == last
    assert front.call("POST", f"/api/v1/runs/{jobs[0]['id']}/cancel").json["state"] == "cancelled"
    for caller in callers:
        caller.close()
    assert waited(front, 0) == []


def test_a_call_that_waits_answers_with_its_result(front: Live, slow: TruthProcess):
    body = prepared(front, "slow", slow)
    answer = front.call("POST", "/v1/eval/benchmarks/slow/evaluations", body)
    assert (answer.status, len(answer.json["generations"])) == (200, 1)


def test_more_waiting_calls_than_a_key_may_have_are_told_when_to_come_again(
    front: Live, silent: TruthProcess, monkeypatch: pytest.MonkeyPatch
):
    body = prepared(front, "silent", silent)
    monkeypatch.setattr(front.service.waiting, "_each", 2)
    with ThreadPoolExecutor(2) as pool:
        path = "/v1/eval/benchmarks/silent/evaluations"
        first: list[Future[Answer]] = [pool.submit(front.call, "POST", path, body) for _ in range(2)]
        jobs = waited(front, 2)
        answer = front.call("POST", path, body)
        assert (answer.status, answer.headers["retry-after"]) == (429, "5")
        for job in jobs:
            front.call("POST", f"/api/v1/runs/{job['id']}/cancel")
        assert {each.result().status for each in first} == {400}


def test_judges_inside_calls_hold_up_nobody_and_stop_with_their_clients(front: Live, silent: TruthProcess):
    prepared(front, "silent", silent)
    judge = {"type": "llm_as_judge", "judge_model": "silent", "prompt_template": "{generated_answer}"}
    body = json.dumps(
        {
            "input_rows": [{"input_query": "q", "generated_answer": "a", "expected_answer": "a"}],
            "scoring_functions": {"llm-as-judge::base": judge | {"judge_score_regexes": ["([0-9])"]}},
        }
    ).encode()
    host = front.url.removeprefix("http://")
    callers = [http.client.HTTPConnection(host, timeout=120) for _ in range(48)]
    for caller in callers:
        caller.request("POST", "/v1/scoring/score", body, {"Content-Type": "application/json"})
    waiting = front.service.waiting
    until = time.monotonic() + 60
    while waiting._now.total() < 48:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert front.call("GET", "/readyz").status == 200
    assert front.call("GET", "/api/v1/runs").status == 200
    for caller in callers:
        caller.close()
    while waiting._now.total():
        assert time.monotonic() < until + 60
        time.sleep(0.05)
