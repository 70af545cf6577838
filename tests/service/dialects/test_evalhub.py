"""The EvalHub dialect: what runs, and what is shown of it."""

from collections.abc import Generator
from typing import Any

import pytest
from tests.service.dialects.answering import Answering, answering
from tests.service.dialects.hub import HERE, body, computing, ended, hub, one, refused, run, submit, until
from tests.service.live import Live

from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def sums() -> Generator[TruthProcess]:
    with computing() as process:
        yield process


@pytest.fixture(scope="module")
def echo() -> Generator[Answering]:
    with answering() as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, sums: TruthProcess, echo: Answering) -> Generator[Live]:
    with hub(tmp_path_factory.mktemp("service"), sums.url, echo) as running:
        yield running


def test_a_job_shows_metrics_intervals_thresholds_and_a_weighted_score(service: Live):
    asked = body(
        one(
            parameters={"temperature": 0.0, "concurrency": 2},
            primary_score={"metric": "accuracy"},
            pass_criteria={"threshold": 0.7},
            weight=3,
        ),
        one(
            parameters={"limit": 2},
            primary_score={"metric": "accuracy", "lower_is_better": True},
            pass_criteria={"threshold": 0.5},
        ),
        description="two",
        tags=["a"],
        pass_criteria={"threshold": 0.5},
    )
    found = run(service, asked)
    assert found["status"]["state"] == "completed"
    assert found["status"]["message"]["message_code"] == "evaluation_job_updated"
    first, second = found["results"]["benchmarks"]
    assert (first["metrics"]["accuracy"], second["metrics"]["accuracy"]) == (0.75, 1.0)
    assert first["test"] == {
        "primary_score": 0.75,
        "primary_score_metric": "accuracy",
        "threshold": 0.7,
        "pass": True,
    }
    assert second["test"]["pass"] is False
    estimate = first["artifacts"]["estimates"]["accuracy"]
    assert (estimate["n"], estimate["low"] < 0.75 < estimate["high"]) == (4, True)
    assert found["results"]["test"] == {"score": 3 * 0.75 / 4, "threshold": 0.5, "pass": False}
    assert {"name": "accuracy", "type": "numeric"} in first["metrics_schema"]
    assert service.call("GET", first["artifacts"]["report"]).status == 200
    assert service.call("GET", first["logs_path"]).status == 200
    assert (found["description"], found["tags"], found["benchmarks"]) == ("two", ["a"], asked["benchmarks"])


def test_profiles_of_guidellm_are_measured_and_have_no_overall_score(service: Live):
    parameters = {"rate": 2, "max_requests": 6, "data": "prompt_tokens=8,output_tokens=4"}
    speed = one("concurrent", "guidellm", parameters=parameters)
    found = run(
        service,
        body(
            speed | {"primary_score": {"metric": "mean_ttft_ms", "lower_is_better": True}},
            one("sweep", "guidellm", parameters={"rate": 3, "max_requests": 5, "data": {"prompt_tokens": 8}}),
            one(primary_score={"metric": "accuracy"}, parameters={"limit": 1}),
        ),
    )
    assert found["status"]["state"] == "completed", found
    speed_metrics, sweep, _ = (each["metrics"] for each in found["results"]["benchmarks"])
    assert speed_metrics["success_rate"] == 1.0
    assert speed_metrics["mean_ttft_ms"] > 0
    assert speed_metrics["requests_per_second"] > 0
    assert speed_metrics["prompt_tokens_per_second"] > speed_metrics["requests_per_second"]
    assert sweep["requests_per_second"] == max(
        value for name, value in sweep.items() if name.endswith("/requests_per_second")
    )
    assert {name.partition("/")[0] for name in sweep if "/" in name} >= {"synchronous", "throughput"}
    test = found["results"]["test"]
    assert test["score"] is None
    assert "mean_ttft_ms" in test["reason"]
    assert "pass" not in test


def test_a_benchmark_without_an_answer_fails_alone(service: Live, echo: Answering):
    def say(asked: dict[str, Any]) -> str:
        text = str(asked["messages"][-1]["content"])
        if "BROKEN" in text:
            raise RuntimeError("broken")
        return text

    echo.say = say
    asked = body(one(), one("broken")) | {"model": {"name": "echo"}, "tags": ["halves"]}
    job = submit(service, asked)
    found = ended(service, job)
    assert found["status"]["state"] == "partially_failed"
    assert [each["status"] for each in found["status"]["benchmarks"]] == ["completed", "failed"]
    assert "broken failed with message" in found["status"]["message"]["message"]
    assert found["status"]["benchmarks"][1]["error_message"]["message_origin"] == "runtime"

    def listed(query: str) -> bool:
        page = service.call("GET", f"{HERE}/jobs?{query}").json
        return job in [each["resource"]["id"] for each in page["items"]]

    assert listed("status=partially_failed")
    assert listed("tags=halves&owner=local&name=job")
    assert not listed("status=completed")
    assert not listed("status=failed")
    assert not listed("tags=other")
    assert not listed("owner=other")
    assert not listed("status=unknown")
    assert not listed("experiment_id=1")
    conflict = service.call("DELETE", f"{HERE}/jobs/{job}")
    assert "'partially_failed'" in refused(conflict, 409, "job_can_not_be_updated")


def test_a_job_that_fails_says_why_for_every_benchmark(service: Live):
    nobody = {"name": "x", "url": "http://127.0.0.1:9/v1"}
    found = run(service, body(one(parameters={"limit": 1})) | {"model": nobody})
    assert found["status"]["state"] == "failed"
    assert found["status"]["benchmarks"][0]["error_message"]["message"]
    assert found["results"].get("benchmarks", []) == []
    log = service.call("GET", f"{HERE}/jobs/{found['resource']['id']}/logs").body.decode()
    assert "error: " in log


def test_jobs_are_listed_newest_first_with_links(service: Live):
    jobs = [submit(service, body(one(parameters={"limit": 1}))) for _ in range(2)]
    page = service.call("GET", f"{HERE}/jobs?limit=1").json
    assert page["items"][0]["resource"]["id"] == jobs[1]
    assert page["total_count"] >= 2
    assert page["first"]["href"] == f"{HERE}/jobs?limit=1&offset=0"
    following = service.call("GET", page["next"]["href"]).json
    assert following["items"][0]["resource"]["id"] == jobs[0]
    for job in jobs:
        assert ended(service, job)["status"]["state"] == "completed"
    listed = service.call("GET", f"{HERE}/jobs?status=completed&limit=1000").json
    assert set(jobs) <= {each["resource"]["id"] for each in listed["items"]}
    assert "next" not in listed


def test_a_running_job_is_forgotten_after_it_was_cancelled(service: Live):
    many = one("throughput", "guidellm", parameters={"max_seconds": 100, "data": {"prompt_tokens": 8}})
    job = submit(service, body(many))
    until(
        lambda: (
            service.call("GET", f"{HERE}/jobs/{job}").json["status"]["benchmarks"][0].get("phase")
            == "running_evaluation"
        )
    )
    assert service.call("DELETE", f"{HERE}/jobs/{job}?hard_delete=true").status == 204
    refused(service.call("GET", f"{HERE}/jobs/{job}"), 404, "resource_not_found")


def test_the_same_idempotency_key_gives_the_same_job(service: Live):
    asked = body(one(parameters={"limit": 1}))
    answers = [
        service.call("POST", f"{HERE}/jobs", asked, headers={"Idempotency-Key": "hub"}) for _ in range(2)
    ]
    assert answers[0].json["resource"]["id"] == answers[1].json["resource"]["id"]


def test_logs_have_a_section_for_each_benchmark_and_can_be_cut(service: Live):
    job = submit(service, body(one(parameters={"limit": 1}), one(parameters={"limit": 2})))
    ended(service, job)
    log = service.call("GET", f"{HERE}/jobs/{job}/logs")
    assert log.headers["content-type"].startswith("text/plain")
    lines = log.body.decode().splitlines()
    assert [line for line in lines if line.startswith("===")] == [
        f"=== pod={job}-{at} container=local benchmark_id=sums ===" for at in range(2)
    ]
    assert "sums: accuracy = 1" in lines
    second = f"{HERE}/jobs/{job}/benchmarks/1/logs"
    last = service.call("GET", f"{second}?tail_lines=1&timestamps=true").body.decode().splitlines()
    assert len(last) == 2
    assert last[1].startswith("20")
    assert "job queued" in service.call("GET", f"{second}?since_seconds=600").body.decode()
    assert "404" in str(service.call("GET", f"{HERE}/jobs/{job}/benchmarks/2/logs").status)


def test_a_data_set_runs_with_scorers_of_the_job(service: Live, sums: TruthProcess):
    scorers = [{"type": "equals", "metric": "same"}]
    asked = body(one("sums-data", parameters={"scorers": scorers, "max_tokens": 8}))
    found = run(service, asked | {"model": {"name": "org/sums", "url": sums.url, "parameters": {"seed": 1}}})
    assert found["results"]["benchmarks"][0]["metrics"]["same"] == 0.75
    spec = service.call("GET", f"/api/v1/runs/{found['resource']['id']}/spec").json
    assert spec["benchmarks"][0]["params"] == {"max_tokens": 8, "seed": 1}
    assert spec["models"] == [{"name": "org-sums", "endpoint": sums.url, "model": "org/sums"}]


def test_a_secret_is_a_name_from_end_to_end(service: Live, sums: TruthProcess, monkeypatch):
    monkeypatch.setenv("HUB_KEY", "planted-secret")
    model = {"name": "sums", "url": sums.url, "auth": {"secret_ref": "HUB_KEY"}, "card_url": "https://x.y/c"}
    job = submit(service, body(one(parameters={"limit": 1})) | {"model": model})
    shown = service.call("GET", f"{HERE}/jobs/{job}")
    assert shown.json["model"] == model
    assert b"planted-secret" not in shown.body
    ended(service, job)


def test_a_collection_of_the_service_runs_and_is_cloned(service: Live):
    known = service.call("GET", f"{HERE}/collections?category=performance").json["items"]
    assert "serving-speed" in [each["resource"]["id"] for each in known]
    found = run(service, {"name": "c", "model": {"name": "sums"}, "collection": {"id": "serving-speed"}})
    assert found["status"]["state"] == "completed", found
    assert found["collection"] == {"id": "serving-speed"}
    assert found["results"]["test"]["score"] == 1.0
    cloned = service.call("POST", f"{HERE}/collections/serving-speed/clones", {})
    assert (cloned.status, cloned.json["derived_from"]) == (201, "serving-speed")
    name = cloned.json["resource"]["id"]
    renamed = [{"op": "replace", "path": "/name", "value": "mine"}]
    assert service.call("PATCH", f"{HERE}/collections/{name}", renamed).json["name"] == "mine"
    refused(service.call("DELETE", f"{HERE}/collections/serving-speed"), 400, "collection_read_only")
    broken = [{"op": "replace", "path": "/benchmarks", "value": []}]
    refused(service.call("PATCH", f"{HERE}/collections/{name}", broken), 400, "request_validation_failed")
    assert service.call("DELETE", f"{HERE}/collections/{name}").status == 204


def test_a_job_takes_a_part_of_a_collection_with_its_own_parameters(service: Live):
    parts = [
        {"benchmark_id": "sums", "provider_id": "bakeoff", "parameters": {"limit": 3, "seed": 1}},
        one("basics"),
    ]
    sent = {"name": "both", "category": "maths", "benchmarks": parts, "pass_criteria": {"threshold": 0.9}}
    name = service.call("POST", f"{HERE}/collections", sent).json["resource"]["id"]
    chosen = one(parameters={"limit": 1}, primary_score={"metric": "accuracy"})
    asked = {"name": "part", "model": {"name": "sums"}, "collection": {"id": name, "benchmarks": [chosen]}}
    found = run(service, asked)
    assert [each["id"] for each in found["results"]["benchmarks"]] == ["sums"]
    assert found["results"]["test"] == {"score": 1.0, "threshold": 0.9, "pass": True}
    assert found["results"]["benchmarks"][0]["artifacts"]["estimates"]["accuracy"]["n"] == 1
    asked["collection"]["benchmarks"] = [one("speed")]
    refused(service.call("POST", f"{HERE}/jobs", asked), 400, "resource_does_not_exist")
