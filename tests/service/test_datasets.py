"""Data sets of a project: uploaded in every form, read to the last row, versioned, paged, used by runs."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.service.live import Answer, Live, live, spec_of

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)
LINES = (
    b'{"input": "a", "reference": "b"}\n{"input": "c", "reference": "d"}\n{"input": "a", "reference": "b"}\n'
)


def put(service: Live, name: str, content: bytes, media_type: str, query: str = "") -> Answer:
    return service.call(
        "PUT", f"/api/v1/datasets/{name}{query}", content, headers={"Content-Type": media_type}
    )


def form(content: bytes, filename: str, part: str = "file") -> tuple[bytes, str]:
    head = f'--XX\r\nContent-Disposition: form-data; name="{part}"; filename="{filename}"\r\n\r\n'
    return head.encode() + content + b"\r\n--XX--\r\n", "multipart/form-data; boundary=XX"


@pytest.mark.parametrize(
    ("content", "media_type", "query", "format_", "rows"),
    [
        (LINES, "application/jsonl", "", "jsonl", 3),
        (LINES, "application/octet-stream", "?format=jsonl", "jsonl", 3),
        (b"input,reference\na,b\n", "text/csv; charset=utf-8", "", "csv", 1),
        (b"one\n\ntwo\n", "text/plain", "", "text", 2),
        (b'{"rows": [{"input": "a"}]}', "application/json", "", "jsonl", 1),
        (*form(LINES, "rows.jsonl"), "", "jsonl", 3),
        (*form(b"input\na\n", "rows.csv"), "", "csv", 1),
    ],
)
def test_rows_come_in_every_form(
    service: Live, content: bytes, media_type: str, query: str, format_: str, rows: int
):
    name = re.sub(r"\W+", "-", f"form-{media_type}-{format_}-{rows}")
    answer = put(service, name, content, media_type, query)
    assert answer.status == 201, answer.body
    assert (answer.json["format"], answer.json["rows"], answer.json["version"]) == (format_, rows, 1)
    assert service.call("GET", f"/api/v1/datasets/{name}").json == answer.json


def test_the_card_tells_fields_and_rows_that_say_the_same(service: Live):
    card = put(service, "card", LINES, "application/jsonl").json["card"]
    assert [field["name"] for field in card["fields"]] == ["input", "reference"]
    assert card["duplicates"]["exact"] == 1
    assert card["source"] == "card.jsonl"


def test_equal_content_is_the_version_of_before_and_other_content_the_next(service: Live):
    assert put(service, "v", LINES, "application/jsonl").status == 201
    assert put(service, "v", LINES, "application/jsonl").status == 200
    second = put(service, "v", b"input\nz\n", "text/csv")
    assert (second.status, second.json["version"]) == (201, 2)
    versions = service.call("GET", "/api/v1/datasets/v/versions").json["data"]
    assert [(each["version"], each["latest"], each["format"]) for each in versions] == [
        (1, False, "jsonl"),
        (2, True, "csv"),
    ]
    assert service.call("GET", "/api/v1/datasets/v/content?version=1").body == LINES
    newest = service.call("GET", "/api/v1/datasets/v/content")
    assert newest.body == b"input\nz\n"
    assert "attachment" in newest.headers["content-disposition"]
    assert service.call("GET", "/api/v1/datasets/v?version=3").status == 404


def test_rows_come_in_pages_with_their_lines(service: Live):
    put(service, "pages", b'{"input": "a"}\n\n{"input": "b"}\n{"input": "c"}\n', "application/jsonl")
    first = service.call("GET", "/api/v1/datasets/pages/rows?limit=2").json
    assert first["data"] == [{"line": 1, "fields": {"input": "a"}}, {"line": 3, "fields": {"input": "b"}}]
    rest = service.call("GET", f"/api/v1/datasets/pages/rows?limit=2&offset={first['next_offset']}").json
    assert (rest["data"], rest["next_offset"]) == ([{"line": 4, "fields": {"input": "c"}}], None)


@pytest.mark.parametrize(
    ("content", "media_type", "status", "message"),
    [
        (b'{"input": "a"}\n{"input": \n', "application/jsonl", 422, "line 2: is no JSON"),
        (b'{"input": "a"}\n[1]\n', "application/jsonl", 422, "line 2: is a JSON list"),
        (b"", "application/jsonl", 422, "no rows"),
        (b"a,b\n1,2,3\n", "text/csv", 422, "line 2"),
        (b"\xff\xfe\x00a\n", "text/plain", 422, ""),
        (b'{"rows": [1]}', "application/json", 422, "the body is no rows"),
        (b'{"rows": [], "more": 1}', "application/json", 422, "unknown field"),
        (b'{"rows": []}', "application/json", 422, "no rows"),
        (b"x", "image/png", 400, "format of `image/png` is not known"),
        (b"x", "multipart/form-data; boundary=XX", 400, "multipart"),
        (*form(b"x", "a.txt", part="other"), 400, "the form has no file"),
    ],
)
def test_bad_rows_are_refused_with_their_line(
    service: Live, content: bytes, media_type: str, status: int, message: str
):
    answer = put(service, "bad", content, media_type)
    assert answer.status == status, answer.body
    assert message in answer.json["error"]["message"]
    assert "/tmp" not in answer.body.decode()
    assert service.call("GET", "/api/v1/datasets/bad").status == 404


@pytest.mark.parametrize("name", ["a%20b", ".hidden", "a" * 201, "%F0%9F%8E%82"])
def test_odd_names_are_refused(service: Live, name: str):
    assert put(service, name, LINES, "application/jsonl").status == 422


def test_what_is_over_a_limit_is_refused(tmp_path: Path):
    with live(Settings(data=tmp_path, workers=0, most_rows=2, most_upload=5000)) as small:
        assert put(small, "d", LINES, "application/jsonl").status == 413
        body, media_type = form(b"x" * 5001, "a.txt")
        assert put(small, "d", body, media_type).status == 413
        assert put(small, "d", b"x" * 5001, "text/plain").status == 413
    with live(Settings(data=tmp_path, workers=0)) as service:
        wide = json.dumps({f"field{number}": 1 for number in range(1001)}).encode()
        assert "different fields" in put(service, "d", wide, "application/jsonl").json["error"]["message"]
        assert service.call("GET", "/api/v1/files").json["data"] == []


def test_a_run_asks_the_version_that_its_spec_names_even_after_it_is_gone(
    service: Live, endpoint: TruthProcess
):
    put(service, "asked", b'{"input": "a", "reference": "b"}\n', "application/jsonl")
    put(service, "asked", LINES, "application/jsonl")
    stored = {"type": "stored", "name": "asked"}
    counts = {}
    for version in (None, 1):
        dataset = stored | ({} if version is None else {"version": version})
        spec = spec_of(endpoint, dataset=dataset, load={"kind": "concurrent"})
        counts[version] = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
    assert service.call("DELETE", "/api/v1/datasets/asked").status == 204
    assert service.ended(counts[None])["progress"]["done"] == 3
    assert service.ended(counts[1])["progress"]["done"] == 1
    gone = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint, dataset=stored)})
    assert gone.status == 404
    assert not [f for f in service.call("GET", "/api/v1/files").json["data"] if f["name"] == "asked.jsonl"]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"name": 7}, "needs a `name`"),
        ({"name": "here", "version": "1"}, "no version"),
        ({"name": "here", "version": True}, "no version"),
        ({"name": "here", "version": 2**40}, "no version"),
        ({"name": "here", "version": 9}, "'here@9' not found"),
        ({"name": "here", "rows": 3}, "no option of a stored data set"),
        ({"name": "her"}, "'her' not found"),
    ],
)
def test_a_stored_data_set_that_is_not_there_is_refused_by_name(
    service: Live, endpoint: TruthProcess, dataset: dict[str, object], message: str
):
    put(service, "here", LINES, "application/jsonl")
    spec = spec_of(endpoint, dataset={"type": "stored", **dataset})
    answer = service.call("POST", "/api/v1/runs", {"spec": spec})
    assert answer.status in {400, 404}
    assert message in answer.json["error"]["message"]
    if message == "'her' not found":
        assert answer.json["error"]["hint"] == "Did you mean `here`?"


def test_lists_come_in_pages(tmp_path: Path):
    with live(Settings(data=tmp_path, workers=0)) as service:
        for name in ("a", "b", "c"):
            put(service, name, LINES, "application/jsonl")
        first = service.call("GET", "/api/v1/datasets?limit=2").json
        assert ([each["name"] for each in first["data"]], first["next_offset"]) == (["a", "b"], 2)
        rest = service.call("GET", "/api/v1/datasets?limit=2&offset=2").json
        assert ([each["name"] for each in rest["data"]], rest["next_offset"]) == (["c"], None)
        assert rest["data"][0]["card"] is None


def test_a_data_set_of_another_dialect_gets_its_card_when_it_is_asked_for(service: Live):
    file = service.service.files.add("rows", LINES, purpose="evals", project="default", owner="x")
    body = {"format": "json", "file": file.id}
    service.service.objects.put("dataset", "foreign", body, project="default", owner="x")
    found = service.call("GET", "/api/v1/datasets/foreign").json
    assert (found["rows"], found["card"]["rows"]) == (None, 3)
    assert service.call("DELETE", "/api/v1/datasets/foreign").status == 204
    assert service.call("GET", f"/api/v1/files/{file.id}").status == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80), format_=st.sampled_from(["jsonl", "csv", "text"]))
def test_no_content_breaks_an_upload(service: Live, content: bytes, format_: str):
    answer = put(service, "fuzz", content, "application/octet-stream", f"?format={format_}")
    assert answer.status in {200, 201, 413, 422}
    if answer.status in {200, 201}:
        version = answer.json["version"]
        assert service.call("GET", f"/api/v1/datasets/fuzz/content?version={version}").body == content
        rows = service.call("GET", f"/api/v1/datasets/fuzz/rows?version={version}").json["data"]
        assert len(rows) == answer.json["rows"]


def test_versions_go_on_after_a_deletion(service: Live):
    def stored(rows: list[dict[str, str]]) -> int:
        answer = service.call("PUT", "/api/v1/datasets/again", {"rows": rows})
        assert answer.status in {200, 201}, answer.body
        version: int = answer.json["version"]
        return version

    assert [stored([{"input": "a"}]), stored([{"input": "b"}])] == [1, 2]
    assert service.call("DELETE", "/api/v1/datasets/again").status == 204
    assert stored([{"input": "a"}]) == 3
    assert service.call("GET", "/api/v1/datasets/again?version=1").status == 404
    versions = service.call("GET", "/api/v1/datasets/again/versions").json["data"]
    assert [each["version"] for each in versions] == [3]
    assert service.call("DELETE", "/api/v1/datasets/again").status == 204
    assert service.call("DELETE", "/api/v1/datasets/again").status == 404
    assert stored([{"input": "c"}]) == 4
