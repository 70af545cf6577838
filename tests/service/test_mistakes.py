"""A wrong spec is told all its mistakes at once, each with its place in what was sent."""

import base64
from typing import Any

import pytest
from tests.service.live import Live, spec_of

from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)
RUNS, VALIDATE = "/api/v1/runs", "/api/v1/specs/validate"


def told(service: Live, spec: dict[str, Any], **more: Any) -> dict[str, str]:
    """Return the mistakes of a spec by their places, which a check and a run tell alike."""
    body = {"spec": spec, **more}
    found = service.call("POST", VALIDATE, body).json
    assert found["valid"] is False
    refused = service.call("POST", RUNS, body)
    assert refused.status in {400, 404, 422}, refused.body
    assert refused.json["error"]["problems"] == found["problems"]
    assert b"spec.json" not in refused.body
    return {each["path"]: each["message"] for each in found["problems"]}


def test_names_that_are_not_there_and_unknown_keys_are_told_together(service: Live):
    spec = {"models": ["m1x"], "benchmarks": ["bassics", "sped"], "decde": {}, "nmae": "x"}
    found = told(service, spec)
    assert found == {
        "decde": "`decde` is no key of a spec. Did you mean `decide`?",
        "nmae": "`nmae` is no key of a spec. Did you mean `name`?",
        "models[0]": "Target 'm1x' not found",
        "benchmarks[0]": "Benchmark 'bassics' not found",
        "benchmarks[1]": "Benchmark 'sped' not found",
    }
    hints = [each["hint"] for each in service.call("POST", VALIDATE, {"spec": spec}).json["problems"]]
    assert any("Did you mean `basics`?" in hint for hint in hints)


def test_mistakes_of_form_stand_beside_what_may_not_be_had(service: Live, endpoint: TruthProcess):
    spec = spec_of(endpoint, scorers=[{"type": "contans"}], limt=3)
    one = spec["models"][0]
    spec["models"] += [
        one | {"name": "n", "endpoint": "http://10.0.0.1/v1", "modell": "x"},
        one | {"name": "o", "api_key": "sk-written-out", "params": {"temperature": "hot"}},
        one | {"name": "p", "headers": {"Authorization": "Bearer ${NOBODYS}"}},
    ]
    spec["sampling"] = {"top_k": 3}
    found = told(service, spec)
    assert set(found) == {
        "models[1].endpoint",
        "models[1].modell",
        "models[2].api_key",
        "models[2].params.temperature",
        "models[3].headers.Authorization",
        "benchmarks[0].scorers[0].type",
        "benchmarks[0].limt",
        "sampling.top_k",
    }
    assert "may not ask" in found["models[1].endpoint"]
    assert "offers no variable" in found["models[3].headers.Authorization"]
    assert "Did you mean `model`?" in found["models[1].modell"]


def test_a_part_that_may_not_be_read_at_all_hides_its_own_mistakes_alone(
    service: Live, endpoint: TruthProcess
):
    spec = spec_of(endpoint, scorers=[{"type": "python", "value": "True", "nonsense": 1}])
    spec["benchmarks"] += spec_of(endpoint, name="files", dataset="/etc/passwd", typo=1)["benchmarks"]
    spec["benchmarks"] += spec_of(endpoint, name="other", dataset={"type": "stored", "name": "none"})[
        "benchmarks"
    ]
    spec["benchmarks"] += spec_of(endpoint, name="more", typo=1)["benchmarks"]
    spec["decide"] = {"quality": "facts.python"}
    found = told(service, spec)
    assert set(found) == {
        "benchmarks[0].scorers[0]",
        "benchmarks[1].dataset",
        "benchmarks[2].dataset",
        "benchmarks[3].typo",
    }


def test_one_mistake_keeps_its_status_and_kind(service: Live, endpoint: TruthProcess):
    spec = spec_of(endpoint)
    missing = service.call("POST", RUNS, {"spec": spec | {"models": ["nobody"]}})
    assert (missing.status, missing.json["error"]["kind"]) == (404, "Missing")
    wrong = service.call("POST", RUNS, {"spec": spec | {"seed": "x"}})
    assert (wrong.status, wrong.json["error"]["kind"]) == (422, "SpecErrorGroup")
    assert [each["path"] for each in wrong.json["error"]["problems"]] == ["seed"]
    assert wrong.json["error"]["message"].startswith("seed: ")


def test_mistakes_of_one_kind_keep_their_status(service: Live):
    spec = {"models": ["a", "b"], "benchmarks": ["basics"]}
    both = service.call("POST", RUNS, {"spec": spec})
    assert (both.status, both.json["error"]["kind"]) == (404, "Mistakes")
    assert both.json["error"]["message"].splitlines() == [
        "models[0]: Target 'a' not found",
        "models[1]: Target 'b' not found",
    ]


def test_a_bad_row_is_told_with_its_line(service: Live, endpoint: TruthProcess):
    rows = base64.b64encode(b'{"input": "a"}\nnonsense\n').decode()
    spec = spec_of(endpoint, dataset="datasets/rows.jsonl", load={"kind": "concurrent"})
    refused = service.call("POST", RUNS, {"spec": spec, "files": {"datasets/rows.jsonl": rows}})
    assert refused.status == 422
    assert [each["where"] for each in refused.json["error"]["problems"]] == ["datasets/rows.jsonl:2"]


def test_a_plan_and_a_target_are_told_all_mistakes_too(service: Live):
    spec = {"models": ["m1x"], "benchmarks": ["sped"]}
    refused = service.call("POST", "/api/v1/specs/plan", {"spec": spec})
    assert [each["path"] for each in refused.json["error"]["problems"]] == ["models[0]", "benchmarks[0]"]
    target = {"endpoint": "http://10.0.0.1/v1", "params": {"temperature": "hot"}}
    refused = service.call("PUT", "/api/v1/targets/x", target)
    paths = [each["path"] for each in refused.json["error"]["problems"]]
    assert paths == ["endpoint", "params.temperature"]
    assert "models[0]" not in refused.json["error"]["message"]
    one = service.call("PUT", "/api/v1/targets/x", {"endpoint": "http://10.0.0.1/v1"}).json["error"]
    assert one["message"].startswith("endpoint: ")


def test_a_benchmark_is_told_its_mistakes_by_their_places_in_the_section(service: Live):
    section = {"dataset": {"type": "synthetic"}, "load": {"kind": "concurent"}, "params": {"max_tokens": "x"}}
    refused = service.call("PUT", "/api/v1/benchmarks/x", {"section": section})
    paths = [each["path"] for each in refused.json["error"]["problems"]]
    assert paths == ["section.load.kind", "section.params.max_tokens"]


@pytest.mark.parametrize(
    "spec",
    [
        {"models": {"0": {"endpoint": "http://10.0.0.1"}}, "benchmarks": {"x": "/etc/passwd"}},
        {"models": [["${NOBODYS}"], 3, None], "benchmarks": "nothing"},
        {"models": [{"name": 3, "endpoint": "http://10.0.0.1", "headers": {"a": {"b": "${NOBODYS}"}}}]},
        {"models": [{"source": "x", "deploy": {"type": "vllm"}, "api_key": {"x": "${NOBODYS}"}}]},
        {"benchmarks": [{"dataset": {"type": "stored", "version": "x"}}, 7], "cache": True, "": 1},
        {"files": 1, "sampling": "${NOBODYS}", "decide": {"url": "http://10.0.0.1"}},
    ],
)
def test_specs_of_any_shape_are_told_their_mistakes(service: Live, spec: dict[str, Any]):
    assert len(told(service, spec)) > 1


def test_many_mistakes_are_bounded(service: Live):
    found = service.call("POST", VALIDATE, {"spec": {"models": [f"m{at}" for at in range(500)]}}).json
    assert len(found["problems"]) == 100
    found = service.call("POST", VALIDATE, {"spec": {f"key{at}": at for at in range(500)}}).json
    assert len(found["problems"]) == 100
