"""Where NeMo's rows come from, and what becomes of answers that fail."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from tests.confinement import CONFINES
from tests.service.dialects.nemo.calls import (
    ROOT,
    ROWS,
    chat,
    custom,
    finish,
    model,
    ran,
    refused,
    store,
    submit,
)
from tests.service.dialects.nemo.peer import Peer, scripted_peer
from tests.service.live import Live, live

from bakeoff.errors import BakeoffError, DataError, SpecError, SpecErrorGroup
from bakeoff.server.dialects.nemo import error_answer
from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    settings = Settings(
        data=tmp_path_factory.mktemp("service"),
        workers=1,
        most_upload=20_000,
        most_rows=300,
        allow_code=CONFINES,
    )
    with live(settings) as running:
        store(running, "default/sums", ROWS)
        yield running


@pytest.fixture
def files() -> Generator[tuple[Peer, str]]:
    with scripted_peer() as found:
        yield found


def uploaded(service: Live, name: str, content: bytes) -> str:
    return service.service.files.add(name, content, purpose="x", project="default", owner="t").id


def share(result: dict[str, Any]) -> float:
    found: float = result["tasks"]["sums"]["metrics"]["right"]["scores"]["string-check"]["value"]
    return found


CSV = "question,right\nWhat is 2 + 3?,5\nWhat is 8 + 1?,10\n"


@pytest.mark.parametrize(
    ("name", "content", "more", "expected"),
    [
        ("a.csv", CSV.encode(), {}, 0.5),
        ("a", CSV.encode(), {"format": "csv"}, 0.5),
        ("a.json", json.dumps(ROWS).encode(), {}, 0.75),
        ("a.jsonl", "\n\n".join(map(json.dumps, ROWS)).encode(), {"limit": 2}, 1.0),
    ],
)
def test_uploaded_files_are_read_by_their_format(
    service: Live, endpoint: TruthProcess, name: str, content: bytes, more: dict[str, Any], expected: float
):
    file = uploaded(service, name, content)
    for url in (file, f"file://{file}")[: 1 if more else 2]:
        result = ran(service, custom(chat(dataset={"files_url": url, **more})), model(endpoint))
        assert share(result) == expected


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"[1]", "no object"),
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"[]", "no rows"),
        (b'{"question": "a"}\n' * 301, "300 rows"),
    ],
)
def test_files_that_are_no_rows_are_refused(service: Live, endpoint: TruthProcess, content: bytes, word: str):
    file = uploaded(service, "rows", content)
    answer = submit(service, custom(chat(dataset=DATA | {"files_url": file})), model(endpoint))
    assert answer.status in {400, 422}
    assert word in str(answer.json["detail"])


DATA: dict[str, Any] = {"format": "json"}


def test_rows_come_from_an_allowed_address_and_no_redirect_is_followed(
    service: Live, endpoint: TruthProcess, files: tuple[Peer, str]
):
    peer, url = files
    peer.script = {
        "GET /rows.json": (200, ROWS),
        "GET /moved": (302, b""),
        "GET /elsewhere": (200, ROWS),
        "GET /large": (200, b" " * 30_000),
    }
    config = custom(chat(dataset={"files_url": f"{url}/rows.json?a=b"}))
    assert share(ran(service, config, model(endpoint))) == 0.75
    for path, word in (("moved", "302"), ("large", "20,000"), ("none", "404")):
        answer = submit(service, custom(chat(dataset={"files_url": f"{url}/{path}"})), model(endpoint))
        refused(answer, word)
    away = submit(service, custom(chat(dataset={"files_url": "https://rows.example/a"})), model(endpoint))
    refused(away, "rows.example", status=400)
    assert not any("elsewhere" in call for call, _, _ in peer.asked)


def test_templates_that_are_too_long_are_refused(service: Live, endpoint: TruthProcess):
    def asked(**template: Any) -> Any:
        return submit(service, custom(chat(params={"template": template})), model(endpoint))

    refused(asked(prompt="a" * 100_001), "100,000")
    refused(asked(prompt="a", tools="{{"), "tools")


def test_a_template_that_says_the_same_for_all_rows_goes_into_the_body(service: Live, endpoint: TruthProcess):
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    template = {
        "prompt": "{{question}}",
        "tools": "{{ " + json.dumps(tools) + " | tojson }}",
        "seed": 3,
        "top_p": None,
    }
    begun = submit(service, custom(chat(params={"template": template})), model(endpoint)).json
    (benchmark,) = service.service.jobs.get(begun["id"], project="default").document["benchmarks"]
    assert benchmark["params"] == {"tools": tools, "seed": 3}
    finish(service, begun["id"])


def test_one_task_can_have_one_metric_of_tool_calls(service: Live, endpoint: TruthProcess):
    metric = {"type": "tool-calling", "params": {"tool_calls_ground_truth": [{"name": "add"}]}}
    metrics = {"a": metric, "b": metric}
    refused(submit(service, custom(chat(metrics=metrics)), model(endpoint)), "one metric")
    made = submit(service, custom(chat(metrics={"a": metric})), model(endpoint)).json
    finish(service, made["id"])
    scores = service.call("GET", f"{ROOT}/jobs/{made['id']}/results").json["tasks"]["sums"]["metrics"]["a"][
        "scores"
    ]
    assert scores["function_name_accuracy"]["value"] == 0.0


def test_a_job_of_another_dialect_is_not_one_of_these(service: Live, endpoint: TruthProcess):
    spec = {
        "models": [{"name": "m", "endpoint": endpoint.url, "model": "sums"}],
        "benchmarks": [
            {
                "name": "b",
                "dataset": {"type": "stored", "name": "default/sums"},
                "prompt": "{{question}}",
                "scorers": [{"type": "contains", "value": "{{right}}"}],
            }
        ],
    }
    run = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
    assert service.call("GET", f"{ROOT}/jobs/{run}").status == 404
    refused(service.call("GET", f"{ROOT}/results/evaluation_result-{run}"), "evaluation_result", status=404)


def test_a_benchmark_takes_the_rows_that_its_task_names(service: Live, endpoint: TruthProcess):
    rows = [{"question": f"Which is {n}?", "choices": ["1", "2"], "answer": n} for n in range(2)]
    store(service, "default/mine", rows)
    config = {"type": "arc_easy", "tasks": {"arc": {"type": "x", "dataset": "default/mine"}}}
    result = ran(service, config, model(endpoint))
    assert list(result["tasks"]) == ["arc"]
    refused(submit(service, config | {"params": {"extra": {"num_fewshot": 1}}}, model(endpoint)), "extra")


def test_errors_of_every_kind_have_a_detail():
    place = [{"loc": ["body"], "msg": "a (b)", "type": "value_error"}]
    assert error_answer(DataError("a", hint="b")) == (422, {"detail": place})
    group = SpecErrorGroup([SpecError("a", hint="b")])
    assert error_answer(group) == (422, {"detail": place})
    assert error_answer(BakeoffError("a", where="c", hint="b")) == (500, {"detail": "c: a (b)"})
