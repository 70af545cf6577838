"""Files and evals, and what no call may say."""

import json
import time
from typing import Any

import pytest
from tests.service.dialects.answering import Answering
from tests.service.dialects.openai_evals.calls import (
    EQUAL,
    ROWS,
    asking,
    counts,
    eval_of,
    finished,
    given,
    new_eval,
    start,
    upload,
)
from tests.service.live import Answer, Live, live

from bakeoff.server.settings import Settings

pytestmark = pytest.mark.timeout(120)


def test_a_file_is_read_row_by_row_and_its_mistakes_have_a_line(service: Live):
    def sent(text: bytes) -> Answer:
        file = upload(service, text).json["id"]
        source = {"type": "jsonl", "source": {"type": "file_id", "id": file}}
        return start(service, ident, source)

    ident = eval_of(service, EQUAL | {"input": "{{item.q}}"})
    good = b'{"item": {"q": "x", "a": "x"}}\n\n{"item": {"q": "x", "a": "y"}}\n'
    assert counts(finished(service, sent(good).json)) == (2, 1, 1, 0)
    for bad, named in [
        (b'{"item": {}}\n{"item": 3}', "line 2"),
        (b'{"item": ', "line 1"),
        (b'{"item": {"q": "\\u0000"}}', "NUL"),
        (b"\n", "no rows"),
    ]:
        answer = sent(bad)
        assert answer.status == 400
        assert named in answer.json["error"]["message"]


def test_rows_are_checked_by_the_schema_of_the_eval(service: Live):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    ident = eval_of(service, EQUAL, item_schema=schema)
    answer = start(service, ident, given([{"item": {"n": 1}}, {"item": {"n": "x"}}]))
    assert answer.status == 400
    assert "row 1" in answer.json["error"]["message"]
    assert new_eval(service, EQUAL, item_schema={"type": 3}).status == 400
    away = eval_of(service, EQUAL, item_schema={"$ref": "http://127.0.0.1:1/schema"})
    assert "not in it" in start(service, away, given([{"item": {}}])).json["error"]["message"]


def test_files_are_listed_by_purpose_and_in_both_orders(service: Live):
    first, second = (upload(service, data, ("purpose", "user_data")).json["id"] for data in (b"1", b"2"))
    newest = service.call("GET", "/v1/files?purpose=user_data").json
    assert [file["id"] for file in newest["data"]] == [second, first]
    assert (newest["first_id"], newest["last_id"], newest["has_more"]) == (second, first, False)
    oldest = service.call("GET", "/files?purpose=user_data&order=asc&limit=1").json
    assert ([file["id"] for file in oldest["data"]], oldest["has_more"]) == ([first], True)
    after = service.call("GET", f"/v1/files?purpose=user_data&after={second}").json["data"]
    assert [file["id"] for file in after] == [first]
    assert service.call("GET", f"/v1/files/{first}").json == oldest["data"][0]
    assert service.call("GET", "/v1/files?purpose=nothing").json["data"] == []
    content = service.call("GET", f"/v1/files/{second}/content")
    assert (content.body, content.headers["content-disposition"]) == (b"2", "attachment")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ([("purpose", "everything")], "everything"),
        ([("purpose", "evals"), ("expires_after[seconds]", "60")], "expires_after"),
        ([("purpose", "evals"), ("colour", "red")], "colour"),
        ([("colour", "red")], "purpose"),
    ],
)
def test_what_an_upload_may_not_say_is_refused_by_name(
    service: Live, fields: list[tuple[str, str]], named: str
):
    answer = upload(service, b"x", *fields)
    assert answer.status == 400
    assert named in answer.json["error"]["message"]
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_a_file_of_a_data_set_stays_with_it(service: Live):
    kept = service.service.files.add("x", b"x", purpose="dataset", project="default", owner="tests")
    assert service.call("DELETE", f"/v1/files/{kept.id}").status == 409


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"model": "gpt-9"}, 404, "gpt-9"),
        ({"model": None}, 400, "model"),
        ({"input_messages": None}, 400, "input_messages"),
        ({"source": {"type": "stored_completions"}}, 400, "stored_completions"),
        ({"source": {"type": "file_id", "id": "file-none"}}, 404, "file-none"),
        ({"sampling_params": {"best_of": 2}}, 400, "best_of"),
        ({"sampling_params": {"tools": [{"type": "web_search"}]}}, 400, "web_search"),
        ({"type": "logs"}, 400, "logs"),
        ({"input_messages": {"type": "item_reference", "item_reference": "sample.x"}}, 400, "sample.x"),
        ({"input_messages": {"type": "item_reference", "item_reference": "item.none"}}, 400, "item.none"),
        ({"input_messages": {"type": "item_reference", "item_reference": "item.n"}}, 400, "no messages"),
        ({"input_messages": {"type": "item_reference", "item_reference": "item.empty"}}, 400, "no messages"),
    ],
)
def test_what_a_run_may_not_ask_is_refused_by_name(
    service: Live, change: dict[str, Any], status: int, named: str
):
    rows = [{"item": {"q": "x", "a": "x", "n": 3, "empty": []}}]
    source = {key: value for key, value in (asking(rows) | change).items() if value is not None}
    answer = start(service, eval_of(service, EQUAL), source)
    assert answer.status == status, answer.body
    assert named in answer.json["error"]["message"]


def test_an_eval_is_deleted_with_its_runs_but_not_under_them(service: Live, endpoint: Answering):
    ident = eval_of(service, EQUAL)

    def slow(_: dict[str, Any]) -> str:
        time.sleep(1)
        return "x"

    endpoint.say = slow
    run = start(service, ident, asking([{"item": {"q": str(at), "a": "x"}} for at in range(50)])).json
    assert service.call("DELETE", f"/v1/evals/{ident}").status == 409
    # Older clients cancel by a POST on the run itself.
    service.call("POST", f"/v1/evals/{ident}/runs/{run['id']}")
    assert finished(service, run)["status"] == "canceled"
    assert service.call("DELETE", f"/v1/evals/{ident}").json["deleted"] is True
    assert service.call("GET", f"/v1/evals/{ident}").status == 404
    assert service.call("GET", f"/api/v1/runs/job-{run['id'].removeprefix('evalrun_')}").status == 404


def test_evals_are_ordered_by_their_last_change(service: Live):
    first, second = eval_of(service, EQUAL), eval_of(service, EQUAL)
    changed = service.call("POST", f"/v1/evals/{first}", {"name": "new", "metadata": {"a": "b"}}).json
    assert (changed["name"], changed["metadata"]) == ("new", {"a": "b"})
    again = service.call("POST", f"/v1/evals/{first}", {"name": "newer"}).json
    assert (again["name"], again["metadata"]) == ("newer", {"a": "b"})
    newest = service.call("GET", "/v1/evals?order=desc&order_by=updated_at&limit=1").json["data"]
    created = service.call("GET", "/v1/evals?order=desc&limit=1").json["data"]
    assert ([one["id"] for one in newest], [one["id"] for one in created]) == ([first], [second])
    after = service.call("GET", f"/v1/evals?order_by=updated_at&after={second}").json
    assert ([one["id"] for one in after["data"]], after["has_more"]) == ([first], False)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "body"),
        (b"[]", "dict"),
        (json.dumps({"name": "x"}).encode(), "data_source_config"),
        (json.dumps({"data_source_config": {"type": "logs"}, "testing_criteria": []}).encode(), "logs"),
        (json.dumps({"metadata": {"k" * 65: "v"}}).encode(), "metadata"),
    ],
)
def test_malformed_bodies_are_bad_requests(service: Live, body: bytes, named: str):
    answer = service.call("POST", "/v1/evals", body)
    assert answer.status == 400
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    assert named in answer.body.decode()


def test_more_rows_than_the_server_takes_are_refused(tmp_path_factory: pytest.TempPathFactory):
    with live(Settings(data=tmp_path_factory.mktemp("small"), workers=0, most_rows=1)) as small:
        answer = start(small, eval_of(small, EQUAL), given(ROWS))
        assert (answer.status, answer.json["error"]["code"]) == (413, "too_large")
