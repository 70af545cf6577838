"""What a run may use: kept to the last request, and refused by name where nobody could keep it."""

import base64
import json
from collections.abc import Generator
from typing import Any

import pytest
from tests.service.dialects.answering import Answering, answering
from tests.service.live import Answer, Live

pytestmark = pytest.mark.timeout(120)
_PRICE = {"input": 1000, "output": 1000}
"""A thousandth of a dollar a token."""
_ROWS = 20


@pytest.fixture
def talker() -> Generator[Answering]:
    with answering() as endpoint:
        yield endpoint


def asking(url: str, *, requests: int, concurrency: int, price: Any = None, **more: Any) -> dict[str, Any]:
    """Return a spec of many short questions at once, for one model."""
    model = {"name": "m", "endpoint": url, "model": "m", "stream": False}
    load = {"kind": "concurrent", "concurrency": concurrency, "requests": requests, "warmup": 0}
    benchmark = {
        "name": "facts",
        "dataset": {"type": "jsonl", "path": "datasets/rows.jsonl"},
        "load": load,
        "prompt": "{{ input }}",
        **more,
    }
    priced = {"price": price} if price else {}
    return {"name": "limited", "models": [model | priced], "benchmarks": [benchmark]}


def judged(url: str, **judge: Any) -> dict[str, Any]:
    """Return a spec whose few answers are judged by the same endpoint."""
    scorer = {"type": "judge", "endpoint": url, "model": "judge", "attempts": 1, **judge}
    return asking(url, requests=8, concurrency=1, price=_PRICE, scorers=[scorer], load=None)


def submitted(service: Live, spec: dict[str, Any], limits: dict[str, float]) -> Answer:
    load = spec["benchmarks"][0]["load"]
    rows = [{"input": f"q{at}"} for at in range(_ROWS if load else 8)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    files = {"datasets/rows.jsonl": base64.b64encode(text.encode()).decode()}
    return service.call("POST", "/api/v1/runs", {"spec": spec, "files": files, "limits": limits})


def ended(service: Live, spec: dict[str, Any], limits: dict[str, float]) -> dict[str, Any]:
    started = submitted(service, spec, limits)
    assert started.status == 202, started.body
    return service.ended(started.json["id"])


@pytest.mark.parametrize(("most", "concurrency"), [(1, 4), (3, 10), (5, 64)])
def test_no_more_requests_leave_than_the_limit_says(
    service: Live, talker: Answering, most: int, concurrency: int
):
    run = ended(service, asking(talker.url, requests=200, concurrency=concurrency), {"requests": most})
    assert (run["state"], f"limit of {most} requests" in run["error"]["message"]) == ("failed", True)
    # One more was the first, which only looks whether somebody answers.
    assert len(talker.bodies) == run["progress"]["done"] == most - 1


def test_every_try_again_counts_as_a_request(service: Live, talker: Answering):
    talker.status = lambda _: 500 if talker.bodies else 200
    spec = asking(talker.url, requests=200, concurrency=8)
    spec["benchmarks"][0]["load"] = None
    run = ended(service, spec, {"requests": 9})
    assert (run["state"], "limit of 9 requests" in run["error"]["message"]) == ("failed", True)
    assert len(talker.bodies) == 8


def test_a_limit_that_is_just_enough_is_not_reached(service: Live, talker: Answering):
    run = ended(service, asking(talker.url, requests=6, concurrency=2), {"requests": 7})
    assert (run["state"], run["error"], len(talker.bodies)) == ("completed", None, 6)


def test_tokens_end_a_run_one_answer_over_at_the_most(service: Live, talker: Answering):
    spec = asking(talker.url, requests=200, concurrency=16)
    spec["models"][0]["params"] = {"max_tokens": 8}
    run = ended(service, spec, {"tokens": 55})
    assert (run["state"], "limit of 55 tokens" in run["error"]["message"]) == ("failed", True)
    assert len(talker.bodies) == 6  # of 10 tokens each


def test_money_ends_a_run_one_answer_over_at_the_most(service: Live, talker: Answering):
    spec = asking(talker.url, requests=200, concurrency=16, price=_PRICE)
    spec["models"][0]["params"] = {"max_tokens": 8}
    run = ended(service, spec, {"usd": 0.02})
    assert (run["state"], "limit of 0.02 usd" in run["error"]["message"]) == ("failed", True)
    assert len(talker.bodies) == 2  # a cent each: with the second one all is spent


def test_what_fits_well_within_its_limits_is_sent_as_asked(service: Live, talker: Answering):
    spec = asking(talker.url, requests=20, concurrency=8, price=_PRICE)
    run = ended(service, spec, {"usd": 1, "tokens": 100_000, "requests": 21})
    assert (run["state"], len(talker.bodies)) == ("completed", 20)


def test_a_money_limit_on_a_model_without_a_price_is_refused_by_name(service: Live, talker: Answering):
    spec = asking(talker.url, requests=5, concurrency=1)
    answer = submitted(service, spec, {"usd": 0.001})
    assert answer.status == 400
    assert "the model `m` has no price" in answer.json["error"]["message"]
    spec["models"][0]["price"] = {"gpu_hour": 2}
    answer = submitted(service, spec, {"usd": 0.001})
    assert "the model `m` is charged by the hour alone" in answer.json["error"]["message"]
    assert talker.bodies == []


def test_a_money_limit_on_a_judge_without_a_price_is_refused_by_name(service: Live, talker: Answering):
    answer = submitted(service, judged(talker.url), {"usd": 1})
    assert answer.status == 400
    assert "the judge `judge` of `facts` has no price" in answer.json["error"]["message"]


def test_limits_that_nobody_can_count_are_refused_with_an_embedding_scorer(service: Live, talker: Answering):
    scorer = {"type": "similar", "endpoint": talker.url, "model": "e", "value": "x"}
    spec = asking(talker.url, requests=3, concurrency=1, scorers=[scorer])
    answer = submitted(service, spec, {"tokens": 100})
    assert answer.status == 400
    assert "the scorer `similar` of `facts` tells neither tokens nor cost" in answer.json["error"]["message"]


@pytest.mark.parametrize("limits", [{"tokens": 1000}, {"usd": 1.0}])
def test_a_server_that_tells_no_usage_ends_a_limited_run_at_its_first_answer(
    service: Live, talker: Answering, limits: dict[str, float]
):
    talker.usage = None
    run = ended(service, asking(talker.url, requests=50, concurrency=1, price=_PRICE), limits)
    assert (run["state"], "the model `m`" in run["error"]["message"]) == ("failed", True)
    assert "cannot be kept" in run["error"]["message"]
    assert len(talker.bodies) == 1


def test_judges_count_as_requests(service: Live, talker: Answering):
    talker.say = lambda _: "Score: 7"
    run = ended(service, judged(talker.url), {"requests": 11})
    assert (run["state"], "limit of 11 requests" in run["error"]["message"]) == ("failed", True)
    assert len(talker.bodies) == 10


@pytest.mark.parametrize(
    ("limits", "told"), [({"tokens": 100}, "limit of 100 tokens"), ({"usd": 0.1}, "limit of 0.1 usd")]
)
def test_judges_count_with_their_tokens_and_money(
    service: Live, talker: Answering, limits: dict[str, float], told: str
):
    talker.say = lambda _: "Score: 7"
    spec = judged(talker.url, price=_PRICE)
    run = ended(service, spec, limits)
    assert (run["state"], told in run["error"]["message"]) == ("failed", True)
    # Eight answers of ten tokens alone would be within; some judgements may be under way.
    assert 10 <= len(talker.bodies) <= 14


def test_results_and_verdict_of_a_part_of_a_run_say_so(service: Live, talker: Answering):
    spec = asking(talker.url, requests=40, concurrency=1, scorers=[{"type": "contains", "value": "a"}])
    run = ended(service, spec, {"requests": 11})
    results = service.call("GET", f"/api/v1/runs/{run['id']}/results").json
    verdict = service.call("GET", f"/api/v1/runs/{run['id']}/verdict").json
    part = "10 of 40 planned samples are there"
    assert part in results["warnings"][0]
    assert "limit of 11 requests" in results["warnings"][0]
    assert (part in verdict["sentence"], verdict["reasons"][0]) == (True, results["warnings"][0])
    assert results["verdict"] == verdict


def test_only_runs_that_came_to_their_end_say_nothing_of_a_part(service: Live, talker: Answering):
    run = ended(service, asking(talker.url, requests=4, concurrency=1), {})
    verdict = service.call("GET", f"/api/v1/runs/{run['id']}/verdict").json
    assert "part of the run" not in str(verdict)
