"""Specs before they are run: every mistake with its place, every default, and what a run would take."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.service.live import Live, live, spec_of

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)
ROWS = base64.b64encode(b'{"input": "a", "reference": "b"}\n{"input": "c", "reference": "d"}\n').decode()


def questions(endpoint: TruthProcess) -> dict[str, Any]:
    return spec_of(endpoint, dataset="datasets/rows.jsonl", load={"kind": "concurrent"})


def test_a_right_spec_comes_back_with_all_defaults_and_the_hash_of_its_plan(
    service: Live, endpoint: TruthProcess
):
    found = service.call("POST", "/api/v1/specs/validate", {"spec": spec_of(endpoint)}).json
    assert (found["valid"], found["problems"]) == (True, [])
    assert found["spec"]["sampling"]["max_tokens"] == 512
    assert found["spec"]["benchmarks"][0]["errors_count"] is True
    again = service.call("POST", "/api/v1/specs/validate", {"spec": spec_of(endpoint)}).json
    assert len(found["plan_hash"]) == 64
    assert again["plan_hash"] == found["plan_hash"]


def test_all_mistakes_come_at_once_each_with_its_place(service: Live, endpoint: TruthProcess):
    spec = spec_of(endpoint, scorers=[{"type": "contans"}], dataset="datasets/none.jsonl")
    spec["models"][0]["modell"] = "m"
    found = service.call("POST", "/api/v1/specs/validate", {"spec": spec}).json
    assert found["valid"] is False
    assert found["spec"] is None
    told = {each["path"]: each["message"] for each in found["problems"]}
    assert "Did you mean `model`?" in told["models[0].modell"]
    assert "Did you mean `contains`?" in told["benchmarks[0].scorers[0].type"]
    assert "there is no file" in told["benchmarks[0].dataset.path"]
    assert "bakeoff-check" not in json.dumps(found)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"models": ["nobody"]}, "Target 'nobody' not found"),
        ({"models": [{"name": "m", "endpoint": "http://10.0.0.1/v1"}]}, "may not ask"),
        ({"nonsense": 1}, "no key of a spec"),
        ({"models": [{"name": "m", "endpoint": "http://127.0.0.1/v1", "model": "m"}]}, "no benchmarks"),
    ],
)
def test_what_a_run_would_be_refused_for_is_a_mistake(service: Live, spec: dict[str, Any], message: str):
    found = service.call("POST", "/api/v1/specs/validate", {"spec": spec}).json
    assert any(message in each["message"] for each in found["problems"])


def test_a_row_that_cannot_be_read_is_a_mistake_with_its_line(service: Live, endpoint: TruthProcess):
    rows = base64.b64encode(b'{"input": "a"}\nnonsense\n').decode()
    body = {"spec": questions(endpoint), "files": {"datasets/rows.jsonl": rows}}
    found = service.call("POST", "/api/v1/specs/validate", body).json
    assert [each["where"] for each in found["problems"]] == ["datasets/rows.jsonl:2"]


def test_a_written_secret_is_a_mistake_and_not_shown_again(service: Live, endpoint: TruthProcess):
    spec = spec_of(endpoint)
    spec["models"][0]["api_key"] = "sk-planted-4711"
    answer = service.call("POST", "/api/v1/specs/validate", {"spec": spec})
    assert answer.json["problems"][0]["path"] == "models[0].api_key"
    assert b"planted" not in answer.body


def test_a_plan_says_what_a_run_takes_and_narrows_to_what_is_named(service: Live, endpoint: TruthProcess):
    spec = spec_of(endpoint, requests=10)
    spec["benchmarks"] += spec_of(endpoint, name="more", requests=7)["benchmarks"]
    whole = service.call("POST", "/api/v1/specs/plan", {"spec": spec}).json
    part = service.call("POST", "/api/v1/specs/plan", {"spec": spec, "benchmarks": ["more"]}).json
    assert (whole["calls"], part["calls"]) == (25, 11)
    assert whole["cannot"]
    wrong = service.call("POST", "/api/v1/specs/plan", {"spec": spec, "models": ["nobody"]})
    assert wrong.status == 422
    assert "no model `nobody`" in wrong.json["error"]["message"]


def test_a_plan_learns_from_an_earlier_run(service: Live, endpoint: TruthProcess):
    run = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint)}).json["id"]
    outcome = service.ended(run)["outcome"]
    found = service.call("POST", "/api/v1/specs/plan", {"spec": spec_of(endpoint), "earlier": run}).json
    assert found["earlier"] == outcome["run"]
    assert found["seconds"] is not None
    unknown = service.call("POST", "/api/v1/specs/plan", {"spec": spec_of(endpoint), "earlier": "job-none"})
    assert unknown.status == 404


def test_data_that_come_with_a_spec_are_its_own(service: Live, endpoint: TruthProcess):
    body = {"spec": questions(endpoint), "files": {"datasets/rows.jsonl": ROWS}}
    assert service.call("POST", "/api/v1/specs/plan", body).json["calls"] == 2
    run = service.call("POST", "/api/v1/runs", body)
    assert service.ended(run.json["id"])["progress"]["done"] == 2


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"spec.json": ROWS}, "no path of a job's data"),
        ({"datasets/../spec.json": ROWS}, "no path of a job's data"),
        ({"datasets/.env": ROWS}, "no path of a job's data"),
        ({"datasets/rows.jsonl": "%%%"}, "no base64"),
        ({"datasets/rows.jsonl": "é"}, "no base64"),
    ],
)
def test_files_that_are_no_data_are_refused(
    service: Live, endpoint: TruthProcess, files: dict[str, str], message: str
):
    answer = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint), "files": files})
    assert answer.status == 400
    assert message in answer.json["error"]["message"]


def test_files_over_the_limit_are_refused(endpoint: TruthProcess, tmp_path: Path):
    with live(Settings(data=tmp_path, workers=0, most_upload=1000)) as small:
        files = {"datasets/rows.jsonl": base64.b64encode(b"x" * 1001).decode()}
        answer = small.call("POST", "/api/v1/specs/plan", {"spec": spec_of(endpoint), "files": files})
    assert answer.status == 413


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"spec": {"seed": 99999999999999999999999}}', "over 2**53"),
        ('{"spec": {"models": ' + "[" * 100 + "]" * 100 + "}}", "nested more than 60 deep"),
    ],
)
def test_values_that_nothing_can_store_are_refused_with_their_place(service: Live, body: str, message: str):
    answer = service.call("POST", "/api/v1/runs", body.encode())
    assert answer.status == 400
    assert message in answer.json["error"]["message"]
    checked = service.call("POST", "/api/v1/specs/validate", body.encode())
    assert message in checked.json["problems"][0]["message"]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(["models", "benchmarks", "decide", "sampling", "timeout", "prices", "seed", "name"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=st.dictionaries(KEYS, JSON, max_size=4))
def test_no_document_breaks_the_check(service: Live, spec: dict[str, Any]):
    answer = service.call("POST", "/api/v1/specs/validate", {"spec": spec})
    assert answer.status == 200
    assert answer.json["valid"] is False
    assert answer.json["problems"]
