"""The way in: where a server listens, who may call one without keys, and calls that mean harm."""

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.ports import free_port
from tests.service.live import Live, live, spec_of

from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.server.store.tables import AUDIT, DELIVERIES, JOBS
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(180)
RUNS = "/api/v1/runs"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("door"), workers=0, most_upload=2_000_000)) as running:
        yield running


def port_of(service: Live) -> int:
    return int(service.url.rpartition(":")[2])


def serve(tmp_path: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bakeoff", "serve", "--data", str(tmp_path), "--workers", "0", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_any_other_host_than_loopback_needs_keys(tmp_path: Path, host: str):
    process = serve(tmp_path, "--host", host, "--port", str(free_port()))
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 2, said
    assert "needs API keys" in said
    assert "bakeoff access create" in said


def test_a_server_on_another_host_asks_for_keys_warns_and_keeps_off_its_own_machine(
    tmp_path: Path,
):
    service = Service(Settings(data=tmp_path))
    _, key = service.keys.create("me", "admin")
    service.close()
    port = free_port()
    process = serve(tmp_path, "--host", "0.0.0.0", "--port", str(port))
    try:
        assert process.stdout is not None
        said = ""
        while '"serving"' not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        assert '"no_tls"' in said
        at = Live(f"http://127.0.0.1:{port}", service)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                assert at.call("GET", "/healthz").status == 200
                break
            except OSError:
                time.sleep(0.05)
        assert at.call("GET", RUNS).status == 401
        at.key = key
        assert at.call("GET", RUNS).status == 200
        asked = {
            "models": [{"name": "m", "endpoint": "http://127.0.0.1:9/v1", "model": "m"}],
            "benchmarks": [{"name": "b", "dataset": {"type": "synthetic"}, "load": {"requests": 1}}],
        }
        answer = at.call("POST", RUNS, {"spec": asked})
        assert answer.status == 400, answer.body
        assert "may not ask" in answer.json["error"]["message"]
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize("allowed", [False, True])
def test_behind_a_proxy_nobody_reaches_this_machine_by_the_server(tmp_path: Path, *, allowed: bool):
    service = Service(Settings(data=tmp_path))
    _, key = service.keys.create("me", "admin")
    service.close()
    port = free_port()
    options = ("--allow-endpoint", "http://127.0.0.1:9") if allowed else ()
    process = serve(tmp_path, "--require-keys", "--port", str(port), *options)
    try:
        at = until_up(Live(f"http://127.0.0.1:{port}", service, key=key))
        for endpoint, status in {
            "http://127.0.0.1:9/v1": 200 if allowed else 400,
            "http://127.0.0.1:10/v1": 400,
            "http://localhost:9/v1": 400,
            "http://[::1]:9/v1": 400,
        }.items():
            answer = at.call("PUT", "/api/v1/targets/x", {"endpoint": endpoint})
            assert answer.status == status, (endpoint, answer.body)
        section = {"dataset": {"type": "synthetic"}, "load": {"requests": 1}}
        assert at.call("PUT", "/api/v1/benchmarks/b", {"section": section}).status == 200
    finally:
        process.terminate()
        process.communicate(timeout=60)


def until_up(service: Live) -> Live:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            status = service.call("GET", "/healthz").status
        except OSError:
            time.sleep(0.05)
        else:
            assert status == 200
            return service
    raise AssertionError("the server does not come up")


@pytest.mark.parametrize("keys", [False, True])
def test_a_worker_apart_reaches_its_own_machine_where_nobody_else_can_call(tmp_path: Path, *, keys: bool):
    service = Service(Settings(data=tmp_path))
    if keys:
        service.keys.create("me", "admin")
    row = {"id": "w", "job": "j", "project": "default", "url": f"http://127.0.0.1:{free_port()}/"}
    row |= {"body": "{}", "state": "waiting", "attempts": 0, "next_at": 0, "error": ""}
    asked = {"id": "j", "project": "default", "name": "n", "dialect": "bakeoff", "state": "completed"}
    asked |= {"document": {}, "asked": {}, "labels": {}, "limits": {}, "owner": "me", "body_hash": ""}
    asked |= {"created_at": 0, "updated_at": 0, "attempt": 1, "done": 0, "total": 0, "failed": 0}
    with service.database.write() as connection:
        connection.execute(sa.insert(JOBS).values(**asked, webhook={"url": row["url"]}))
        connection.execute(sa.insert(DELIVERIES).values(row))
    command = [sys.executable, "-m", "bakeoff", "worker", "--data", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        error, until = "", time.monotonic() + 60
        while not error and time.monotonic() < until:
            time.sleep(0.05)
            with service.database.read() as connection:
                error = connection.execute(sa.select(DELIVERIES.c.error)).scalar_one()
        assert ("not allowed" in error) is keys, error
        assert ("refused" in error) is not keys, error
    finally:
        process.terminate()
        process.wait(60)
        service.close()


def test_a_server_on_loopback_asks_for_no_key_and_for_one_where_it_is_told_to(door: Live, tmp_path: Path):
    assert door.call("GET", RUNS).status == 200
    with live(Settings(data=tmp_path / "s", workers=0, keys_required=True)) as other:
        assert other.call("GET", RUNS).status == 401


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil.example", "0.0.0.0"),
        *(
            "[::]",
            "169.254.169.254",
            "evil.example#localhost",
            "x@127.0.0.1",
            "",
            "localhost/..",
            "2130706433",
        ),
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(door: Live, host: str):
    for path in (RUNS, "/v1/evals", "/v1/models", "/healthz"):
        assert door.call("GET", path, headers={"Host": host}).status == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]:8600", "127.8.8.8"])
def test_names_of_this_machine_are_taken(door: Live, host: str):
    assert door.call("GET", RUNS, headers={"Host": host}).status == 200


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


def test_two_hosts_or_none_are_refused(door: Live):
    here = f"127.0.0.1:{port_of(door)}".encode()
    for hosts in (b"Host: evil.example\r\nHost: " + here + b"\r\n", b""):
        head = b"GET /api/v1/runs HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n"
        assert raw(door, head).split()[1] in {b"400", b"421"}


CROSS = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "file://"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "text/plain;charset=UTF-8"},
    {"Content-Type": "application/x-www-form-urlencoded"},
]


@pytest.mark.parametrize("headers", CROSS, ids=[f"{k}: {v}" for each in CROSS for k, v in each.items()])
def test_a_page_in_a_browser_cannot_drive_a_server_without_keys(door: Live, headers: dict[str, str]):
    for path in (RUNS, "/v1/evals", "/v1/eval/benchmarks", "/v1/evaluation/jobs", "/api/v1/evaluations/jobs"):
        answer = door.call("POST", path, {"spec": {}}, headers=headers)
        assert answer.status == 403, (path, answer.body)
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    with door.service.database.read() as connection:
        last = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.id.desc()).limit(1)).mappings().one()
        assert (last["status"], last["action"]) == (403, "POST")
        assert connection.execute(sa.select(sa.func.count()).select_from(JOBS)).scalar_one() == 0


def test_no_browser_is_told_that_it_may(door: Live):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    answer = door.call("OPTIONS", f"{RUNS}/x", headers=asked)
    assert answer.status in {403, 405}
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_page_of_the_server_itself_may_call(door: Live):
    own = {"Origin": door.url, "Sec-Fetch-Site": "same-origin"}
    assert door.call("POST", "/api/v1/specs/validate", {"spec": {}}, headers=own).status == 200


def test_with_keys_a_browsers_word_does_not_matter(tmp_path: Path):
    with live(Settings(data=tmp_path / "s", workers=0, keys_required=True)) as running:
        _, running.key = running.service.keys.create("me", "viewer")
        there = {"Origin": "https://ui.example", "Host": "bakeoff.example"}
        assert running.call("GET", RUNS, headers=there).status == 200


def test_every_answer_keeps_browsers_from_guessing(door: Live):
    for path in (RUNS, f"{RUNS}/none", "/v1/files", "/no/such/path"):
        answer = door.call("GET", path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("route", "body"),
    [("/api/v1/files?name=x.html", b"<script>alert(1)</script>"), ("/api/v1/files?name=x.svg", b"<svg/>")],
)
def test_an_uploaded_page_is_no_page_of_the_server(door: Live, route: str, body: bytes):
    sent = {"Content-Type": "application/octet-stream"}
    file = door.call("POST", route, body, headers=sent).json["id"]
    for path in (f"/api/v1/files/{file}/content", f"/v1/files/{file}/content"):
        answer = door.call("GET", path)
        if answer.status == 200:
            assert answer.headers["content-type"].partition(";")[0] == "application/octet-stream"


def test_a_report_is_shown_in_a_sandbox_without_a_way_out(tmp_path: Path, endpoint: TruthProcess):
    with live(Settings(data=tmp_path / "s", workers=1)) as running:
        name = "<script>fetch('https://evil.example')</script>"
        run = running.call("POST", RUNS, {"spec": spec_of(endpoint, requests=3), "name": name}).json["id"]
        running.ended(run)
        answer = running.call("GET", f"{RUNS}/{run}/report")
        policy = answer.headers["content-security-policy"]
        assert "sandbox" in policy
        assert "allow-same-origin" not in policy
        assert "default-src 'none'" in policy
        assert name.encode() not in answer.body


def test_a_websocket_is_refused(door: Live):
    head = (
        f"GET /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1:{port_of(door)}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert b" 101 " not in raw(door, head.encode(), seconds=2).split(b"\r\n")[0]
