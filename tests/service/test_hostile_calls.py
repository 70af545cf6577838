"""Calls that mean harm: broken, huge, strange, half, many at once, again. None is an error of the server."""

import json
import socket
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from tests.service.live import Answer, Live, live, spec_of

from bakeoff.server.http import bodies
from bakeoff.server.http.app import create_app
from bakeoff.server.http.connections import BoundedProtocol
from bakeoff.server.service import Service
from bakeoff.server.settings import DEFAULT_ENDPOINTS, Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(180)
RUNS = "/api/v1/runs"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("door"), workers=0, most_upload=2_000_000)) as running:
        yield running


def port_of(service: Live) -> int:
    return int(service.url.rpartition(":")[2])


def raw(service: Live, head: bytes, body: bytes = b"", *, seconds: float = 60) -> bytes:
    """Send bytes as they are and return what comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port_of(service)), timeout=seconds) as sock:
        sock.sendall(head + body)
        found = b""
        try:
            while more := sock.recv(1 << 16):
                found += more
        except TimeoutError:
            pass
        return found


WRITES = [
    ("POST", RUNS),
    ("POST", "/api/v1/specs/validate"),
    ("POST", "/api/v1/compare"),
    ("PUT", "/api/v1/targets/x"),
    ("PUT", "/api/v1/datasets/x"),
    ("PUT", "/api/v1/benchmarks/x"),
    ("POST", "/api/v1/keys"),
    ("POST", "/v1/evals"),
    ("POST", "/v1/eval/benchmarks"),
    ("POST", "/v1/datasets"),
    ("POST", "/v1/scoring/score"),
    ("POST", "/v1/evaluation/jobs"),
    ("POST", "/v1/evaluation/targets"),
    ("POST", "/v2/evaluation/jobs"),
    ("POST", "/api/v1/evaluations/jobs"),
    ("POST", "/api/v1/evaluations/collections"),
]
MALFORMED = {
    "nothing": b"",
    "half": b'{"spec": {"models": [',
    "no JSON": b"spec: {}",
    "no object": b"[]",
    "a number": b"7",
    "null": b"null",
    "NaN": b'{"spec": {"seed": NaN}, "name": NaN}',
    "infinity": b'{"spec": {"seed": Infinity}, "limits": {"usd": -Infinity}}',
    "endless number": b'{"spec": {"seed": 1e999}}',
    "a huge whole number": b'{"spec": {"seed": ' + b"9" * 4000 + b"}, " + b'"name": 1}',
    "a whole number no column holds": b'{"spec": {"seed": 99999999999999999999999999}}',
    "digits without end": b'{"spec": {"seed": ' + b"9" * 100_000 + b"}}",
    "deep lists": b'{"spec": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"spec": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    "equal keys": b'{"spec": {"name": "a", "name": "b"}, "spec": {"seed": 1}}',
    "NUL": b'{"spec": {"name": "a\\u0000b"}, "name": "\\u0000", "benchmark_id": "\\u0000"}',
    "a bare NUL": b'{"name": "a\x00b"}',
    "half a pair": b'{"spec": {"name": "\\ud800"}, "name": "\\ud83d", "benchmark_id": "\\udfff"}',
    "half a pair as key": b'{"spec": {"\\ud800": 1}}',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a mark first": b'\xef\xbb\xbf{"name": "x"}',
    "long names": json.dumps({"name": "x" * 1_000_000, "spec": {"name": "y" * 1_000_000}}).encode(),
    "odd letters": json.dumps(
        {"name": "\u202e\U000e0001\ufdd0\ufffe", "spec": {"name": "\u0301" * 500}}
    ).encode(),
    "many keys": json.dumps({f"k{at}": at for at in range(20_000)}).encode(),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_no_body_is_an_error_of_the_server(door: Live, body: bytes):
    for method, path in WRITES:
        answer = door.call(method, path, body)
        assert answer.status < 500 or answer.status == 501, (path, answer.status, answer.body[:300])
        assert answer.status != 200 or path.endswith("/validate"), (path, answer.body[:300])
        assert answer.json, path
        assert len(answer.body) < 100_000, (path, "an answer that grows with what is wrong")


TYPES = [
    *("", "application/xml", "application/json; charset=utf-16", "multipart/form-data", "a/b/c"),
    *("application/json,x", "multipart/form-data; boundary=" + "b" * 300, "application/vnd.api+json"),
]


@pytest.mark.parametrize("kind", TYPES)
def test_no_type_of_a_body_is_an_error_of_the_server(door: Live, kind: str):
    for method, path in [*WRITES, ("POST", "/v1/files"), ("POST", "/api/v1/files")]:
        for body in (b'{"a": 1}', b"--b\r\n\r\n", b"\x00\xff"):
            answer = door.call(method, path, body, headers={"Content-Type": kind})
            assert answer.status < 500, (path, kind, answer.status, answer.body[:300])


PATHS = [
    *("{}%00", "{}\\u0000", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/x", "..", ".", "%ff%fe", "%ed%a0%80"),
    *("x;y", "-1", "~", "*", "$(id)", "%0d%0aSet-Cookie:%20a=b", "'%20or%201=1--", "%F0%9F%92%A9"),
    *("99999999999999999999", "a" * 5000),
]
OF_RUNS = ["/{}", "/{}/samples", "/{}/report", "?name={}", "?after={}", "?limit={}", "?state={}"]
OF_OTHERS = ["datasets/{}/rows", "files/{}/content", "targets/{}", "benchmarks/{}", "plugins/{}", "{}"]
OF_OPENAI = ["evals/{}", "evals/{}/runs/{}", "evals/{}/runs/{}/output_items/{}", "files/{}/content"]
OF_LLAMA = ["eval/benchmarks/{}", "eval/benchmarks/{}/jobs/{}", "datasets/{}", "datasetio/iterrows/{}", "{}"]
OF_LISTS = ["evals?after={}", "evals?limit={}", "models/{}", "scoring-functions/{}"]
OF_NEMO = ["jobs/{}", "configs/{}/{}", "results/{}", "jobs?page={}", "jobs?filter={}"]
OF_EVALHUB = ["jobs/{}", "providers/{}", "collections/{}", "jobs?limit={}&offset={}", "jobs?state={}"]
PLACES = [
    *(RUNS + each for each in OF_RUNS),
    *(f"/api/v1/{each}" for each in OF_OTHERS),
    *(f"/v1/{each}" for each in (*OF_OPENAI, *OF_LLAMA, *OF_LISTS)),
    *(f"/v1/evaluation/{each}" for each in OF_NEMO),
    *(f"/api/v1/evaluations/{each}" for each in OF_EVALHUB),
    *("/v2/evaluation/jobs/{}/results/{}/download", "/{}"),
]


@pytest.mark.parametrize("part", PATHS)
def test_no_path_is_an_error_of_the_server_nor_leads_anywhere(door: Live, part: str):
    for place in PLACES:
        answer = door.call("GET", place.replace("{}", part.replace("{}", "x")))
        assert answer.status < 500, (place, part, answer.status, answer.body[:300])
        assert b"root:" not in answer.body
        assert "set-cookie" not in {name.lower() for name in answer.headers}


def test_a_body_over_the_limit_is_refused_by_its_head_and_by_its_bytes(door: Live):
    big = b'{"name": "' + b"x" * 10_000_000 + b'"}'
    here = f"Host: 127.0.0.1:{port_of(door)}\r\nContent-Type: application/json\r\n"
    for path in (RUNS, "/v1/evals", "/v1/files", "/api/v1/datasets/x"):
        method = "PUT" if "datasets" in path else "POST"
        start = f"{method} {path} HTTP/1.1\r\n{here}Connection: close\r\n"
        told = f"{start}Content-Length: {len(big)}\r\n\r\n".encode()
        assert raw(door, told, seconds=20).split(b"\r\n")[0].split()[1] == b"413"
        chunked = f"{start}Transfer-Encoding: chunked\r\n\r\n".encode()
        piece = b"%x\r\n" % len(big[:1_000_000]) + big[:1_000_000] + b"\r\n"
        assert (
            raw(door, chunked, piece * 3 + b"a\r\n0123456789\r\n", seconds=20).split(b"\r\n")[0].split()[1]
            == b"413"
        )


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n",
        b"GET /api/v1/runs HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 300_000 + b"\r\n\r\n",
    ],
)
def test_broken_requests_do_no_harm(door: Live, head: bytes):
    found = raw(door, head, seconds=3)
    assert b" 500 " not in found
    assert door.call("GET", "/healthz").status == 200


def test_headers_of_all_kinds_do_no_harm(door: Live):
    for name in (
        "Idempotency-Key",
        "Last-Event-ID",
        "Accept",
        "X-Tenant",
        "X-User",
        "Authorization",
        "User-Agent",
    ):
        for value in ("\x80\xff", "a" * 5000, "%00", "-1", "1e9", "²", "'\"<script>"):
            answer = door.call("POST", RUNS, {"spec": {}}, headers={name: value})
            assert answer.status < 500, (name, value, answer.body)
            again = door.call("GET", f"{RUNS}/none/events", headers={name: value})
            assert again.status < 500, (name, value, again.body)


def test_half_a_request_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(BoundedProtocol, "silence", 0.5)
    monkeypatch.setattr(bodies, "SILENCE_S", 0.5)
    service = Service(Settings(data=tmp_path / "s", workers=0))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        config = uvicorn.Config(create_app(service), log_config=None, access_log=False, http=BoundedProtocol)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        at = Live(f"http://127.0.0.1:{sock.getsockname()[1]}", service)
        try:
            here = f"Host: 127.0.0.1:{port_of(at)}\r\n".encode()
            for half in (b"", b"GET /api", b"GET /api/v1/runs HTTP/1.1\r\n" + here + b"X-A"):
                assert raw(at, half, seconds=60) == b""
            body = (
                b"POST /api/v1/runs HTTP/1.1\r\n"
                + here
                + b"Content-Type: application/json\r\nContent-Length: 9\r\n"
            )
            assert raw(at, body + b"Connection: close\r\n\r\n{", seconds=60).split()[1] == b"408"
            # A client that speaks is not cut off, however slowly it does between its calls.
            with socket.create_connection(("127.0.0.1", port_of(at))) as slow:
                for _ in range(2):
                    slow.sendall(b"GET /healthz HTTP/1.1\r\n" + here + b"\r\n")
                    found = b""
                    while b'{"status":"ok"}' not in found:
                        part = slow.recv(1 << 16)
                        assert part, found
                        found += part
        finally:
            server.should_exit = True
            thread.join(20)


def test_equal_requests_at_once_make_one_run(door: Live, endpoint: TruthProcess):
    body = {"spec": spec_of(endpoint), "name": "at once"}

    def ask(at: int) -> Answer:
        key = {"Idempotency-Key": "at-once"} if at < 50 else {}
        return door.call("POST", RUNS, body, headers=key)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(60)))
    assert {each.status for each in answers} <= {200, 202}, [each.body for each in answers]
    ids = [each.json["id"] for each in answers]
    assert len(set(ids[:50])) == 1
    assert [each.status for each in answers[:50]].count(202) == 1
    assert len(set(ids[50:])) == 10
    for _ in range(3):
        again = door.call("POST", RUNS, body, headers={"Idempotency-Key": "at-once"})
        assert (again.status, again.json["id"]) == (200, ids[0])
    other = door.call("POST", RUNS, {**body, "name": "other"}, headers={"Idempotency-Key": "at-once"})
    assert other.status == 409
    folders = {path.name for path in (door.service.settings.data / "jobs").iterdir()}
    assert folders == set(ids)
    for run in set(ids):
        door.call("POST", f"{RUNS}/{run}/cancel")
        assert door.call("DELETE", f"{RUNS}/{run}").status == 204


def test_equal_things_at_once_are_one_thing(door: Live, endpoint: TruthProcess):
    target = {"endpoint": endpoint.url, "model": "m"}
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: door.call("PUT", "/api/v1/targets/once", target), range(40)))
    assert {each.status for each in answers} <= {200, 409}
    assert {each.json["version"] for each in answers if each.status == 200} == {1}


def test_loopback_is_the_whole_list_by_default():
    assert DEFAULT_ENDPOINTS == ("http://127.0.0.1", "http://localhost", "http://[::1]")
