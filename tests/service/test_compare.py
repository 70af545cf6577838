"""Runs looked at again: compared, decided by another rule, exported; nothing is sent."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.service.live import Live, live, spec_of

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)
ROWS = [{"id": f"r{number}", "input": f"Q{number}", "reference": "a"} for number in range(20)]


@pytest.fixture(scope="module")
def runs(service: Live, endpoint: TruthProcess) -> list[str]:
    service.call("PUT", "/api/v1/datasets/rows", {"rows": ROWS})
    stored = {"type": "stored", "name": "rows"}
    started = []
    for word in ("a", "zebra"):
        spec = spec_of(
            endpoint,
            dataset=stored,
            load={"kind": "concurrent", "concurrency": 2},
            scorers=[{"type": "contains", "value": word}],
        )
        started.append(service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"])
    assert [service.ended(run)["state"] for run in started] == ["completed"] * 2
    return started


def test_runs_are_compared_case_by_case_under_the_names_that_their_ids_have(service: Live, runs: list[str]):
    found = service.call("POST", "/api/v1/compare", {"runs": runs}).json
    assert list(found["jobs"]) == runs
    assert list(found["jobs"].values()) == found["runs"]
    quality = [one for one in found["comparisons"] if one["metric"] == "facts.accuracy"]
    assert [one["n"] for one in quality] == [20]
    assert service.call("POST", "/api/v1/compare", {"runs": runs}).json == found


def test_what_was_compared_is_computed_once_and_goes_with_the_run(tmp_path: Path, endpoint: TruthProcess):
    with live(Settings(data=tmp_path, workers=1)) as service:
        spec = spec_of(endpoint)
        spec["models"].append({"name": "n", "endpoint": endpoint.url, "model": "n"})
        run = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
        service.ended(run)
        found = service.call("POST", "/api/v1/compare", {"runs": [run], "against": "n"}).json
        assert found["against"] == "n"
        kept = list(service.service.jobs.folder(run).glob("compared-*.json"))
        assert len(kept) == 1
        kept[0].write_bytes(kept[0].read_bytes().replace(b'"warnings":[', b'"warnings":["kept"' + b"," * 0))
        again = service.call("POST", "/api/v1/compare", {"runs": [run], "against": "n"})
        assert again.status == 200
        assert again.json["warnings"][0] == "kept"
        assert service.call("DELETE", f"/api/v1/runs/{run}").status == 204
        assert not kept[0].exists()


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"runs": ["job-none"]}, 404, "not found"),
        ({"against": "nobody"}, 422, "nobody"),
        ({"runs": []}, 422, "at least 1"),
        ({"against": "\0"}, 422, "NUL"),
        ({"more": 1}, 422, "more"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    service: Live, runs: list[str], change: dict[str, Any], status: int, message: str
):
    answer = service.call("POST", "/api/v1/compare", {"runs": runs, **change})
    assert answer.status == status
    assert message in answer.json["error"]["message"]


def test_a_run_is_not_compared_with_itself(service: Live, runs: list[str]):
    answer = service.call("POST", "/api/v1/compare", {"runs": [runs[0], runs[0]]})
    assert (answer.status, "twice" in answer.json["error"]["message"]) == (400, True)


def test_a_run_that_has_not_begun_cannot_be_looked_at(tmp_path: Path, endpoint: TruthProcess):
    with live(Settings(data=tmp_path, workers=0)) as idle:
        run = idle.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint)}).json["id"]
        assert idle.call("POST", "/api/v1/compare", {"runs": [run]}).status == 409
        assert idle.call("POST", f"/api/v1/runs/{run}/decide", {}).status == 409
        assert idle.call("GET", f"/api/v1/runs/{run}/export?format=csv").status == 409


def test_a_run_that_goes_on_can_be_compared(service: Live, endpoint: TruthProcess):
    spec = spec_of(endpoint, requests=5000)
    spec["models"].append({"name": "n", "endpoint": endpoint.url, "model": "n"})
    run = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
    while service.call("GET", f"/api/v1/runs/{run}").json["progress"]["done"] == 0:
        pass
    try:
        assert service.call("POST", "/api/v1/compare", {"runs": [run]}).status == 200
        assert not list(service.service.jobs.folder(run).glob("compared-*"))
    finally:
        service.call("POST", f"/api/v1/runs/{run}/cancel")
        service.ended(run)


def test_another_rule_and_other_prices_decide_without_changing_the_run(service: Live, runs: list[str]):
    before = service.call("GET", f"/api/v1/runs/{runs[0]}/results").json
    body = {
        "policy": {"quality": {"metric": "facts.accuracy", "at_least": 0.99}},
        "prices": {"m": {"input": 1, "output": "2.5"}},
        "traffic": 5,
    }
    found = service.call("POST", f"/api/v1/runs/{runs[0]}/decide", body).json
    assert found["rule_hash"] != before["rule_hash"]
    assert any("input of m is 1" in warning for warning in found["warnings"])
    assert service.call("GET", f"/api/v1/runs/{runs[0]}/results").json == before
    same = service.call("POST", f"/api/v1/runs/{runs[0]}/decide", {}).json
    assert same["verdict"] == before["verdict"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"policy": {"qualty": {}}}, "decide.qualty: unknown key"),
        ({"policy": {"quality": {"metric": "facts.acuracy"}}}, "Did you mean `accuracy`?"),
        ({"policy": {"incumbent": "${HOME}"}}, "HOME"),
        ({"prices": {"nobody": {"input": 1}}}, "nobody"),
        ({"prices": {"m": {"inptu": 1}}}, "inptu"),
        ({"prices": {"m": {"input": "dear"}}}, "dear"),
        ({"traffic": "often"}, "often"),
        ({"traffic": 0}, "more than 0"),
        ({"slo": {"tttf": "300ms"}}, "tttf"),
        ({"slo": {"ttft": "soon"}}, "soon"),
        ({"slo": {"ttft": "a\0"}}, "NUL"),
    ],
)
def test_a_rule_with_a_mistake_is_refused_with_its_place(
    service: Live, runs: list[str], body: dict[str, Any], message: str
):
    answer = service.call("POST", f"/api/v1/runs/{runs[0]}/decide", body)
    assert answer.status in {400, 422}, answer.body
    assert message in answer.json["error"]["message"]
    assert "/tmp" not in answer.body.decode()


def test_a_latency_target_can_be_assumed(service: Live, runs: list[str]):
    found = service.call("POST", f"/api/v1/runs/{runs[0]}/decide", {"slo": {"ttft": "300ms"}})
    assert found.status == 200
    assert "verdict" in found.json


def test_a_run_is_exported_as_a_file_or_as_a_zip_of_several(service: Live, runs: list[str]):
    table = service.call("GET", f"/api/v1/runs/{runs[0]}/export?format=csv")
    assert table.headers["content-disposition"] == 'attachment; filename="samples.csv"'
    assert len(table.body.splitlines()) > 20
    several = service.call("GET", f"/api/v1/runs/{runs[0]}/export?format=kit")
    assert len(zipfile.ZipFile(io.BytesIO(several.body)).namelist()) > 1


def test_evidence_of_a_run_is_not_signed(service: Live, runs: list[str]):
    answer = service.call("GET", f"/api/v1/runs/{runs[0]}/export?format=evidence")
    names = zipfile.ZipFile(io.BytesIO(answer.body)).namelist()
    assert any(name.endswith("manifest.json") for name in names)
    assert not any("signature" in name for name in names)
    assert json.loads(service.call("GET", f"/api/v1/runs/{runs[0]}/export?format=nothing").body)["error"][
        "hint"
    ].startswith("known:")
