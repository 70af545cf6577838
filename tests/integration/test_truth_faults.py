"""How the truth server goes wrong on purpose, seen by a bare socket."""

import json
import time
from collections.abc import Callable, Iterator

import pytest

from bakeoff.testing.truth import Fault, TruthProcess, TruthRecord, TruthSettings, parse
from bakeoff.testing.truth.bare import ask, chat, connect, encode, exchange


@pytest.fixture(scope="module")
def process() -> Iterator[TruthProcess]:
    with TruthProcess(max_seconds=120) as server:
        yield server


@pytest.fixture
def server(process: TruthProcess) -> TruthProcess:
    process.configure(TruthSettings())
    process.reset()
    return process


def last(server: TruthProcess) -> TruthRecord:
    return server.truth()[-1]


def wait_until(what: Callable[[], bool]) -> None:
    for _ in range(100):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("500", 500), ("503", 503)])
def test_refusals(server: TruthProcess, kind: str, status: int) -> None:
    read = ask(server.port, f"faults={kind},retry_after=2.5")
    assert read.status == status
    assert read.document["error"]["code"] == status
    assert (b"retry-after: 2.5" in read.head) == (status == 429)
    assert (last(server).kind, last(server).status) == (kind, status)


def test_an_error_event_stands_inside_a_stream_that_ends_well(server: TruthProcess) -> None:
    read = ask(server.port, "faults=error_event@2,tokens=6")
    assert (read.status, read.end) == (200, "complete")
    assert "error" in read.events[-1]
    assert read.text == "tok0 tok1"
    assert read.payloads[-1] == b"[DONE]"
    assert last(server).tokens == 2


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_a_cut_ends_without_the_end(server: TruthProcess, framing: str) -> None:
    read = ask(server.port, f"faults=cut@2,tokens=6,framing={framing}")
    assert read.end == "closed"
    assert read.raw.count(b"tok") == 2
    assert b"[DONE]" not in read.raw
    assert last(server).kind == "cut"


def test_a_cut_whole_answer_is_shorter_than_told(server: TruthProcess) -> None:
    read = ask(server.port, "faults=cut", stream=False)
    assert read.end == "closed"
    told = int(read.head.split(b"content-length: ")[1].split(b"\r\n")[0])
    assert 0 < len(read.body) < told


@pytest.mark.parametrize(("after", "tokens"), [("", 0), ("@3", 3)])
def test_a_hang_says_nothing_more(server: TruthProcess, after: str, tokens: int) -> None:
    with connect(server.port) as one:
        read = exchange(one, encode(chat(), settings=f"faults=hang{after}"), wait=0.2)
        assert read.end == "silent"
        assert read.raw.count(b"tok") == tokens
        assert bool(read.raw) == bool(tokens)
        assert last(server).done is None
    wait_until(lambda: last(server).done is not None)
    assert last(server).client_gone


@pytest.mark.parametrize("stream", [True, False])
def test_malformed_json(server: TruthProcess, *, stream: bool) -> None:
    read = ask(server.port, "faults=malformed", stream=stream)
    assert (read.status, read.end) == (200, "complete")
    with pytest.raises(json.JSONDecodeError):
        assert read.events if stream else read.document


def test_other_json_and_empty_answers(server: TruthProcess) -> None:
    assert ask(server.port, "faults=other_json").document == {"status": "ok"}
    empty = ask(server.port, "faults=empty,usage=last")
    assert empty.text == ""
    assert empty.events[0]["choices"][0]["finish_reason"] == "stop"
    assert empty.events[-1]["usage"]["completion_tokens"] == 0
    assert ask(server.port, "faults=empty", stream=False).document["choices"][0]["message"]["content"] == ""


def test_no_done_as_a_fault(server: TruthProcess) -> None:
    read = ask(server.port, "faults=no_done")
    assert read.end == "complete"
    assert read.payloads[-1] != b"[DONE]"


def test_reset_hits_reused_connections_only(server: TruthProcess) -> None:
    data = encode(chat(), settings="faults=reset")
    with connect(server.port) as one:
        assert exchange(one, data).end == "complete"
        read = exchange(one, data)
        assert (read.end, read.raw) == ("reset", b"")
    assert [record.kind for record in server.truth()] == ["ok", "reset"]


def test_shares_and_patterns_of_faults(server: TruthProcess) -> None:
    server.configure(parse("faults=429:0.2+500:0.3,tokens=1,seed=1"))
    with connect(server.port) as one:
        statuses = [exchange(one, encode(chat())).status for _ in range(300)]
    assert 35 <= statuses.count(429) <= 85
    assert 60 <= statuses.count(500) <= 120
    server.configure(TruthSettings(tokens=1, faults=(Fault(kind="503", every=3),)))
    server.reset()
    with connect(server.port) as one:
        assert [exchange(one, encode(chat())).status for _ in range(6)] == [200, 200, 503, 200, 200, 503]


def test_wrong_keys_are_refused(server: TruthProcess) -> None:
    server.configure(TruthSettings(api_key="secret"))
    with connect(server.port) as one:
        assert exchange(one, encode(chat())).status == 401
        assert exchange(one, encode(chat(), key="wrong")).status == 401
        assert exchange(one, encode(chat(), key="secret")).status == 200
        assert exchange(one, encode(b"", path="/v1/models", method="GET")).status == 401
    assert [record.kind for record in server.truth()] == ["unauthorized", "unauthorized", "ok"]


def test_models_have_settings_of_their_own(server: TruthProcess) -> None:
    server.configure(TruthSettings(models={"m": TruthSettings(tokens=1), "n": TruthSettings(tokens=2)}))
    with connect(server.port) as one:
        listed = exchange(one, encode(b"", path="/v1/models", method="GET")).document
        assert [model["id"] for model in listed["data"]] == ["m", "n"]
        assert exchange(one, encode(chat())).text == "tok0"
        assert exchange(one, encode(chat() | {"model": "n"})).text == "tok0 tok1"
        missing = exchange(one, encode(chat() | {"model": "o"}))
        assert missing.status == 404
        assert "`o`" in missing.document["error"]["message"]


def test_a_client_that_leaves_is_noted(server: TruthProcess) -> None:
    with connect(server.port) as one:
        one.sendall(encode(chat(), settings="itl=20ms,tokens=100"))
        one.recv(10)
    wait_until(lambda: last(server).done is not None)
    assert last(server).client_gone
    assert last(server).tokens < 100


def test_bad_requests_are_told(server: TruthProcess) -> None:
    with connect(server.port) as one:
        assert exchange(one, encode(b"{")).status == 400
        assert exchange(one, encode({"messages": []})).status == 400
        assert exchange(one, encode(chat(), settings="tfft=1")).status == 400
        assert "ttft" in exchange(one, encode(chat(), settings="tfft=1")).document["error"]["message"]
        assert exchange(one, encode(b"", path="/nowhere", method="GET")).status == 404
    with connect(server.port) as one:
        assert exchange(one, b"nonsense\r\n\r\n").status == 400
