"""A real `bakeoff serve` on a real database, an endpoint with books, and a listener for webhooks."""

import contextlib
import http.client
import http.server
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import sqlalchemy as sa
from tests import postgres
from tests.ports import free_port
from tests.postgres import Postgres

from bakeoff.server.jobs.job import ENDED
from bakeoff.server.settings import Settings
from bakeoff.server.store.database import Database
from bakeoff.server.store.filestore import Files
from bakeoff.server.store.objects import Objects
from bakeoff.testing.truth import TruthProcess, TruthSettings

CASES, CONCURRENCY, LEAST_WORDS = 12, 2, 5
LEASE_S, WORKERS = 2.0, 3


class Process(NamedTuple):
    """A living process, as /proc tells it."""

    pid: int
    parent: int
    state: str
    command: str


def processes() -> list[Process]:
    """Return all processes of this machine."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found.append(Process(int(folder.name), int(stat[1]), stat[0], command))
    return found


class Server:
    """`bakeoff serve` with its workers, which can be killed and started again."""

    def __init__(
        self, data: Path, database_url: str | None, *, workers: int = WORKERS, lease: float = LEASE_S
    ) -> None:
        self.data = data
        self.port = free_port()
        self._options = ["--data", str(data), "--workers", str(workers), "--lease", str(lease)]
        if database_url is not None:
            self._options += ["--database-url", database_url]
        self._log_path = data.parent / f"serve-{self.port}.log"
        self._log = self._log_path.open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; `ready` waits until it answers."""
        command = [sys.executable, "-m", "bakeoff", "serve", "--port", str(self.port), *self._options]
        self.process = subprocess.Popen(command, stderr=self._log, stdin=subprocess.DEVNULL)

    def ready(self) -> None:
        """Wait until it answers."""
        self.call("GET", "/healthz")

    def stop(self) -> None:
        """Stop in order."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(40) is not None

    def kill(self) -> None:
        """End the server alone, as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End what still lives."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def found(self, module: str) -> list[Process]:
        """Return the living processes of a module: `….workers.work`, or `….workers.child` for jobs."""
        assert self.process is not None
        known = processes()
        workers = [
            each for each in known if each.parent == self.process.pid and "server.work" in each.command
        ]
        if module == "bakeoff.server.workers.work":
            return workers
        parents = {each.pid for each in workers}
        return [each for each in known if each.parent in parents and module in each.command]

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Call until there is an answer that is no excuse, and return its JSON."""
        data = None if body is None else json.dumps(body).encode()
        asked = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        until = time.monotonic() + 60
        while True:
            request = Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method, headers=asked)
            try:
                with urlopen(request, timeout=40) as answer:
                    return json.loads(answer.read())
            except HTTPError as error:
                problem: Exception = error
                with error:
                    if error.code != 503:
                        log = self._log_path.read_text()[-3000:]
                        raise AssertionError(f"{error.code} {error.read()!r} {log}") from error
            except (URLError, OSError, http.client.HTTPException) as error:
                problem = error
            assert time.monotonic() < until, problem
            time.sleep(0.1)


class Hooks:
    """Hears webhooks."""

    def __init__(self) -> None:
        heard = self.heard = list[tuple[str, str, str]]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                heard.append((body["job"]["id"], self.headers["webhook-id"], body["type"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class World:
    """A server, its database, an endpoint and a listener, with all jobs that were submitted."""

    def __init__(
        self, server: Server, database: Postgres | None, endpoint: TruthProcess, hooks: Hooks
    ) -> None:
        self.server = server
        self.database = database
        self.endpoint = endpoint
        self.hooks = hooks
        self.jobs: list[str] = []
        self.kills: Counter[str] = Counter()
        self.pids: set[int] = set()

    def submit(self) -> str:
        """Submit one more job, as often as it takes for one answer."""
        number = len(self.jobs)
        spec = {
            "name": "chaos",
            "models": [{"name": "m", "endpoint": self.endpoint.url, "model": f"job-{number}"}],
            "benchmarks": [
                {
                    "name": "facts",
                    "dataset": {"type": "stored", "name": "rows"},
                    "load": {"kind": "concurrent", "concurrency": CONCURRENCY},
                    "scorers": [{"type": "contains", "value": "a"}],
                }
            ],
        }
        body = {"spec": spec, "webhook": {"url": self.hooks.url}}
        job: str = self.server.call("POST", "/api/v1/runs", body, Idempotency_Key=f"key-{number}")["id"]
        self.jobs.append(job)
        return job

    def states(self) -> dict[str, str]:
        """Return the state of every job."""
        found: dict[str, str] = {}
        page = self.server.call("GET", "/api/v1/runs?limit=1000")
        found |= {row["id"]: row["state"] for row in page["data"]}
        assert page["next"] is None
        return found

    def wait(self, within: float = 120) -> None:
        """Wait until all jobs have ended and their webhooks have said so."""
        until = time.monotonic() + within
        while open_ := [job for job, state in self.states().items() if state not in ENDED]:
            assert time.monotonic() < until, [self.server.call("GET", f"/api/v1/runs/{job}") for job in open_]
            time.sleep(0.3)
        while waiting := self.query("select job, error from deliveries where state = 'waiting'"):
            assert time.monotonic() < until, waiting
            time.sleep(0.3)

    def query(self, text: str) -> list[Any]:
        """Ask the database itself."""
        database = Database(self.url)
        try:
            with database.read() as connection:
                return list(connection.execute(sa.text(text)).all())
        finally:
            database.close()

    @property
    def url(self) -> str:
        """Return the database's URL."""
        return self.database.url if self.database is not None else Settings(data=self.server.data).url


@contextlib.contextmanager
def world(
    folder: Path, kind: str, *, workers: int = WORKERS, lease: float = LEASE_S, ttft: float = 0.15
) -> Generator[World]:
    """Run everything, with the data set `rows`: case k is a question of k + 5 words."""
    data = folder / "service"
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres.postgres()) if kind == "postgres" else None
        url = None if database is None else database.url
        endpoint = stack.enter_context(TruthProcess(TruthSettings(ttft=ttft, tokens=4), max_seconds=3000))
        hooks = Hooks()
        stack.callback(hooks.close)
        _register(Settings(data=data, database_url=url))
        server = Server(data, url, workers=workers, lease=lease)
        stack.callback(server.close)
        server.start()
        server.ready()
        yield World(server, database, endpoint, hooks)


def _register(settings: Settings) -> None:
    settings.data.mkdir(parents=True)
    database = Database(settings.url)
    database.migrate()
    rows = [json.dumps({"input": " ".join(["word"] * (LEAST_WORDS + at))}) for at in range(CASES)]
    content = "\n".join(rows).encode()
    file = Files(database, settings.files, most=1 << 20).add(
        "rows.jsonl", content, purpose="dataset", project="default", owner="test"
    )
    body = {"format": "jsonl", "file": file.id, "rows": CASES, "sha256": file.sha256}
    Objects(database).put("dataset", "rows", body, project="default", owner="test")
    database.close()
