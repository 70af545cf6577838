"""A real `bakeoff serve` whose processes and database connections are killed at random, and what is left of it.

`python -m tests.service.chaos sqlite|postgres KILLS SEED` tells the figures of one long round.
"""

import contextlib
import http.server
import json
import os
import random
import signal
import sqlite3
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
from tests.postgres import Postgres, free_port

from bakeoff.server.database import Database
from bakeoff.server.filestore import Files
from bakeoff.server.job import ENDED
from bakeoff.server.objects import Objects
from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess, TruthSettings

CASES, CONCURRENCY, LEAST_WORDS = 12, 2, 5
LEASE_S, WORKERS = 2.0, 3
OUTSTANDING = 6


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

    def __init__(self, data: Path, database_url: str | None, *, workers: int = WORKERS) -> None:
        self.data = data
        self.port = free_port()
        self.workers = workers
        self._database = [] if database_url is None else ["--database-url", database_url]
        self._log = (data.parent / f"serve-{self.port}.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; `ready` waits until it answers."""
        command = [sys.executable, "-m", "bakeoff", "serve", "--port", str(self.port), "--data", str(self.data)]
        command += ["--workers", str(self.workers), "--lease", str(LEASE_S), *self._database]
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
        """Return the living workers (`bakeoff.server.work`), or their children (`bakeoff.server.child`)."""
        assert self.process is not None
        known = processes()
        workers = [each for each in known if each.parent == self.process.pid and "server.work" in each.command]
        if module == "bakeoff.server.work":
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
                with error:
                    told = error.read()
                assert error.code == 503, (error.code, told)
                problem: Exception = error
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

    def __init__(self, server: Server, database: Postgres | None, endpoint: TruthProcess, hooks: Hooks) -> None:
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
        """Wait until all jobs have ended."""
        until = time.monotonic() + within
        while open_ := [job for job, state in self.states().items() if state not in ENDED]:
            assert time.monotonic() < until, [self.server.call("GET", f"/api/v1/runs/{job}") for job in open_]
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
        return (
            self.database.url
            if self.database is not None
            else Settings(data=self.server.data).url
        )


@contextlib.contextmanager
def world(folder: Path, kind: str, *, workers: int = WORKERS, ttft: float = 0.15) -> Generator[World]:
    """Run everything, with the data set `rows`: case k is a question of k + 5 words."""
    data = folder / "service"
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres.postgres()) if kind == "postgres" else None
        url = None if database is None else database.url
        endpoint = stack.enter_context(
            TruthProcess(TruthSettings(ttft=ttft, tokens=4), max_seconds=3000)
        )
        hooks = Hooks()
        stack.callback(hooks.close)
        _register(Settings(data=data, database_url=url))
        server = Server(data, url, workers=workers)
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


class Chaos:
    """Kills one thing after the other, in an order that a seed gives."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._rng = random.Random(seed)
        self._kinds = ["worker", "worker", "child", "child", "server"]
        self._kinds += ["connections", "database"] if world.database is not None else ["lock"]

    def kill(self) -> str:
        """Kill something that lives, after a random while, and return what it was."""
        time.sleep(self._rng.uniform(0.3, 1.8))
        kind = self._rng.choice(self._kinds)
        done = getattr(self, f"_{kind}")()
        self._world.kills[kind] += done
        return kind if done else ""

    def _worker(self) -> bool:
        return self._process("bakeoff.server.work")

    def _child(self) -> bool:
        return self._process("bakeoff.server.child")

    def _process(self, module: str) -> bool:
        found = self._world.server.found(module)
        self._world.pids |= {each.pid for each in found}
        if not found:
            return False
        try:
            os.kill(self._rng.choice(found).pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def _server(self) -> bool:
        self._world.pids |= {each.pid for each in self._world.server.found("bakeoff.server.work")}
        self._world.server.kill()
        self._world.server.start()
        return True

    def _connections(self) -> bool:
        assert self._world.database is not None
        cut = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
        try:
            return bool(self._world.query(cut + "and backend_type = 'client backend'"))
        except sa.exc.OperationalError:
            return False

    def _database(self) -> bool:
        assert self._world.database is not None
        self._world.database.kill()
        time.sleep(self._rng.uniform(0.0, 1.0))
        self._world.database.start()
        return True

    def _lock(self) -> bool:
        """Keep SQLite's only writer's place for longer than a lease, as a hanging process would."""
        path = self._world.server.data / "bakeoff.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(self._rng.uniform(0.5, 1.5 * LEASE_S))
            connection.execute("ROLLBACK")
        return True


def rage(world: World, kills: int, seed: int) -> None:
    """Keep some jobs under way until so many kills are done, then wait for the end of all."""
    chaos = Chaos(world, seed)
    while sum(world.kills.values()) < kills:
        busy = sum(state not in ENDED for state in world.states().values())
        for _ in range(OUTSTANDING - busy):
            world.submit()
        chaos.kill()
    world.wait()
    until = time.monotonic() + 60
    while world.query("select 1 from deliveries where state = 'waiting'"):
        assert time.monotonic() < until, "a webhook was not delivered"
        time.sleep(0.5)


class Audit(NamedTuple):
    """What became of all jobs.

    Attributes:
        attempts: of all jobs together.
        asked: requests that came to the endpoint, the question before each attempt left out.
        again: of those, how many asked a second time what was in flight at a kill.
        heard: webhooks that came, with those that came twice.
    """

    jobs: int
    kills: dict[str, int]
    attempts: int
    asked: int
    again: int
    heard: int


def audited(world: World) -> Audit:
    """Hold jobs, samples, events, webhooks and the endpoint's own books against each other."""
    asked = again = attempts = 0
    records: dict[tuple[str, int], list[int]] = {}
    for record in world.endpoint.truth():
        records.setdefault((record.model, record.prompt_tokens), []).append(record.arrival)
    for number, job in enumerate(world.jobs):
        shown = world.server.call("GET", f"/api/v1/runs/{job}")
        assert shown["state"] == "completed", shown
        assert shown["progress"] == {"done": CASES, "total": CASES, "failed": 0}, shown
        attempts += _check_events(world, job)
        repeated = _check_samples(world, job, f"job-{number}", records)
        asked += CASES + repeated
        again += repeated
    told = Counter(job for job, _, _ in set(world.hooks.heard))
    assert told == Counter(world.jobs)
    assert {kind for _, _, kind in world.hooks.heard} == {"job.completed"}
    assert set(world.states()) == set(world.jobs)
    return Audit(
        jobs=len(world.jobs),
        kills=dict(world.kills),
        attempts=attempts,
        asked=asked,
        again=again,
        heard=len(world.hooks.heard),
    )


def _check_events(world: World, job: str) -> int:
    kinds = Counter(row["kind"] for row in world.server.call("GET", f"/api/v1/runs/{job}/events")["data"])
    assert kinds["queued"] == 1
    assert [kinds[state] for state in ENDED] == [1, 0, 0]
    return kinds["started"]


def _check_samples(world: World, job: str, model: str, records: dict[tuple[str, int], list[int]]) -> int:
    """Return how many requests came twice; each of them may have come only while its answer was not stored."""
    (run,) = world.query(f"select outcome from jobs where id = '{job}'")
    told = run[0] if isinstance(run[0], dict) else json.loads(run[0])
    events = (world.server.data / "jobs" / job / "runs" / told["run"] / "events.jsonl").read_text()
    zero = json.loads(events.splitlines()[0])["facts"]["anchor"]["mono_ns"]
    samples = world.server.call("GET", f"/api/v1/runs/{job}/samples?limit=1000")["data"]
    assert {sample["outcome"] for sample in samples} == {"ok"}
    lengths = Counter(sample["usage"]["prompt"] for sample in samples)
    assert lengths == Counter(range(LEAST_WORDS, LEAST_WORDS + CASES))
    repeated = 0
    for sample in samples:
        arrivals = records.pop((model, sample["usage"]["prompt"]))
        # The stored answer is that of the last time it was asked for: nothing was asked once it was stored.
        assert zero + sample["sent_at"] <= arrivals[-1] <= zero + sample["done_at"]
        assert len(arrivals) <= 1 + sample["segment"]
        repeated += len(arrivals) - 1
    assert repeated <= CONCURRENCY * max(sample["segment"] for sample in samples)
    return repeated


def check_processes(world: World) -> None:
    """Nothing of ours is left: no zombie while the server lives, no process at all after its end."""
    server = world.server.process
    assert server is not None
    ours = {server.pid, *(each.pid for each in world.server.found("bakeoff.server.work"))}
    assert not [each for each in processes() if each.parent in ours and each.state == "Z"]
    world.server.stop()
    until = time.monotonic() + 10
    data = str(world.server.data)
    while left := [each for each in processes() if _is_ours(each, world.pids | ours, data)]:
        assert time.monotonic() < until, left
        time.sleep(0.1)


def _is_ours(process: Process, pids: set[int], data: str) -> bool:
    known = process.pid in pids or data in process.command
    return known and process.state != "Z" and "bakeoff" in process.command


def main(kind: str, kills: int, seed: int) -> None:
    """Tell the figures of one long round."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, world(Path(folder), kind) as here:
        began = time.monotonic()
        rage(here, kills, seed)
        seconds = time.monotonic() - began
        print(kind, audited(here), f"{seconds:.0f} s", flush=True)
        check_processes(here)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
