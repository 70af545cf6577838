"""Runs: what is sent, what comes back, in which order, and what survives."""

import time
from typing import Any

import pytest
from tests.service.dialects.answering import Answering
from tests.service.dialects.openai_evals.calls import (
    EQUAL,
    ROWS,
    asking,
    content,
    counts,
    ended,
    eval_of,
    finished,
    given,
    items,
    start,
)
from tests.service.live import Live, live

from bakeoff.server.settings import Settings
from bakeoff.server.specs.references import TARGET

pytestmark = pytest.mark.timeout(120)


def test_every_sampling_parameter_reaches_the_model(service: Live, endpoint: Answering):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    sampling = {
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 3,
        "max_completion_tokens": 20,
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
        "tools": [tool],
    }
    run = ended(service, eval_of(service, EQUAL), asking(ROWS[:1], sampling_params=sampling))
    assert run["status"] == "completed", run
    (body,) = endpoint.bodies
    assert {name: body.get(name) for name in sampling} == sampling
    assert "max_tokens" not in body
    (item,) = items(service, run)
    shown = {name: item["sample"][name] for name in ("temperature", "top_p", "seed", "max_completion_tokens")}
    assert shown == {name: sampling[name] for name in shown}


def test_what_is_not_asked_for_is_left_to_the_model(service: Live, endpoint: Answering):
    ended(service, eval_of(service, EQUAL), asking(ROWS[:1]))
    (body,) = endpoint.bodies
    assert not {"temperature", "max_tokens", "top_p", "seed"} & set(body)


def test_responses_are_asked_in_the_words_of_chat(service: Live, endpoint: Answering):
    template = [
        {"role": "developer", "content": "Be short."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "See {{item.q}}: "},
                {"type": "input_image", "image_url": "{{item.url}}", "detail": "low"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
    ]
    source = {
        "type": "responses",
        "model": "m",
        "source": content([{"item": {"q": "this", "url": "data:image/png;base64,AA"}}]),
        "input_messages": {"type": "template", "template": template},
        "sampling_params": {
            "max_completion_tokens": 9,
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
            "tools": [{"type": "function", "name": "f", "parameters": {}}],
        },
    }
    endpoint.say = lambda _: "fine"
    run = ended(service, eval_of(service, EQUAL | {"reference": "fine"}), source)
    assert counts(run) == (1, 1, 0, 0)
    (body,) = endpoint.bodies
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}},
    }
    assert body["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    assert body["messages"][0] == {"role": "developer", "content": "Be short."}
    assert [part["type"] for part in body["messages"][1]["content"]] == ["text", "image_url", "input_audio"]
    assert body["messages"][1]["content"][1]["image_url"] == {
        "url": "data:image/png;base64,AA",
        "detail": "low",
    }


@pytest.mark.parametrize(
    ("text", "sent"), [({}, None), ({"format": {"type": "json_object"}}, {"type": "json_object"})]
)
def test_a_text_format_is_sent_as_a_response_format(
    service: Live, endpoint: Answering, text: dict[str, Any], sent: object
):
    source = asking(ROWS[:1], type="responses", sampling_params={"text": text})
    ended(service, eval_of(service, EQUAL), source)
    assert endpoint.bodies[0].get("response_format") == sent


def test_an_answer_that_was_cut_off_is_an_error_and_not_wrong(service: Live, endpoint: Answering):
    endpoint.finish = "length"
    run = ended(service, eval_of(service, EQUAL), asking(ROWS[:1]))
    assert counts(run) == (1, 0, 0, 1)
    (item,) = items(service, run)
    assert item["sample"]["error"]["code"] == "truncated"
    assert item["sample"]["output"] == [{"role": "assistant", "content": "one"}]
    assert item["sample"]["finish_reason"] == "length"


def test_messages_of_an_item_are_sent_as_they_stand(service: Live, endpoint: Answering):
    turns = [{"role": "system", "content": "{{item.q}} ${HOME}"}, {"role": "user", "content": "hello"}]
    reference = {"type": "item_reference", "item_reference": "item.turns"}
    rows = [{"item": {"turns": turns, "a": "hello"}}, {"item": {"turns": "plain", "a": "plain"}}]
    run = ended(service, eval_of(service, EQUAL), asking(rows, input_messages=reference))
    assert counts(run) == (2, 2, 0, 0)
    sent = sorted((body["messages"] for body in endpoint.bodies), key=len)
    assert sent == [[{"role": "user", "content": "plain"}], turns]


def test_a_row_without_what_the_template_names_is_an_error_and_the_rest_goes_on(service: Live):
    run = ended(service, eval_of(service, EQUAL), asking([*ROWS, {"item": {"a": "x"}}]))
    assert counts(run) == (3, 1, 1, 1)
    (lost,) = items(service, run, "?status=error")
    assert lost["datasource_item_id"] == 2
    assert lost["datasource_item"] == {"a": "x"}
    assert "item.q" in lost["sample"]["error"]["message"]
    assert lost["sample"]["usage"]["total_tokens"] is None


def test_output_items_are_paged_in_both_orders(service: Live):
    rows = [{"item": {"q": str(at), "a": str(at)}} for at in range(5)]
    run = ended(service, eval_of(service, EQUAL), asking(rows))
    first = items(service, run, "?limit=2")
    rest = items(service, run, f"?limit=4&after={first[-1]['id']}")
    assert [one["datasource_item_id"] for one in first + rest] == [0, 1, 2, 3, 4]
    assert [one["datasource_item_id"] for one in items(service, run, "?order=desc&limit=2")] == [4, 3]
    path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}/output_items"
    assert service.call("GET", f"{path}?after=outputitem_x").status == 404
    assert service.call("GET", f"{path}/{first[1]['id']}").json == first[1]
    assert service.call("GET", f"{path}/outputitem_x").status == 404


def test_usage_is_of_the_model_and_unknown_is_null(service: Live):
    run = ended(service, eval_of(service, EQUAL), asking(ROWS))
    assert run["per_model_usage"] == [
        {
            "model_name": "m",
            "invocation_count": 2,
            "prompt_tokens": 14,
            "completion_tokens": 6,
            "cached_tokens": None,
            "total_tokens": 20,
        }
    ]
    assert service.call("GET", run["report_url"].removeprefix(service.url)).status == 200


def usage_of(run: dict[str, Any]) -> dict[str, tuple[int, int | None]]:
    return {
        one["model_name"]: (one["invocation_count"], one["total_tokens"]) for one in run["per_model_usage"]
    }


def score_by(model: str, asked: str = "{{item.q}}", **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": asked}]
    return {"type": "score_model", "name": f"by {model}", "model": model, "input": turns, **more}


def test_usage_tells_the_models_that_grade_apart_from_the_one_that_answers(
    service: Live, endpoint: Answering
):
    endpoint.say = lambda body: "Score: 1" if body["model"] == "judge" else "one"
    label = {
        "type": "label_model",
        "name": "label",
        "model": "judge",
        "input": [{"role": "user", "content": "{{item.q}}"}],
        "labels": ["1", "2"],
        "passing_labels": ["1"],
    }
    run = ended(service, eval_of(service, EQUAL, score_by("judge"), label), asking(ROWS))
    assert [one["model_name"] for one in run["per_model_usage"]] == ["m", "judge"]
    assert usage_of(run) == {"m": (2, 20), "judge": (4, 40)}
    asked = [body["model"] for body in endpoint.bodies]
    assert (asked.count("m"), asked.count("judge")) == (2, 4)
    again = service.call("GET", f"/v1/evals/{run['eval_id']}/runs/{run['id']}").json
    assert again["per_model_usage"] == run["per_model_usage"]


def test_a_model_that_grades_itself_has_one_usage(service: Live, endpoint: Answering):
    endpoint.say = lambda _: "Score: 1"
    assert usage_of(ended(service, eval_of(service, score_by("m")), asking(ROWS))) == {"m": (4, 40)}


def test_a_judge_of_given_answers_has_usage_without_a_verdict_too(service: Live, endpoint: Answering):
    endpoint.say = lambda _: "no number"
    rows = [
        {"item": {"q": "x"}, "sample": {"output_text": "y"}},
        {"item": {}, "sample": {"output_text": "z"}},
    ]
    run = ended(service, eval_of(service, score_by("judge")), given(rows))
    assert counts(run) == (2, 0, 0, 2)
    # The second row lacks what the judge's template names: nobody was asked about it.
    assert usage_of(run) == {"judge": (1, 10)}


def test_a_judge_that_tells_no_tokens_has_none_and_its_calls_are_counted(service: Live, endpoint: Answering):
    endpoint.say = lambda _: "Score: 1"
    endpoint.usage = None
    run = ended(service, eval_of(service, score_by("judge")), given([{"item": {"q": "x"}}]))
    assert run["per_model_usage"] == [
        {
            "model_name": "judge",
            "invocation_count": 1,
            "prompt_tokens": None,
            "completion_tokens": None,
            "cached_tokens": None,
            "total_tokens": None,
        }
    ]


def test_given_answers_ask_no_model(service: Live, endpoint: Answering):
    rows = [{"item": {"a": "x"}, "sample": {"output_text": said}} for said in ("x", "y")]
    run = ended(service, eval_of(service, EQUAL, include_sample_schema=True), given(rows))
    assert counts(run) == (2, 1, 1, 0)
    assert (run["model"], run["per_model_usage"]) == ("", [])
    assert endpoint.bodies == []
    assert [one["sample"]["output"][0]["content"] for one in items(service, run)] == ["x", "y"]


def test_runs_are_listed_oldest_first_and_by_status(service: Live):
    ident = eval_of(service, EQUAL)
    runs = [ended(service, ident, given([{"item": {"a": str(at)}}]))["id"] for at in range(3)]
    path = f"/v1/evals/{ident}/runs"

    def listed(query: str) -> list[str]:
        return [run["id"] for run in service.call("GET", path + query).json["data"]]

    assert listed("") == runs
    assert listed("?order=desc") == runs[::-1]
    assert listed(f"?after={runs[0]}&limit=1") == runs[1:2]
    assert listed(f"?after={runs[1]}&order=desc") == runs[:1]
    assert service.call("GET", f"{path}?limit=2").json["has_more"] is True
    assert listed("?status=failed") == []
    assert listed("?status=completed&limit=100") == runs
    assert service.call("GET", f"{path}?after=evalrun_none").status == 404
    other = eval_of(service, EQUAL)
    assert service.call("GET", f"/v1/evals/{other}/runs/{runs[0]}").status == 404


def test_a_run_belongs_to_its_dialect(service: Live):
    spec = {
        "name": "x",
        "models": ["m"],
        "benchmarks": [
            {
                "name": "b",
                "dataset": {"type": "synthetic", "prompt_tokens": 4, "output_tokens": 4},
                "load": {"kind": "concurrent", "requests": 1},
            }
        ],
    }
    job = service.call("POST", "/api/v1/runs", {"spec": spec}).json["id"]
    service.ended(job)
    run = "evalrun_" + job.removeprefix("job-")
    assert service.call("GET", f"/v1/evals/{eval_of(service, EQUAL)}/runs/{run}").status == 404


def test_the_same_idempotency_key_gives_the_same_run(service: Live):
    ident = eval_of(service, EQUAL)
    body = {"data_source": given([{"item": {"a": ""}}])}
    headers = {"Idempotency-Key": f"key-{ident}"}
    first, again = (service.call("POST", f"/v1/evals/{ident}/runs", body, headers=headers) for _ in range(2))
    assert first.json["id"] == again.json["id"]


def test_a_run_of_given_answers_goes_on_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory, endpoint: Answering
):
    """The judge is asked again for no more than what was under way."""
    settings = Settings(data=tmp_path_factory.mktemp("restart"), workers=1)

    def judge(_: dict[str, Any]) -> str:
        time.sleep(0.2)
        return "Score: 1"

    endpoint.say = judge
    turns = [{"role": "user", "content": "{{item.n}}"}]
    criterion = {"type": "score_model", "name": "s", "model": "judge", "input": turns}
    rows = [{"item": {"n": at}, "sample": {"output_text": "x"}} for at in range(40)]
    with live(settings) as first:
        body = {"endpoint": endpoint.url, "model": "judge"}
        first.service.objects.put(TARGET, "judge", body, project="default", owner="tests")
        run = start(first, eval_of(first, criterion), given(rows)).json
        while len(endpoint.bodies) < 8:
            time.sleep(0.01)
    before = len(endpoint.bodies)
    with live(settings) as second:
        run = finished(second, run)
        assert counts(run) == (40, 40, 0, 0)
        assert len(items(second, run, "?limit=100")) == 40
    assert before < 40
    asked = [body["messages"][-1]["content"] for body in endpoint.bodies]
    assert set(asked) == {str(at) for at in range(40)}
    assert len(asked) <= 40 + 4


def test_a_queued_run_has_no_items_and_cannot_be_deleted(tmp_path_factory: pytest.TempPathFactory):
    with live(Settings(data=tmp_path_factory.mktemp("idle"), workers=0)) as idle:
        idle.service.objects.put(
            TARGET, "m", {"endpoint": "http://127.0.0.1:1/v1", "model": "m"}, project="default", owner="t"
        )
        ident = eval_of(idle, EQUAL)
        run = start(idle, ident, asking([*ROWS, {"item": {}}]), name="n", metadata={"a": "b"}).json
        assert (run["status"], run["name"], run["metadata"]) == ("queued", "n", {"a": "b"})
        assert counts(run) == (3, 0, 0, 1)
        assert [item["status"] for item in items(idle, run)] == ["error"]
        path = f"/v1/evals/{ident}/runs/{run['id']}"
        assert idle.call("DELETE", path).status == 409
        assert idle.call("POST", f"{path}/cancel").json["status"] == "canceled"
        assert idle.call("DELETE", path).json == {
            "run_id": run["id"],
            "object": "eval.run.deleted",
            "deleted": True,
        }
