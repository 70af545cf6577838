"""The EvalHub dialect: what is listed and kept, and what is refused by name."""

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tests.confinement import needs_confinement
from tests.service.dialects.hub import HERE, body, computing, ended, hub, one, refused, submit
from tests.service.live import Answer, Live, live

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)

WRONG = "request_validation_failed"


@pytest.fixture(scope="module")
def sums() -> Generator[TruthProcess]:
    with computing() as process:
        yield process


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, sums: TruthProcess) -> Generator[Live]:
    with hub(tmp_path_factory.mktemp("service"), sums.url) as running:
        yield running


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"experiment": {"name": "x"}}, "experiment"),
        ({"exports": {"oci": {"coordinates": {}, "x": 1}}}, "exports"),
        ({"queue": {"name": "q"}}, "queue"),
        ({"benchmarks": [one(test_data_ref={"s3": {"bucket": "b"}})]}, "test_data_ref"),
        ({"benchmarks": [one(hardware_config={"gpu": 1})]}, "hardware_config"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(service: Live, change: dict[str, Any], told: str):
    answer = service.call("POST", f"{HERE}/jobs", body(one()) | change)
    assert told in refused(answer, 400, "not_supported")


def told_ids(answer: Answer) -> tuple[str, str]:
    """Return the ids of a call in the headers of its answer: EvalHub's, and the service's own."""
    found = {name.lower(): value for name, value in answer.headers.items()}
    return found["x-global-transaction-id"], found["x-request-id"]


def test_the_trace_of_an_error_is_the_calls_id_which_the_audit_log_has_too(service: Live):
    answer = service.call("POST", f"{HERE}/jobs", b"{")
    ident, own = told_ids(answer)
    assert answer.status == 400
    assert answer.json["trace"] == ident == own
    # The log is written after the answer has gone.
    end = time.monotonic() + 60
    while own not in [row["request"] for row in service.call("GET", "/api/v1/audit").json["data"]]:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("path", ["/api/v1/health", f"{HERE}/jobs", f"{HERE}/nothing", f"{HERE}/jobs/no"])
def test_a_call_keeps_the_id_that_its_client_gave(service: Live, path: str):
    answer = service.call("GET", path, headers={"x-global-transaction-id": "7c1e-a.b:c_4"})
    ident, own = told_ids(answer)
    assert ident == "7c1e-a.b:c_4" != own
    assert answer.status == 200 or answer.json["trace"] == ident


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, 'a"b', "<b>"])
def test_what_is_no_id_is_not_taken_over(service: Live, given: str):
    answer = service.call("GET", f"{HERE}/jobs/no", headers={"X-Global-Transaction-Id": given})
    ident, own = told_ids(answer)
    assert answer.json["trace"] == ident == own


def test_a_call_that_is_refused_at_the_door_has_a_trace(tmp_path: Path):
    with live(Settings(data=tmp_path, workers=0, keys_required=True)) as running:
        answer = running.call("GET", f"{HERE}/jobs", headers={"X-Global-Transaction-Id": "mine"})
        assert (answer.status, answer.json["trace"], told_ids(answer)[0]) == (401, "mine", "mine")


def test_other_dialects_have_no_such_header(service: Live):
    answer = service.call("GET", "/api/v1/runs", headers={"X-Global-Transaction-Id": "mine"})
    assert "x-global-transaction-id" not in {name.lower() for name in answer.headers}


def test_empty_wishes_are_no_wishes(service: Live):
    asked = body(one(parameters={"limit": 1}), experiment={}, exports={"oci": None})
    assert service.call("POST", f"{HERE}/jobs", asked).status == 202


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"benchmarks": []}, "minimum one benchmark"),
        ({"collection": {"id": "quick-check"}}, "not both"),
        ({"benchmarks": [one(parameters={"limits": 1})]}, "benchmarks[0].parameters.limits"),
        ({"model": {"name": "sums", "parameters": {"limit": 1}}}, "model.parameters.limit"),
        ({"model": {"name": "sums", "auth": {"secret_ref": "HUB_KEY"}}}, "model.auth"),
        ({"model": {"name": "m", "url": "http://127.0.0.1:9", "auth": {"secret_ref": "a b"}}}, "'a b'"),
        ({"model": {"name": "m", "url": "http://127.0.0.1:9", "auth": {"secret_ref": "NONE"}}}, "`NONE`"),
        ({"model": {"name": "m", "url": "http://192.0.2.1/v1"}}, "192.0.2.1"),
        ({"benchmarks": [one("sums-data")]}, "scorers"),
        ({"benchmarks": [one(pass_criteria={"threshold": 1})]}, "primary_score"),
        ({"benchmarks": [one("constant", "guidellm")]}, "rate"),
        ({"benchmarks": [one("concurrent", "guidellm")]}, "rate"),
        ({"benchmarks": [one("concurrent", "guidellm", parameters={"rate": 1.5})]}, "whole number"),
        ({"benchmarks": [one("concurrent", "guidellm", parameters={"rate": [1, 2]})]}, "one rate"),
        ({"benchmarks": [one("throughput", "guidellm", parameters={"rate": 1})]}, "no rate"),
        ({"benchmarks": [one("throughput", "guidellm", parameters={"max_requests": 0})]}, "max_requests"),
        ({"benchmarks": [one("throughput", "guidellm", parameters={"processor": "x"})]}, "processor"),
        ({"benchmarks": [one("throughput", "guidellm", parameters={"profile": "sweep"})]}, "profile"),
        ({"benchmarks": [one("sweep", "guidellm", parameters={"max_seconds": 1})]}, "max_seconds"),
        ({"benchmarks": [one("throughput", "guidellm", parameters={"data": "rows.json"})]}, "data"),
        ({"benchmarks": [one("throughput", "guidellm", parameters={"data": "prompt_tokens=x"})]}, "data"),
        ({"benchmarks": [one("throughput", "guidellm", parameters={"data": "output_tokens=1"})]}, "data"),
        (
            {
                "benchmarks": [
                    one("throughput", "guidellm", parameters={"data": {"prompt_tokens": 1, "prompt": 1}})
                ]
            },
            "`prompt`",
        ),
        ({"more": 1}, "more"),
        ({"name": ""}, "name"),
    ],
)
def test_mistakes_are_told_with_their_place(service: Live, change: dict[str, Any], told: str):
    answer = service.call("POST", f"{HERE}/jobs", body(one()) | change)
    assert told in refused(answer, 400, "request_validation_failed")


def test_unknown_things_are_refused_by_name(service: Live):
    def post(*benchmarks: dict[str, Any], **more: Any) -> Answer:
        return service.call("POST", f"{HERE}/jobs", body(*benchmarks, **more))

    assert "sums" in refused(post(one("sum")), 400, "resource_does_not_exist")
    assert "nope" in refused(post(one("nope", "guidellm")), 400, "resource_does_not_exist")
    assert "provider" in refused(post(one("x", "ragas")), 404, "resource_not_found")
    assert "collection" in refused(
        service.call("POST", f"{HERE}/jobs", body(collection={"id": "nope"}) | {"benchmarks": None}),
        404,
        "resource_not_found",
    )
    asked = body(one()) | {"model": {"name": "nobody"}}
    assert "nobody" in refused(service.call("POST", f"{HERE}/jobs", asked), 400, "model_url_required")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"{", "invalid_json_request"),
        (b"[]", "invalid_json_request"),
        (b"1", "invalid_json_request"),
        (b'{"name": "a\\u0000", "model": {"name": "m"}, "benchmarks": []}', "invalid_json_request"),
        (b'{"name": "a", "model": {"name": "m", "parameters": {"x": NaN}}}', "invalid_json_request"),
        (b'{"name": "\\ud800", "model": {"name": "m"}}', "invalid_json_request"),
        (b'{"name": "a", "model": {"name": "m", "parameters": {"seed": 99999999999999999}}}', WRONG),
        (b'{"name": "a", "tags": ' + b"[" * 90 + b"]" * 90 + b"}", WRONG),
    ],
)
def test_what_is_no_body_is_refused(service: Live, sent: bytes, code: str):
    refused(service.call("POST", f"{HERE}/jobs", sent), 400, code)


def test_an_adapter_has_nothing_to_tell_of_our_own_benchmarks(service: Live):
    job = submit(service, body(one(parameters={"limit": 1})))
    event = {"id": "sums", "provider_id": "bakeoff", "benchmark_index": 0, "status": "completed"}

    def tell(**change: Any) -> Answer:
        sent = {"benchmark_status_event": event | change}
        return service.call("POST", f"{HERE}/jobs/{job}/events", sent)

    assert "adapter" in refused(tell(metrics={"accuracy": 1.0}), 400, "not_supported")
    assert "other" in refused(tell(id="other"), 400, "resource_does_not_exist")
    assert "pending" in refused(tell(status="done"), 400, "request_validation_failed")
    ended(service, job)


def test_jobs_of_other_dialects_are_no_evaluation_jobs(service: Live, sums: TruthProcess):
    spec = {
        "models": ["sums"],
        "benchmarks": ["sums"],
    }
    other = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
    refused(service.call("GET", f"{HERE}/jobs/{other}"), 404, "resource_not_found")
    refused(service.call("DELETE", f"{HERE}/jobs/{other}?hard_delete=true"), 404, "resource_not_found")
    service.ended(other)


def test_providers_list_what_can_run_and_keep_what_others_bring(service: Live):
    listed = service.call("GET", f"{HERE}/providers").json
    names = [each["resource"]["id"] for each in listed["items"]]
    assert names[:3] == ["bakeoff", "lm_evaluation_harness", "guidellm"]
    ours = {each["id"]: each for each in listed["items"][0]["benchmarks"]}
    assert {"sums", "broken", "basics", "speed", "sums-data"} <= set(ours)
    assert ours["sums-data"]["dataset_size"] == 4
    assert ours["speed"]["category"] == "performance"
    bare = service.call("GET", f"{HERE}/providers?benchmarks=false&name=bakeoff").json
    assert [each["benchmarks"] for each in bare["items"]] == [[]]
    refused(service.call("DELETE", f"{HERE}/providers/guidellm"), 400, "provider_read_only")
    refused(service.call("PATCH", f"{HERE}/providers/guidellm", []), 400, "provider_read_only")


def test_a_provider_of_somebody_else_is_changed_and_never_run(service: Live):
    sent = {
        "name": "theirs",
        "benchmarks": [{"id": "b", "name": "B", "category": "c"}],
        "runtime": {"k8s": {}},
    }
    made = service.call("POST", f"{HERE}/providers", sent)
    assert made.status == 201
    name = made.json["resource"]["id"]
    where = f"{HERE}/providers/{name}"
    assert "adapter" in refused(
        service.call("POST", f"{HERE}/jobs", body(one("b", name))), 400, "not_supported"
    )
    changes: list[dict[str, Any]] = [
        {"op": "test", "path": "/name", "value": "theirs"},
        {"op": "add", "path": "/tags", "value": ["x"]},
        {"op": "copy", "from": "/benchmarks/0", "path": "/benchmarks/-"},
        {"op": "replace", "path": "/benchmarks/1/id", "value": "c"},
    ]
    changed = service.call("PATCH", where, changes).json
    assert ([each["id"] for each in changed["benchmarks"]], changed["tags"]) == (["b", "c"], ["x"])
    refused(service.call("PATCH", where, {"title": "t"}), 400, "invalid_json_request")
    refused(service.call("PATCH", where, [{"op": "remove", "path": "/nope"}]), 400, "invalid_patch")
    gone = service.call("PATCH", where, [{"op": "remove", "path": "/name"}])
    assert "name" in refused(gone, 400, "request_validation_failed")
    assert service.call("PUT", where, {"name": "new"}).json["name"] == "new"
    assert service.call("GET", f"{HERE}/providers?tags=x").json["total_count"] == 0
    assert service.call("DELETE", where).status == 204
    refused(service.call("DELETE", where), 404, "resource_not_found")


def test_pages_of_things_have_links(service: Live):
    page = service.call("GET", f"{HERE}/providers?limit=1&offset=1").json
    assert len(page["items"]) == 1
    assert page["next"]["href"] == f"{HERE}/providers?limit=1&offset=2"
    for query, code in (("limit=0", "query_parameter_invalid"), ("bogus=1", "query_bad_parameter")):
        for kind in ("jobs", "providers", "collections"):
            refused(service.call("GET", f"{HERE}/{kind}?{query}"), 400, code)


def test_tenant_headers_show_nothing_that_the_key_does_not(tmp_path):
    settings = Settings(data=tmp_path, workers=0, keys_required=True)
    with live(settings) as running:
        _, blue = running.service.keys.create("blue", "engineer", project="blue")
        _, red = running.service.keys.create("red", "engineer", project="red")
        sent = json.dumps({"name": "c", "category": "x", "benchmarks": [one("basics")]}).encode()
        running.key = blue
        name = running.call("POST", f"{HERE}/collections", sent).json["resource"]["id"]
        assert running.call("GET", f"{HERE}/collections/{name}").json["resource"]["tenant"] == "blue"
        running.key = red
        headers = {"X-Tenant": "blue", "X-User": "blue"}
        refused(running.call("GET", f"{HERE}/collections/{name}", headers=headers), 404, "resource_not_found")
        running.key = None
        assert running.call("GET", "/api/v1/health").json["status"] == "healthy"
        refused(running.call("GET", f"{HERE}/jobs"), 401, "unauthorized")


def test_to_forget_a_job_takes_the_right_to_manage(tmp_path):
    with live(Settings(data=tmp_path, workers=0, keys_required=True)) as running:
        _, running.key = running.service.keys.create("e", "engineer")
        model = {"name": "m", "url": "http://127.0.0.1:9/v1"}
        job = submit(running, body(one("basics")) | {"model": model})
        refused(running.call("DELETE", f"{HERE}/jobs/{job}?hard_delete=true"), 403, "forbidden")
        assert running.call("DELETE", f"{HERE}/jobs/{job}").status == 204
        assert running.call("DELETE", f"{HERE}/jobs/{job}").status == 204
        shown = running.call("GET", f"{HERE}/jobs/{job}").json
        assert shown["status"]["message"]["message_code"] == "evaluation_job_cancelled"
        assert [each["status"] for each in shown["status"]["benchmarks"]] == ["cancelled"]


def test_a_task_of_lm_eval_is_refused_without_its_data(service: Live):
    pytest.importorskip("lm_eval", reason="needs bakeoff[lm-eval]")
    for name in ("arc_easy", "no_such_task"):
        answer = service.call("POST", f"{HERE}/jobs", body(one(name, "lm_evaluation_harness")))
        assert name in refused(answer, 400, "resource_does_not_exist")


@needs_confinement
def test_tasks_of_lm_eval_are_listed_where_their_data_is(
    service: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("lm_eval", reason="needs bakeoff[lm-eval]")
    for name in ("HF_DATASETS_CACHE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    provider, collection = f"{HERE}/providers/lm_evaluation_harness", f"{HERE}/collections/lm-eval-here"
    assert service.call("GET", provider).json["benchmarks"] == []
    assert service.call("GET", collection).status == 404
    (tmp_path / "datasets" / "openai___gsm8k").mkdir(parents=True)
    (tmp_path / "hub" / "datasets--allenai--ai2_arc").mkdir(parents=True)
    tasks = ["arc_easy", "arc_challenge", "gsm8k"]
    assert [each["id"] for each in service.call("GET", provider).json["benchmarks"]] == tasks
    parts = service.call("GET", collection).json["benchmarks"]
    assert [each["id"] for each in parts] == tasks
    assert parts[2]["primary_score"] == {"metric": "exact_match"}
