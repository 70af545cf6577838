"""Files, plugins, keys and the audit log of a project."""

from collections.abc import Generator
from pathlib import Path

import pytest
from tests.service.live import Live, live

from bakeoff.server.settings import Settings

pytestmark = pytest.mark.timeout(120)
TEXT = {"Content-Type": "text/plain"}
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("plain"), workers=0)) as running:
        yield running


@pytest.fixture
def guarded(tmp_path: Path) -> Generator[Live]:
    with live(Settings(data=tmp_path, workers=0, keys_required=True)) as running:
        running.key = running.service.keys.create("boss", "admin")[1]
        yield running


def test_a_file_is_kept_as_it_came_until_it_is_deleted(plain: Live):
    made = plain.call("POST", "/api/v1/files?name=note.txt&purpose=notes", b"hello", headers=BYTES)
    assert made.status == 201
    file = made.json
    assert (file["name"], file["purpose"], file["bytes"]) == ("note.txt", "notes", 5)
    assert plain.call("GET", f"/api/v1/files/{file['id']}").json == file
    content = plain.call("GET", f"/api/v1/files/{file['id']}/content")
    assert (content.body, content.headers["x-content-type-options"]) == (b"hello", "nosniff")
    assert plain.call("GET", "/api/v1/files?purpose=notes").json["data"] == [file]
    assert plain.call("GET", "/api/v1/files?purpose=others").json["data"] == []
    assert plain.call("DELETE", f"/api/v1/files/{file['id']}").status == 204
    assert plain.call("GET", f"/api/v1/files/{file['id']}/content").status == 404


def test_a_form_names_its_file(plain: Live):
    body = (
        b'--X\r\nContent-Disposition: form-data; name="file"; filename="../../a.bin"\r\n\r\nhi\r\n--X--\r\n'
    )
    made = plain.call(
        "POST", "/api/v1/files", body, headers={"Content-Type": "multipart/form-data; boundary=X"}
    )
    assert (made.status, made.json["name"], made.json["bytes"]) == (201, "a.bin", 2)


def test_files_of_data_sets_come_and_go_with_them(plain: Live):
    plain.call("PUT", "/api/v1/datasets/d", b"one\n", headers=TEXT)
    file = plain.call("GET", "/api/v1/files?purpose=dataset").json["data"][0]["id"]
    refused = plain.call("DELETE", f"/api/v1/files/{file}")
    assert (refused.status, refused.json["error"]["hint"]) == (409, "delete the data set")
    assert plain.call("POST", "/api/v1/files?purpose=dataset", b"x", headers=BYTES).status == 400
    assert plain.call("DELETE", "/api/v1/datasets/d").status == 204
    assert plain.call("GET", f"/api/v1/files/{file}").status == 404


def test_a_file_over_the_limit_is_refused(tmp_path: Path):
    with live(Settings(data=tmp_path, workers=0, most_upload=10)) as small:
        assert small.call("POST", "/api/v1/files", b"x" * 11, headers=BYTES).status == 413
        assert small.call("POST", "/api/v1/files", b"x" * 10, headers=BYTES).status == 201


def test_plugins_are_listed_with_a_line_each(plain: Live):
    found = plain.call("GET", "/api/v1/plugins/scorers").json["data"]
    texts = {each["name"]: each["text"] for each in found}
    assert texts["contains"]
    assert all(each["text"] or each["missing"] for each in found)
    assert plain.call("GET", "/api/v1/plugins/deployers").status == 422


def test_a_key_is_made_for_the_callers_project_and_works_until_it_is_revoked(guarded: Live):
    made = guarded.call("POST", "/api/v1/keys", {"name": "ann", "role": "viewer", "seconds": 3600})
    assert (made.status, made.json["role"], made.json["project"]) == (201, "viewer", "default")
    headers = {"Authorization": f"Bearer {made.json['secret']}"}
    assert guarded.call("GET", "/api/v1/runs", headers=headers).status == 200
    assert guarded.call("GET", "/api/v1/keys", headers=headers).status == 403
    listed = guarded.call("GET", "/api/v1/keys")
    assert [key["name"] for key in listed.json["data"]] == ["boss", "ann"]
    assert made.json["secret"].encode() not in listed.body
    assert guarded.call("DELETE", f"/api/v1/keys/{made.json['id']}").status == 204
    assert guarded.call("GET", "/api/v1/runs", headers=headers).status == 401
    assert guarded.call("DELETE", "/api/v1/keys/key-none").status == 404


def test_the_audit_log_tells_what_was_changed_newest_first(guarded: Live):
    for name in ("a", "b", "c"):
        guarded.call("PUT", f"/api/v1/datasets/{name}", b"one\n", headers=TEXT)
    guarded.call("GET", "/api/v1/runs")
    first = guarded.call("GET", "/api/v1/audit?limit=2").json
    assert [line["path"] for line in first["data"]] == ["/api/v1/datasets/c", "/api/v1/datasets/b"]
    assert first["data"][0]["who"].startswith("boss (key-")
    rest = guarded.call("GET", f"/api/v1/audit?limit=2&before={first['next']}").json
    assert [(line["path"], line["action"], line["status"]) for line in rest["data"]] == [
        ("/api/v1/datasets/a", "PUT", 201)
    ]
    assert rest["next"] is None
