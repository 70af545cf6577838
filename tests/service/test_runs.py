"""Runs through our own API: submitted, followed, cancelled, deleted, each with real workers."""

import pytest
from tests.service.live import Live, spec_of

from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)


def start(service: Live, spec: dict[str, object], **more: object) -> str:
    answer = service.call("POST", "/api/v1/runs", {"spec": spec, **more})
    assert answer.status == 202, answer.body
    return str(answer.json["id"])


def test_a_run_ends_with_rows_and_a_verdict(service: Live, endpoint: TruthProcess):
    run = start(service, spec_of(endpoint), labels={"team": "blue"})
    ended = service.ended(run)
    assert ended["state"] == "completed"
    assert ended["error"] is None
    progress = ended["progress"]
    assert progress["done"] == progress["total"] >= 10
    assert progress["failed"] == 0
    assert ended["labels"] == {"team": "blue"}
    samples = service.call("GET", f"/api/v1/runs/{run}/samples?limit=4").json
    assert (len(samples["data"]), samples["next_offset"]) == (4, 4)
    assert {row["outcome"] for row in samples["data"]} == {"ok"}
    assert service.call("GET", f"/api/v1/runs/{run}/scores?limit=1000").json["next_offset"] is None
    verdict = service.call("GET", f"/api/v1/runs/{run}/verdict").json
    assert verdict["sentence"] == ended["outcome"]["sentence"]
    report = service.call("GET", f"/api/v1/runs/{run}/report")
    assert report.body.startswith(b"<!doctype html>")
    assert "sandbox" in report.headers["content-security-policy"]


def test_events_come_as_a_list_and_as_a_stream_that_ends_with_the_run(service: Live, endpoint: TruthProcess):
    run = start(service, spec_of(endpoint))
    stream = service.call(
        "GET", f"/api/v1/runs/{run}/events", headers={"Accept": "text/event-stream"}
    ).body.decode()
    kinds = [line.removeprefix("event: ") for line in stream.splitlines() if line.startswith("event: ")]
    assert [kind for kind in kinds if kind != "progress"] == ["queued", "started", "completed"]
    told = service.call("GET", f"/api/v1/runs/{run}/events").json["data"]
    assert [event["kind"] for event in told] == ["queued", "started", "completed"]
    again = service.call(
        "GET",
        f"/api/v1/runs/{run}/events",
        headers={"Accept": "text/event-stream", "Last-Event-ID": str(told[1]["id"])},
    ).body.decode()
    assert "event: started" not in again
    assert "event: completed" in again


def test_a_cancelled_run_ends_within_two_seconds_and_keeps_what_was_answered(
    service: Live, endpoint: TruthProcess
):
    run = start(service, spec_of(endpoint, requests=5000))
    while service.call("GET", f"/api/v1/runs/{run}").json["progress"]["done"] == 0:
        pass
    assert service.call("POST", f"/api/v1/runs/{run}/cancel").status == 200
    ended = service.ended(run, within=15)
    assert ended["state"] == "cancelled"
    assert 0 < ended["progress"]["done"] < 5000
    assert service.call("GET", f"/api/v1/runs/{run}/samples").json["data"]
    assert service.call("DELETE", f"/api/v1/runs/{run}").status == 204
    assert service.call("GET", f"/api/v1/runs/{run}").status == 404


def test_the_same_idempotency_key_gives_the_same_run(service: Live, endpoint: TruthProcess):
    body = {"spec": spec_of(endpoint)}
    first = service.call("POST", "/api/v1/runs", body, headers={"Idempotency-Key": "one"})
    again = service.call("POST", "/api/v1/runs", body, headers={"Idempotency-Key": "one"})
    other = service.call(
        "POST", "/api/v1/runs", {"spec": spec_of(endpoint, requests=9)}, headers={"Idempotency-Key": "one"}
    )
    assert (first.status, again.status, other.status) == (202, 200, 409)
    assert first.json["id"] == again.json["id"]


def test_the_same_call_gives_the_same_run_whatever_became_of_what_it_names(
    service: Live, endpoint: TruthProcess
):
    target = {"endpoint": endpoint.url, "model": "m"}
    service.call("PUT", "/api/v1/targets/moving", target)
    body = {"spec": spec_of(endpoint) | {"models": ["moving"]}}
    key = {"Idempotency-Key": "moving"}
    first = service.call("POST", "/api/v1/runs", body, headers=key)
    assert first.status == 202, first.body
    service.call("PUT", "/api/v1/targets/moving", target | {"price": {"input": 1, "output": 2}})
    changed = service.call("POST", "/api/v1/runs", body, headers=key)
    service.call("DELETE", "/api/v1/targets/moving")
    gone = service.call("POST", "/api/v1/runs", body, headers=key)
    assert [(each.status, each.json["id"]) for each in (changed, gone)] == [(200, first.json["id"])] * 2
    assert gone.headers["location"] == f"/api/v1/runs/{first.json['id']}"
    assert service.call("POST", "/api/v1/runs", body).status in {400, 404, 422}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": [{"name": "m", "endpoint": "http://10.0.0.1/v1", "model": "m"}]}, "may not ask"),
        ({"models": [{"name": "m", "source": "pypi://x", "model": "m"}]}, "starts no models"),
        ({"unknown": 1}, "no key of a spec"),
        ({"seed": "${HOME}"}, "no variable `HOME`"),
    ],
)
def test_what_a_spec_may_not_have_is_refused_by_name(
    service: Live, endpoint: TruthProcess, change: dict[str, object], message: str
):
    answer = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint) | change})
    assert answer.status in {400, 422}
    assert message in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("benchmark", "message"),
    [
        ({"dataset": {"type": "text", "path": "/etc/passwd"}}, "no file of this job"),
        ({"dataset": "../../x.jsonl"}, "no file of this job"),
        ({"scorers": [{"type": "python", "value": "True"}]}, "runs no code"),
        ({"scorers": [{"type": "nonsense"}]}, "nonsense"),
        ({"dataset": {"type": "text", "path": "datasets/none.txt"}}, "there is no file"),
    ],
)
def test_what_a_benchmark_may_not_have_is_refused_by_name(
    service: Live, endpoint: TruthProcess, benchmark: dict[str, object], message: str
):
    answer = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint, **benchmark)})
    assert answer.status in {400, 422}
    assert message in answer.json["error"]["message"]


def test_a_job_that_reaches_its_limit_fails_and_keeps_what_it_has(service: Live, endpoint: TruthProcess):
    run = start(service, spec_of(endpoint, requests=5000), limits={"requests": 20})
    ended = service.ended(run)
    assert ended["state"] == "failed"
    assert "limit of 20 requests" in ended["error"]["message"]
    assert ended["progress"]["done"] == 19  # the first one only looks whether somebody answers


def test_a_job_without_time_left_fails(service: Live, endpoint: TruthProcess):
    run = start(service, spec_of(endpoint, requests=5000), limits={"seconds": 1.5})
    ended = service.ended(run)
    assert ended["state"] == "failed"
    assert "limit of 1.5 seconds" in ended["error"]["message"]


def test_a_million_requests_are_accepted_without_being_made_first(service: Live, endpoint: TruthProcess):
    run = start(service, spec_of(endpoint, requests=1_000_000), limits={"seconds": 600})
    assert service.call("POST", f"/api/v1/runs/{run}/cancel").status == 200
    assert service.ended(run)["state"] == "cancelled"


def test_pages_are_the_whole_once_with_and_without_a_filter(service: Live, endpoint: TruthProcess):
    run = start(service, spec_of(endpoint, requests=25))
    service.ended(run)
    for query in ("", "&outcome=ok", "&target=m&benchmark=facts"):
        seen: list[tuple[str, str]] = []
        offset: int | None = 0
        while offset is not None:
            page = service.call("GET", f"/api/v1/runs/{run}/samples?limit=7&offset={offset}{query}").json
            seen += [(row["case"], row["stage"]) for row in page["data"]]
            offset = page["next_offset"]
        assert len(seen) == len(set(seen)) >= 25
    assert service.call("GET", f"/api/v1/runs/{run}/samples?outcome=error").json["data"] == []
    assert service.call("GET", f"/api/v1/runs/{run}/samples?offset=100000").json["data"] == []
