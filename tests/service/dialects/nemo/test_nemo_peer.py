"""Calls to a NeMo server: the contract's, tried again where that does no harm, and never twice else."""

from typing import Any

import pytest
from tests.service.dialects.nemo.peer import CONTRACT, RESULT, Peer

from bakeoff.server.faults import RefusedError
from bakeoff.server.remotes.faults import RemoteError
from bakeoff.server.remotes.nemo import MARK, NemoServer, Remote
from bakeoff.server.settings import DEFAULT_ENDPOINTS

pytestmark = pytest.mark.timeout(120)


def client(url: str, **options: Any) -> NemoServer:
    remote = Remote(url=url, api_key="${K}", **{"timeout": 5.0, "attempts": 3, **options})
    return server_of(remote, K="secret")


def server_of(remote: Remote, **secrets: str) -> NemoServer:
    return NemoServer(remote, endpoints=DEFAULT_ENDPOINTS, secrets=secrets)


def test_the_calls_are_those_of_the_contract(scripted: tuple[Peer, str]):
    peer, url = scripted
    peer.script = dict(CONTRACT)
    server = client(url)
    assert server.register("bm1", {"type": "custom", "params": {"parallelism": 8}}) == "bakeoff/bm1"
    assert server.submit("bakeoff/bm1", {"type": "model", "model": "vllm/tiny"}, "mark").status == "created"
    assert server.look("eval-1234").status == "running"
    assert server.results("eval-1234") == {"tasks": RESULT["tasks"], "groups": {}}
    server.cancel("eval-1234")
    server.forget("bakeoff/bm1")
    assert [(call, body) for call, body, _ in peer.asked] == [
        (
            "POST /configs",
            {"type": "custom", "params": {"parallelism": 8}, "namespace": "bakeoff", "name": "bm1"},
        ),
        (
            "POST /jobs",
            {
                "config": "bakeoff/bm1",
                "target": {"type": "model", "model": "vllm/tiny"},
                "custom_fields": {MARK: "mark"},
            },
        ),
        ("GET /jobs/eval-1234", None),
        ("GET /jobs/eval-1234/results", None),
        ("POST /jobs/eval-1234/cancel", {}),
        ("DELETE /configs/bakeoff/bm1", None),
    ]
    assert {key for _, _, key in peer.asked} == {"Bearer secret"}


def test_reading_is_tried_again_and_refusals_are_not(scripted: tuple[Peer, str]):
    peer, url = scripted
    peer.script = {
        "GET /jobs/a": [(503, {}), (0, None), (200, {"id": "a", "status": "running"})],
        "GET /jobs/b": (403, {"detail": "not yours"}),
        "GET /jobs/c": (500, {}),
    }
    server = client(url)
    assert server.look("a").status == "running"
    for job, status, tries in (("b", 403, 1), ("c", 500, 3)):
        with pytest.raises(RemoteError) as caught:
            server.look(job)
        assert caught.value.answered == status
        assert sum(call == f"GET /jobs/{job}" for call, _, _ in peer.asked) == tries


def test_a_job_whose_answer_was_lost_is_found_and_not_created_twice(scripted: tuple[Peer, str]):
    peer, url = scripted
    others = [{"id": "x", "custom_fields": {MARK: "other"}}, 3]
    listed: list[Any] = list(others)

    def create(body: Any) -> tuple[int, Any]:
        listed.append({"id": "eval-9", "status": "pending", **body})
        return 0, None

    peer.script = {"POST /jobs": create, "GET /jobs": lambda _body: (200, {"data": listed})}
    found = client(url).submit("bakeoff/bm1", {}, "mark")
    assert (found.id, found.status) == ("eval-9", "pending")
    assert sum(call == "POST /jobs" for call, _, _ in peer.asked) == 1
    peer.script["POST /jobs"] = [(503, {}), (200, {"id": "eval-10"})]
    assert client(url).submit("bakeoff/bm1", {}, "second").id == "eval-10"
    peer.script["POST /jobs"] = (503, {})
    with pytest.raises(RemoteError, match="503"):
        client(url, attempts=2).submit("bakeoff/bm1", {}, "third")
    peer.script["POST /jobs"] = (422, {"detail": "wrong"})
    assert sum(call == "POST /jobs" for call, _, _ in peer.asked) == 5
    with pytest.raises(RemoteError, match="wrong"):
        client(url).submit("bakeoff/bm1", {}, "fourth")


def test_a_configuration_that_is_there_already_or_gone_is_no_error(scripted: tuple[Peer, str]):
    peer, url = scripted
    peer.script = {"POST /configs": [(503, {}), (409, {})], "DELETE /configs/a/b": (404, {})}
    server = client(url)
    assert server.register("n", {}) == "bakeoff/n"
    server.forget("a/b")
    peer.script = {"POST /configs": (400, {}), "DELETE /configs/a/b": (403, {})}
    with pytest.raises(RemoteError, match="400"):
        server.register("n", {})
    with pytest.raises(RemoteError, match="403"):
        server.forget("a/b")


def test_answers_that_are_no_jobs_are_errors(scripted: tuple[Peer, str]):
    peer, url = scripted
    peer.script = {
        "GET /jobs/text": (200, b"<html>"),
        "GET /jobs/odd": (200, {"status": 3}),
        "GET /jobs/moved": (302, b""),
        "GET /elsewhere": (200, {"id": "a"}),
    }
    server = client(url, attempts=1)
    for job, word in (("text", "no JSON"), ("odd", "no job"), ("moved", "302")):
        with pytest.raises(RemoteError, match=word):
            server.look(job)
    assert not any("elsewhere" in call for call, _, _ in peer.asked)


def test_addresses_and_keys_are_checked_first():
    with pytest.raises(RefusedError, match=r"remote\.url"):
        client("http://nemo.example")
    with pytest.raises(RefusedError, match="NONE"):
        server_of(Remote(url="http://127.0.0.1", api_key="${NONE}"))
    with pytest.raises(RemoteError) as caught:
        server_of(Remote(url="http://127.0.0.1:1", attempts=1)).look("a")
    assert not caught.value.sent


@pytest.mark.parametrize("status", [0, 408, 500, 502, 504])
def test_a_submission_that_may_have_arrived_is_not_sent_again(scripted: tuple[Peer, str], status: int):
    peer, url = scripted
    peer.script = {"POST /jobs": [(status, {}), (200, {"id": "twice"})], "GET /jobs": (200, {"data": []})}
    with pytest.raises(RemoteError) as caught:
        client(url).submit("bakeoff/bm1", {}, "mark")
    assert caught.value.maybe
    assert sum(call == "POST /jobs" for call, _, _ in peer.asked) == 1
