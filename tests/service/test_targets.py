"""Targets and benchmarks: registered once, named in specs; secrets stay names, addresses stay on the list."""

import socket
from pathlib import Path
from typing import Any

import pytest
from tests.service.live import Live, live, spec_of

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess, TruthSettings

pytestmark = pytest.mark.timeout(120)


def test_a_registered_target_is_asked_by_its_name(service: Live, endpoint: TruthProcess):
    target = {"endpoint": endpoint.url, "model": "m", "price": {"input": 1, "output": 2}}
    made = service.call("PUT", "/api/v1/targets/named", target)
    assert (made.status, made.json["version"], made.json["target"]) == (200, 1, target)
    spec = spec_of(endpoint) | {"models": ["named"]}
    run = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
    assert service.call("DELETE", "/api/v1/targets/named").status == 204
    assert service.ended(run)["state"] == "completed"
    kept = service.call("GET", f"/api/v1/runs/{run}/spec").json["models"]
    assert kept == [{"name": "named", **target}]
    gone = service.call("POST", "/api/v1/runs", {"spec": spec})
    assert (gone.status, gone.json["error"]["message"]) == (404, "Target 'named' not found")


def test_targets_are_listed_in_pages_with_their_newest_version(tmp_path: Path, endpoint: TruthProcess):
    with live(Settings(data=tmp_path, workers=0)) as service:
        for name in ("a", "b", "a"):
            model = f"m{len(service.call('GET', '/api/v1/targets').json['data'])}"
            service.call("PUT", f"/api/v1/targets/{name}", {"endpoint": endpoint.url, "model": model})
        first = service.call("GET", "/api/v1/targets?limit=1").json
        rest = service.call("GET", "/api/v1/targets?limit=1&offset=1").json
    assert first["next_offset"] == 1
    assert [(each["name"], each["version"]) for each in first["data"] + rest["data"]] == [("b", 1), ("a", 2)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"endpoint": "http://10.0.0.1/v1"}, "may not ask"),
        ({"endpoint": "http://127.0.0.1@evil.example/v1"}, "may not ask"),
        ({"api_key": "sk-planted"}, "api_key: a secret is not written out"),
        ({"headers": {"X-Api-Key": "planted"}}, "headers.X-Api-Key: a secret is not written out"),
        ({"api_key": "${HOME}"}, "no variable `HOME`"),
        ({"model": "a\0"}, "NUL"),
        ({"params": {"temperature": "hot"}}, "params.temperature"),
        ({"provider": "telnet"}, "telnet"),
        ({"nonsense": 1}, "nonsense"),
        ({"source": "pypi://x", "endpoint": None}, "starts no models"),
    ],
)
def test_what_a_target_may_not_be_is_refused(
    service: Live, endpoint: TruthProcess, change: dict[str, Any], message: str
):
    body = {"endpoint": endpoint.url, "model": "m"} | change
    answer = service.call("PUT", "/api/v1/targets/wrong", body)
    assert answer.status in {400, 422}, answer.body
    assert message in answer.json["error"]["message"]
    assert "planted" not in answer.body.decode()
    assert service.call("GET", "/api/v1/targets/wrong").status == 404


def test_a_probe_sends_the_secret_and_shows_its_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("S1_PROBE_KEY", "planted-secret-4711")
    settings = TruthSettings(ttft=0.001, tokens=4, api_key="planted-secret-4711")
    service_settings = Settings(data=tmp_path, workers=0, secrets=("S1_PROBE_KEY",))
    with TruthProcess(settings) as guarded, live(service_settings) as service:
        target = {"endpoint": guarded.url, "model": "m", "api_key": "${S1_PROBE_KEY}"}
        assert service.call("PUT", "/api/v1/targets/guarded", target).json["target"] == target
        probed = service.call("POST", "/api/v1/targets/guarded/probe")
        service.call("PUT", "/api/v1/targets/open", {"endpoint": guarded.url, "model": "m"})
        refused = service.call("POST", "/api/v1/targets/open/probe")
    assert probed.json["reachable"] is True
    assert probed.json["capabilities"]["chat"] is True
    assert b"planted" not in probed.body
    assert (refused.status, refused.json["reachable"]) == (200, False)
    assert refused.json["error"]["message"]


def test_a_target_that_does_not_answer_says_so(service: Live):
    service.call("PUT", "/api/v1/targets/silent", {"endpoint": "http://127.0.0.1:1/v1", "model": "m"})
    found = service.call("POST", "/api/v1/targets/silent/probe").json
    assert found["reachable"] is False
    assert "does not answer" in found["error"]["message"]
    assert service.call("POST", "/api/v1/targets/nobody/probe").status == 404


def test_a_target_whose_address_is_no_longer_allowed_is_not_asked(tmp_path: Path, endpoint: TruthProcess):
    with live(Settings(data=tmp_path, workers=0)) as service:
        service.call("PUT", "/api/v1/targets/t", {"endpoint": endpoint.url, "model": "m"})
    with live(Settings(data=tmp_path, workers=0, endpoints=("https://other.example",))) as service:
        assert service.call("POST", "/api/v1/targets/t/probe").status == 400
        answer = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint) | {"models": ["t"]}})
        assert "may not ask" in answer.json["error"]["message"]


def section(**change: Any) -> dict[str, Any]:
    synthetic = {"type": "synthetic", "prompt_tokens": 8, "output_tokens": 8}
    load = {"kind": "concurrent", "requests": 4}
    return {"dataset": synthetic, "load": load, "scorers": [{"type": "contains", "value": "a"}], **change}


def test_a_registered_benchmark_is_used_by_name_and_version(service: Live, endpoint: TruthProcess):
    first = service.call("PUT", "/api/v1/benchmarks/mine", {"section": section()})
    assert (first.status, first.json["use"], first.json["origin"]) == (200, "mine@1", "registered")
    again = service.call("PUT", "/api/v1/benchmarks/mine", {"section": section()})
    assert again.json["version"] == "1"
    second = section(load={"kind": "concurrent", "requests": 6})
    assert service.call("PUT", "/api/v1/benchmarks/mine", {"section": second}).json["use"] == "mine@2"
    totals = {}
    for name in ("mine@1", "mine"):
        spec = spec_of(endpoint) | {"benchmarks": [name]}
        run = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
        ended = service.ended(run)
        kept = service.call("GET", f"/api/v1/runs/{run}/spec").json["benchmarks"][0]
        totals[name] = (ended["progress"]["done"], kept["name"], kept["version"])
    assert totals == {"mine@1": (8, "mine", "1"), "mine": (10, "mine", "2")}
    versions = service.call("GET", "/api/v1/benchmarks/mine/versions").json["data"]
    assert [(each["use"], each["latest"]) for each in versions] == [("mine@1", False), ("mine@2", True)]
    assert service.call("GET", "/api/v1/benchmarks/mine?version=1").json["section"] == section()
    assert service.call("DELETE", "/api/v1/benchmarks/mine").status == 204
    assert service.call("GET", "/api/v1/benchmarks/mine").status == 404


def test_a_benchmark_may_ask_a_stored_data_set(service: Live, endpoint: TruthProcess):
    service.call("PUT", "/api/v1/datasets/rows", {"rows": [{"input": "a", "reference": "b"}]})
    own = section(dataset={"type": "stored", "name": "rows", "version": 1}, load={"kind": "concurrent"})
    assert service.call("PUT", "/api/v1/benchmarks/of-rows", {"section": own}).status == 200
    spec = spec_of(endpoint) | {"benchmarks": ["of-rows"]}
    run = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
    assert service.ended(run)["progress"]["done"] == 1


def test_built_in_benchmarks_are_there_from_the_start(service: Live, endpoint: TruthProcess):
    listed = service.call("GET", "/api/v1/benchmarks").json["data"]
    assert [each["use"] for each in listed if each["origin"] == "built-in"] == ["basics@1", "speed@1"]
    assert service.call("GET", "/api/v1/benchmarks/basics?version=1").json["text"]
    assert service.call("GET", "/api/v1/benchmarks/basics?version=2").status == 404
    assert len(service.call("GET", "/api/v1/benchmarks/basics/versions").json["data"]) == 1
    spec = spec_of(endpoint) | {"benchmarks": ["basics@1", "speed"]}
    run = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
    assert service.ended(run)["progress"]["done"] > 100


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("nobody", 404),
        ("basics@2", 404),
        ("basics@", 400),
        ("basics@x", 400),
        ("basics@²", 400),
        ("a@0", 400),
    ],
)
def test_a_benchmark_that_is_not_there_is_refused_by_name(
    service: Live, endpoint: TruthProcess, name: str, status: int
):
    answer = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint) | {"benchmarks": [name]}})
    assert answer.status == status
    assert name in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("basics", section(), "built-in"),
        ("wrong", section(scorers=[{"type": "contans"}]), "contans"),
        ("wrong", section(name="other"), "section.name"),
        ("wrong", section(models=["m"]), "section.models"),
        ("wrong", section(prompt={"template": "\0"}), "NUL"),
        ("wrong", section(dataset={"type": "text", "path": "/etc/passwd"}), "no file of this job"),
        ("wrong", section(scorers=[{"type": "python", "value": "True"}]), "runs no code"),
    ],
)
def test_what_a_benchmark_may_not_be_is_refused(service: Live, name: str, body: dict[str, Any], message: str):
    answer = service.call("PUT", f"/api/v1/benchmarks/{name}", {"section": body})
    assert answer.status in {400, 409, 422}, answer.body
    assert message in answer.json["error"]["message"]


def test_a_built_in_benchmark_cannot_be_deleted(service: Live):
    assert service.call("DELETE", "/api/v1/benchmarks/basics").status == 409


def test_a_target_that_keeps_silent_is_given_up_on(service: Live, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bakeoff.server.routes.targets._PROBE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        service.call("PUT", "/api/v1/targets/mute", {"endpoint": url, "model": "m"})
        found = service.call("POST", "/api/v1/targets/mute/probe").json
    assert (found["reachable"], found["error"]["message"]) == (False, "it does not answer within 0.2 s")


def test_versions_of_a_target_and_a_benchmark_go_on_after_a_deletion(service: Live, endpoint: TruthProcess):
    section = {"dataset": {"type": "synthetic"}, "load": {"requests": 1}}
    for path, body in {
        "/api/v1/targets/again": {"endpoint": endpoint.url},
        "/api/v1/benchmarks/again": {"section": section},
    }.items():
        found = []
        for _ in range(2):
            found.append(int(service.call("PUT", path, body).json["version"]))
            assert service.call("DELETE", path).status == 204
        assert found == [1, 2]
