"""What is registered through the Llama Stack dialect, and how it tells mistakes."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.service.dialects.answering import Answering
from tests.service.dialects.llama_stack.calls import asked, evaluate, message
from tests.service.live import Live

from bakeoff.server.access import LOCAL
from bakeoff.server.dialects.llama_stack.sources import rows_at
from bakeoff.server.faults import RefusedError, TooLargeError
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings

pytestmark = pytest.mark.timeout(120)


MISSING = {"loc": ["body", "benchmark_config", "eval_candidate"], "msg": "Field required", "type": "missing"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "/v1alpha/eval/benchmarks/nope", None, 400, "Benchmark 'nope' not found"),
        ("DELETE", "/v1/eval/benchmarks/nope", None, 400, "Benchmark 'nope' not found"),
        ("GET", "/v1/datasets/no/pe", None, 404, "Dataset 'no/pe' not found"),
        ("DELETE", "/v1/datasets/nope", None, 404, "Dataset 'nope' not found"),
        ("GET", "/v1beta/datasetio/iterrows/nope", None, 404, "Dataset 'nope' not found"),
        ("GET", "/v1/models/nope", None, 404, "Model 'nope' not found"),
        ("DELETE", "/v1/models/nope", None, 404, "Model 'nope' not found"),
        ("GET", "/v1/providers/nope", None, 404, "Provider 'nope' not found"),
        ("GET", "/v1/scoring-functions/no::pe", None, 404, "Scoring function 'no::pe' not found"),
        ("DELETE", "/v1/scoring-functions/nope", None, 404, "Scoring function 'nope' not found"),
        ("DELETE", "/v1/scoring-functions/basic::equality", None, 409, "one of the service's own"),
        ("GET", "/v1/eval/benchmarks/b/jobs/nope", None, 404, "Job 'nope' not found"),
        (
            "POST",
            "/v1alpha/eval/benchmarks/nope/jobs",
            {"benchmark_config": {"eval_candidate": {"model": "m"}}},
            400,
            "Benchmark `nope` not served by provider: `bakeoff`. Make sure there is an Eval provider serving",
        ),
        (
            "POST",
            "/v1alpha/eval/benchmarks/nope/jobs",
            {"benchmark_config": {}},
            400,
            str({"errors": [MISSING]}),
        ),
        ("POST", "/v1/datasets", {"source": {"type": "rows", "rows": []}}, 400, "source: needs a `uri`"),
        ("POST", "/v1/datasets", {}, 400, "body.source: Field required"),
        ("POST", "/v1/datasets", {"source": {"type": "uri", "to": 1}}, 400, "`to`"),
        ("POST", "/v1/models", {"model_id": "x"}, 400, "`metadata` names no `endpoint`"),
        ("POST", "/v1/models", {"model_id": "x", "model_type": "embedding"}, 400, "`embedding`"),
        (
            "POST",
            "/v1/models",
            {"model_id": "x", "metadata": {"endpoint": "http://10.0.0.1/v1"}},
            400,
            "may not ask",
        ),
        (
            "POST",
            "/v1/models",
            {"model_id": "x", "metadata": {"endpoint": "http://127.0.0.1:9/v1", "api_key": "sk-1"}},
            400,
            "metadata.api_key",
        ),
        (
            "POST",
            "/v1/eval/benchmarks",
            {"benchmark_id": "x", "dataset_id": "", "scoring_functions": [], "provider_id": "other"},
            400,
            "Provider `other` not found",
        ),
    ],
)
def test_mistakes_are_told_as_the_real_server_tells_them(
    service: Live, method: str, path: str, body: Any, status: int, text: str
):
    answer = service.call(method, path, body)
    assert answer.status == status, answer.body
    assert text in message(answer)
    assert answer.json["error"]["detail"]


def test_a_route_that_is_not_there_is_told_so(service: Live):
    answer = service.call("GET", "/v1alpha/nowhere")
    assert (answer.status, answer.json) == (404, {"detail": "Not Found"})


def test_benchmarks_of_the_oldest_form_are_kept_and_listed(service: Live):
    name = f"old-{uuid4().hex[:8]}"
    body = {"eval_task_id": name, "dataset_id": "d", "scoring_functions": ["f"], "provider_eval_task_id": "p"}
    assert service.call("POST", "/v1/eval-tasks", body).status == 200
    found = service.call("GET", f"/v1/eval-tasks/{name}").json
    assert found == {
        "identifier": name,
        "provider_id": "bakeoff",
        "provider_resource_id": "p",
        "type": "benchmark",
        "dataset_id": "d",
        "scoring_functions": ["f"],
        "metadata": {},
    }
    assert found in service.call("GET", "/v1alpha/eval/benchmarks").json["data"]


@pytest.mark.parametrize(
    "uri",
    [
        "data:text/csv;base64,YSxiCjEsMgozLDQK",
        'data:application/json,[{"a":"1","b":"2"},{"a":"3","b":"4"}]',
        'data:application/json,{"rows":[{"a":"1","b":"2"},{"a":"3","b":"4"}]}',
        'data:application/jsonl,{"a":"1","b":"2"}%0A{"a":"3","b":"4"}',
    ],
)
def test_rows_may_stand_in_the_address(service: Live, uri: str):
    made = service.call("POST", "/v1beta/datasets", {"source": {"type": "uri", "uri": uri}})
    assert made.status == 200, made.body
    assert made.json["source"] == {"type": "uri", "uri": uri}
    name = made.json["identifier"]
    rows = service.call("GET", f"/v1beta/datasetio/iterrows/{name}").json
    assert rows == {"data": [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}], "has_more": False, "url": None}


def test_rows_may_be_an_uploaded_file_or_the_oldest_form(service: Live):
    file = service.service.files.add(
        "rows.csv", b"a,b\n1,2\n", purpose="eval", project="default", owner="test"
    )
    for uri in (file.id, f"file:{file.id}", f"bakeoff://files/{file.id}"):
        body = {"dataset_id": "up", "url": {"uri": uri}, "dataset_schema": {"a": {"type": "string"}}}
        made = service.call("POST", "/v1/datasets", body)
        assert made.status == 200, made.body
        assert made.json["metadata"]["dataset_schema"] == {"a": {"type": "string"}}
    assert service.call("GET", "/v1/datasetio/iterrows/up?limit=-1").json["data"] == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("data:text/csv;base64,%%%", "cannot be read"),
        ("data:application/json,nonsense", "cannot be read"),
        ("data:application/json,[1]", "no rows"),
        ("data:text/csv,a%2Cb%0A1", "cells"),
        ("huggingface://datasets/x?split=test", "no address that this server reads"),
        ("/etc/passwd", "no address that this server reads"),
        ("https://example.com/rows.csv", "may not ask"),
        ("http://127.0.0.1:9/rows.csv", "does not answer"),
        ("file-none", "not found"),
    ],
)
def test_an_address_that_is_not_allowed_or_holds_no_rows_is_refused(service: Live, uri: str, named: str):
    answer = service.call("POST", "/v1/datasets", {"source": {"type": "uri", "uri": uri}})
    assert answer.status in {400, 404}
    assert named in message(answer)


@contextmanager
def files() -> Generator[str]:
    """Serve rows, what is too long, and a way elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = b"a,b\n1,2\n" if self.path == "/rows.csv" else b"x" * 3_000
            self.send_response(302 if self.path == "/elsewhere" else 200)
            self.send_header("Location", "/rows.csv")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base's
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_rows_are_fetched_and_nothing_is_followed_elsewhere(tmp_path: Path):
    service = Service(Settings(data=tmp_path, most_upload=1_000))
    with files() as url:
        assert rows_at(service, f"{url}/rows.csv", LOCAL) == [{"a": "1", "b": "2"}]
        with pytest.raises(RefusedError, match="302"):
            rows_at(service, f"{url}/elsewhere", LOCAL)
        with pytest.raises(TooLargeError, match="1,000 bytes"):
            rows_at(service, f"{url}/long.csv", LOCAL)
    service.close()


def test_rows_are_fetched_from_an_allowed_address(service: Live, talker: Answering):
    answer = service.call("POST", "/v1/datasets", {"source": {"uri": talker.url + "/rows.json"}})
    # It answers no GET, and says so.
    assert (answer.status, "501" in message(answer)) == (400, True)


def test_rows_are_added_and_paged(service: Live):
    rows = [{"a": at} for at in range(3)]
    service.call("POST", "/v1/datasets", {"dataset_id": "p", "source": {"type": "rows", "rows": rows}})
    assert service.call("POST", "/v1/datasetio/append-rows/p", {"rows": [{"a": 3}]}).json is None
    page = service.call("GET", "/v1/datasetio/iterrows/p?start_index=2&limit=1").json
    assert page == {"data": [{"a": 2}], "has_more": True, "url": None}
    beyond = service.call("GET", "/v1/datasetio/iterrows/p?start_index=9").json
    assert (beyond["data"], beyond["has_more"]) == ([], False)
    many = [{"a": at} for at in range(150)]
    made = service.call("POST", "/v1/datasets", {"dataset_id": "p", "source": {"type": "rows", "rows": many}})
    assert made.json["source"] == {"type": "uri", "uri": "/v1beta/datasetio/iterrows/p"}
    assert "p" in [each["identifier"] for each in service.call("GET", "/v1/datasets").json["data"]]
    assert service.call("DELETE", "/v1/datasets/p").json is None


def test_a_model_may_have_another_name(service: Live, talker: Answering, model: str):
    made = service.call(
        "POST", "/v1/models", {"model_id": "again", "provider_model_id": model, "metadata": {"team": "a"}}
    ).json
    assert (made["provider_resource_id"], made["metadata"]) == (model, {"team": "a"})
    rows = [{"input_query": "a", "expected_answer": "a"}]
    assert evaluate(service, "again", rows, ["basic::equality"]).status == 200
    assert asked(talker)[0]["model"] == model
    listed = service.call("GET", "/v1/models").json
    assert listed["object"] == "list"
    assert {"again", model} <= {each["id"] for each in listed["data"]}
    assert service.call("GET", "/v1/models/again").json == made
    assert service.call("DELETE", "/v1/models/again").json is None
    assert service.call("GET", "/v1/models/again").status == 404


def test_the_service_says_who_it_is(service: Live):
    for base in ("/v1", "/v1alpha/admin"):
        assert service.call("GET", f"{base}/version").json["version"]
        assert service.call("GET", f"{base}/health").json == {"status": "OK"}
        found = service.call("GET", f"{base}/providers").json["data"]
        assert {"eval", "scoring", "datasetio", "inference"} == {each["api"] for each in found}
        one = service.call("GET", f"{base}/providers/llm-as-judge").json
        assert (one["provider_type"], one["config"]) == ("inline::llm-as-judge", {})
        routes = service.call("GET", f"{base}/inspect/routes?api_filter=v1alpha").json["data"]
        assert {each["route"].split("/")[1] for each in routes} == {"v1alpha"}
        assert {
            "route": "/v1alpha/eval/benchmarks",
            "method": "POST",
            "provider_types": ["inline::bakeoff"],
        } in routes
    assert service.call("GET", "/v1/inspect/routes?api_filter=other").status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"benchmark_id": "\\u0000", "dataset_id": "", "scoring_functions": []}',
        b'{"benchmark_id": "a", "dataset_id": "\\ud800", "scoring_functions": []}',
        b'{"benchmark_id": "a", "dataset_id": "", "scoring_functions": [], "metadata": {"a": NaN}}',
        b'{"benchmark_id": "a", "dataset_id": "", "scoring_functions": [], "metadata": {"a": 1e999}}',
        b'{"benchmark_id": "a", "dataset_id": "", "scoring_functions": [], "more": 1}',
        b'{"benchmark_id": "a", "dataset_id": "", "scoring_functions": [], "metadata": '
        + b'{"a":' * 5000
        + b"1"
        + b"}" * 5000
        + b"}",
    ],
)
def test_a_malformed_body_is_a_bad_request(service: Live, body: bytes):
    answer = service.call("POST", "/v1/eval/benchmarks", body)
    assert answer.status == 400
    assert message(answer)
