"""`bakeoff serve`, `bakeoff worker` and `bakeoff access`, as whoever operates a service types them."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.commands import BAKEOFF, Done
from tests.ports import free_port
from tests.service.live import Live, spec_of

from bakeoff.cli import main
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)


@contextmanager
def process(*words: str | Path, log: Path) -> Generator[subprocess.Popen[bytes]]:
    """Run a command until the end of the block."""
    with log.open("wb") as out, subprocess.Popen([*BAKEOFF, *map(str, words)], stderr=out) as running:
        try:
            yield running
        finally:
            running.kill()


def until_ready(service: Live, *, workers: bool = True) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if service.call("GET", "/readyz" if workers else "/healthz").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("the server does not come up")


@pytest.fixture
def bakeoff(capsys: pytest.CaptureFixture[str]):
    def call(*words: str | Path) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(list(map(str, words)))
        printed = capsys.readouterr()
        code = stop.value.code
        return Done(code=code if isinstance(code, int) else 0, out=printed.out, err=printed.err)

    return call


def test_keys_are_made_listed_without_their_secret_and_revoked(bakeoff, tmp_path: Path):
    place = ("--data", tmp_path)
    made = bakeoff("access", "create", "ana", "--role", "admin", "--days", "2", *place)
    assert made.code == 0
    secret = made.out.strip()
    assert len(secret) > 40
    listed = bakeoff("access", "list", *place)
    assert "ana" in listed.out
    assert secret not in listed.out + made.err
    rows = json.loads(bakeoff("access", "list", "--json", *place).out)["keys"]
    assert [(row["name"], row["role"], row["revoked"]) for row in rows] == [("ana", "admin", None)]
    assert bakeoff("access", "revoke", rows[0]["id"], *place).code == 0
    assert "revoked" in bakeoff("access", "list", *place).out
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )
    gone = bakeoff("access", "revoke", "key-nobody", *place)
    assert gone.code != 0
    assert "not found" in gone.err


def test_an_address_for_others_needs_a_key(bakeoff, tmp_path: Path):
    refused = bakeoff("serve", "--host", "192.0.2.1", "--data", tmp_path)
    assert refused.code == 2
    assert "bakeoff access create" in refused.err


def test_a_port_in_use_is_told(bakeoff, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        refused = bakeoff("serve", "--port", str(sock.getsockname()[1]), "--data", tmp_path)
    assert refused.code == 2
    assert "choose another --port" in refused.err


def test_a_database_that_cannot_be_opened_is_told(bakeoff, tmp_path: Path):
    gone = f"sqlite:///{tmp_path}/no/such/folder/x.db"
    for url, code in (("nonsense", 2), ("mysql+nothing://x", 2), (gone, 1)):
        refused = bakeoff("access", "list", "--data", tmp_path, "--database-url", url)
        assert refused.code == code
        assert "database" in refused.err


def test_a_server_stops_in_order_and_its_job_goes_on_when_it_starts_again(
    tmp_path: Path, endpoint: TruthProcess
):
    port = free_port()
    words = ("serve", "--port", str(port), "--data", tmp_path / "data", "--lease", "5")
    service = Live(f"http://127.0.0.1:{port}", Service(Settings(data=tmp_path / "data")))
    with process(*words, log=tmp_path / "first.log") as first:
        until_ready(service)
        run = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint, requests=300)}).json["id"]
        while service.call("GET", f"/api/v1/runs/{run}").json["progress"]["done"] < 5:
            time.sleep(0.02)
        first.send_signal(signal.SIGTERM)
        assert first.wait(30) == 0
    assert service.service.jobs.get(run, project="default").state == "queued"
    with process(*words, log=tmp_path / "second.log") as second:
        until_ready(service, workers=False)
        ended = service.ended(run)
        second.send_signal(signal.SIGINT)
        assert second.wait(30) == 0
    assert ended["state"] == "completed"
    assert ended["progress"]["done"] == ended["progress"]["total"]
    log = [json.loads(line) for line in (tmp_path / "second.log").read_text().splitlines()]
    assert {"serving", "job_started", "job_left", "stopped"} <= {line["event"] for line in log}
    service.service.close()


def test_a_worker_apart_does_the_jobs_of_a_server_without_any(tmp_path: Path, endpoint: TruthProcess):
    port = free_port()
    data = ("--data", tmp_path / "data")
    service = Live(f"http://127.0.0.1:{port}", Service(Settings(data=tmp_path / "data")))
    with process("serve", "--port", str(port), "--workers", "0", *data, log=tmp_path / "serve.log"):
        until_ready(service, workers=False)
        assert service.call("GET", "/readyz").status == 503
        run = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint)}).json["id"]
        with process("worker", *data, log=tmp_path / "worker.log") as worker:
            assert service.ended(run)["state"] == "completed"
            assert service.call("GET", "/readyz").json == {"status": "ok", "workers": 1}
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0
        assert service.call("GET", "/readyz").json["workers"] == 0
    service.service.close()
