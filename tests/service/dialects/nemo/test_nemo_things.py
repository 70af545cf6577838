"""What NeMo's clients store, list, change, download and delete."""

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.service.dialects.nemo.calls import (
    EQUALS,
    ROOT,
    chat,
    custom,
    finish,
    model,
    ran,
    refused,
    submit,
)
from tests.service.live import Answer, Live

from bakeoff.server.specs.references import TARGET
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)


def test_keys_are_neither_kept_nor_shown(service: Live, endpoint: TruthProcess, tmp_path: Path):
    aim = model(endpoint) | {"name": "with-key"}
    aim["model"]["api_endpoint"]["api_key"] = "sk-planted"
    made = service.call("POST", f"{ROOT}/targets", aim)
    assert b"sk-planted" not in made.body
    assert "api_key" not in made.json["model"]["api_endpoint"]
    refused(submit(service, custom(), "default/with-key"), "api_key", "${NAME}")
    database = service.service.settings.data / "bakeoff.db"
    stored = b"".join(path.read_bytes() for path in database.parent.glob("bakeoff.db*"))
    assert b"sk-planted" not in stored


def test_results_and_logs_can_be_downloaded(service: Live, endpoint: TruthProcess):
    job = submit(service, custom(), model(endpoint)).json["id"]
    finish(service, job)
    packed = service.call("GET", f"{ROOT}/jobs/{job}/download-results")
    with zipfile.ZipFile(io.BytesIO(packed.body)) as archive:
        assert set(archive.namelist()) == {"results.json", "samples.jsonl", "scores.jsonl"}
        assert len(archive.read("samples.jsonl").splitlines()) == 4
    logs = service.call("GET", f"{ROOT}/jobs/{job}/logs")
    with zipfile.ZipFile(io.BytesIO(logs.body)) as archive:
        assert b"completed" in archive.read("logs.txt")
    v2 = f"/v2/evaluation/jobs/{job}"
    artifacts = service.call("GET", f"{v2}/results/artifacts/download")
    with tarfile.open(fileobj=io.BytesIO(artifacts.body), mode="r:gz") as archive:
        assert "scores.jsonl" in archive.getnames()
    assert service.call("GET", f"{v2}/results/evaluation-results/download").json["tasks"]
    assert [one["result_name"] for one in service.call("GET", f"{v2}/results").json["data"]] == [
        "evaluation-results",
        "artifacts",
    ]
    assert service.call("GET", f"{v2}/results/artifacts").json["job_id"] == job
    assert service.call("GET", f"{v2}/results/other").status == 404
    assert service.call("GET", f"{v2}/results/other/download").status == 404
    first = service.call("GET", f"{v2}/logs?limit=1").json
    assert (len(first["data"]), first["next_page"], first["prev_page"]) == (1, "1", "")
    second = service.call("GET", f"{v2}/logs?limit=1&page_cursor=1").json
    assert second["prev_page"] == "0"
    assert second["data"] != first["data"]


def test_jobs_of_the_second_version_have_specs_inline(service: Live, endpoint: TruthProcess):
    spec = {"config": custom(), "target": model(endpoint)}
    made = service.call("POST", "/v2/evaluation/jobs", {"name": "mine", "spec": spec})
    assert made.json["name"] == "mine"
    ended = finish(service, made.json["id"])
    told = service.call("GET", f"/v2/evaluation/jobs/{ended['id']}").json
    assert (told["status"], told["spec"]["config"]["type"]) == ("completed", "custom")
    status = service.call("GET", f"/v2/evaluation/jobs/{ended['id']}/status").json
    assert status["steps"][0]["tasks"][0]["status"] == "completed"
    listed = service.call("GET", "/v2/evaluation/jobs?filter[name]=mine&sort=-updated_at").json
    assert [one["id"] for one in listed["data"]] == [ended["id"]]
    for body in ({"spec": 1}, {"spec": {"config": "a/b", "target": {}}}, {"spec": spec, "odd": 1}):
        refused(service.call("POST", "/v2/evaluation/jobs", body))
    assert service.call("POST", f"/v2/evaluation/jobs/{ended['id']}/cancel").json["status"] == "completed"
    assert service.call("DELETE", f"/v2/evaluation/jobs/{ended['id']}").status == 200


def test_entities_are_named_changed_listed_and_deleted(service: Live):
    for number in range(3):
        body = custom(name=f"one/{number}", namespace="team", project="p", custom_fields={"a": {"b": number}})
        assert service.call("POST", f"{ROOT}/configs", body).status == 200
    refused(service.call("POST", f"{ROOT}/configs", body), "exists", status=409)
    found = service.call("GET", f"{ROOT}/configs/team/one/1").json
    assert (found["name"], found["namespace"], found["custom_fields"]) == ("one/1", "team", {"a": {"b": 1}})
    changed = service.call("PATCH", f"{ROOT}/configs/team/one/1", {"description": "new"}).json
    assert (changed["id"], changed["description"], changed["type"]) == (found["id"], "new", "custom")
    refused(service.call("PATCH", f"{ROOT}/configs/team/one/1", {"name": "other"}), "name")
    refused(service.call("PATCH", f"{ROOT}/configs/team/one/1", {"odd": 1}), "odd")
    listed = service.call("GET", f"{ROOT}/configs?filter[project]=p&page_size=2&sort=-created_at").json
    assert [one["name"] for one in listed["data"]] == ["one/2", "one/1"]
    assert listed["pagination"] == {
        "page": 1,
        "page_size": 2,
        "current_page_size": 2,
        "total_pages": 2,
        "total_results": 3,
    }
    assert listed["filter"] == {"project": "p"}
    far = service.call("GET", f"{ROOT}/configs?page=99").json
    assert far["data"] == []
    deep = service.call("GET", f"{ROOT}/configs?filter[custom_fields][a][b]=2").json["data"]
    assert [one["name"] for one in deep] == ["one/2"]
    since = service.call("GET", f"{ROOT}/configs?filter[created_at][gte]=2100-01-01").json
    assert since["data"] == []
    both = service.call("GET", f"{ROOT}/configs?search[name]=one/0,one/2&filter[project]=p").json
    assert len(both["data"]) == 2
    assert service.call("DELETE", f"{ROOT}/configs/team/one/1").json["id"] == found["id"]
    assert service.call("GET", f"{ROOT}/configs/team/one/1").status == 404


def test_targets_are_filtered_by_their_model(service: Live, endpoint: TruthProcess):
    service.service.objects.put(
        TARGET, "known", {"endpoint": endpoint.url, "model": "sums"}, project="default", owner="tests"
    )
    body = {"type": "model", "model": "default/known", "name": "by-name"}
    made = service.call("POST", f"{ROOT}/targets", body).json
    listed = service.call("GET", f"{ROOT}/targets?filter[model]=default/known").json["data"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert service.call("PATCH", f"{ROOT}/targets/default/by-name", {"description": "x"}).status == 200
    assert service.call("GET", f"{ROOT}/targets/default/by-name").json["description"] == "x"
    for target in (made["id"], {"name": "by-name"}, f"default/{made['id']}"):
        result = ran(service, custom(), target)
        assert result["tasks"]["sums"]["metrics"]["right"]["scores"]["string-check"]["value"] == 0.75
    assert service.call("DELETE", f"{ROOT}/targets/default/by-name").status == 200


def test_jobs_are_listed_by_page_state_and_configuration(service: Live, endpoint: TruthProcess):
    service.call("POST", f"{ROOT}/configs", custom(name="listed"))
    jobs = [submit(service, "default/listed", model(endpoint), project="lists").json["id"] for _ in range(3)]
    for job in jobs:
        finish(service, job)
    found = service.call("GET", f"{ROOT}/jobs?filter[config][name]=listed").json["data"]
    assert [one["id"] for one in found] == jobs
    named = service.call("GET", f"{ROOT}/jobs?filter[config]=default/listed&filter[target][type]=model").json
    assert [one["id"] for one in named["data"]] == jobs
    between = "search[created_at][start]=2020-01-01&search[created_at][end]=2100-01-01T00:00:00Z"
    assert service.call("GET", f"{ROOT}/jobs?{between}&search[id]={jobs[0]}").json["data"]
    assert service.call("GET", f"{ROOT}/jobs?filter[created_at]=2020-01-01,2020-01-02").json["data"] == []
    done = service.call("GET", f"{ROOT}/jobs?filter[status]=completed&page_size=1000").json["data"]
    assert set(jobs) <= {one["id"] for one in done}
    newest = service.call("GET", f"{ROOT}/jobs?sort=-created_at&page_size=2").json["data"]
    assert [one["id"] for one in newest] == jobs[:0:-1]
    results = service.call("GET", f"{ROOT}/results?filter[job_id]={jobs[0]}").json["data"]
    assert [(one["job"], "job_id" in one) for one in results] == [(jobs[0], False)]
    assert results[0]["tasks"]["sums"]["metrics"]


def test_results_of_clients_are_kept_beside_those_of_jobs(service: Live, endpoint: TruthProcess):
    job = submit(service, custom(), model(endpoint)).json["id"]
    finish(service, job)
    made = service.call("POST", f"{ROOT}/results", {"job": job, "tasks": {"t": {}}}).json
    assert service.call("GET", f"{ROOT}/results/{made['id']}").json["tasks"] == {"t": {}}
    changed = service.call("PATCH", f"{ROOT}/results/{made['id']}", {"description": "d"}).json
    assert (changed["description"], changed["job"]) == ("d", job)
    assert service.call("DELETE", f"{ROOT}/results/{made['id']}").json["id"] == made["id"]
    assert service.call("GET", f"{ROOT}/results/{made['id']}").status == 404
    measured = f"evaluation_result-{job}"
    assert service.call("GET", f"{ROOT}/results/{measured}").json["job"] == job
    refused(service.call("PATCH", f"{ROOT}/results/{measured}", {"description": "d"}), "measured")
    refused(service.call("DELETE", f"{ROOT}/results/{measured}"), "job")
    refused(service.call("POST", f"{ROOT}/results", {"job": "job-none"}), "job-none", status=404)
    refused(service.call("POST", f"{ROOT}/results", {"job": job, "odd": 1}), "odd")


@pytest.mark.parametrize("path", [ROOT, "/v2/evaluation"])
def test_the_same_idempotency_key_gives_the_same_job(service: Live, endpoint: TruthProcess, path: str):
    def send(key: str, config: Any, target: Any) -> Answer:
        whole = {"config": config, "target": target}
        body = {"spec": whole} if path.startswith("/v2") else whole
        return service.call("POST", f"{path}/jobs", body, headers={"Idempotency-Key": key})

    key = f"once-{path}"
    first, again = (send(key, custom(), model(endpoint)) for _ in range(2))
    assert first.status == again.status == 200
    assert first.json["id"] == again.json["id"]
    refused(send(key, custom(), model(endpoint, "slow")), key, status=409)
    assert send(f"{key}-other", custom(), model(endpoint)).json["id"] != first.json["id"]
    given = {"type": "rows", "rows": [{"output_text": "5", "right": "5"}]}
    task = custom({"type": "data", "metrics": {"right": EQUALS}})
    one, two = (send(f"{key}-rows", task, given) for _ in range(2))
    assert one.json["id"] == two.json["id"]
    assert one.json["status"] == "completed" or path.startswith("/v2")
    refused(send(f"{key}-rows", task, {**given, "rows": [{"output_text": "6"}]}), key, status=409)


def test_a_replayed_job_does_not_need_what_it_named(service: Live, endpoint: TruthProcess):
    service.call("POST", f"{ROOT}/configs", {"name": "gone", "namespace": "default", **custom()})
    body = {"config": "default/gone", "target": model(endpoint)}
    headers = {"Idempotency-Key": "gone"}
    first = service.call("POST", f"{ROOT}/jobs", body, headers=headers).json["id"]
    service.call("DELETE", f"{ROOT}/configs/default/gone")
    assert service.call("POST", f"{ROOT}/jobs", body, headers=headers).json["id"] == first


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"type": "rag"}, "rag"),
        ({"type": "rows"}, "rows"),
        ({"type": "odd"}, "odd"),
        ({"model": None}, "model"),
    ],
)
def test_a_target_has_what_its_type_names(
    service: Live, endpoint: TruthProcess, change: dict[str, Any], word: str
):
    name = f"aim-{word}"
    made = service.call("POST", f"{ROOT}/targets", {"name": name, "namespace": "n", **model(endpoint)})
    assert made.status == 200, made.body
    refused(service.call("PATCH", f"{ROOT}/targets/n/{name}", change), word)
    assert service.call("GET", f"{ROOT}/targets/n/{name}").json["type"] == "model"
    refused(service.call("POST", f"{ROOT}/targets", {"name": "x", "type": word}), word)


def test_rows_of_our_own_route_are_found_by_the_name_alone(service: Live, endpoint: TruthProcess):
    rows = b'{"question": "What is 2 + 3?", "right": "5"}\n'
    put = service.call(
        "PUT", "/api/v1/datasets/plain-sums", rows, headers={"Content-Type": "application/jsonl"}
    )
    assert put.status == 201, put.body
    for place in ("hf://datasets/default/plain-sums/testing/testing.jsonl", "default/plain-sums"):
        result = ran(service, custom(chat(dataset={"files_url": place})), model(endpoint))
        assert result["tasks"]["sums"]["metrics"]["right"]["scores"]["string-check"]["value"] == 1.0


def test_the_service_says_that_it_is_healthy(service: Live):
    assert service.call("GET", "/health").json == {"status": "healthy"}
