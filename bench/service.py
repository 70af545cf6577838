"""How fast does the service answer while it works, and over 100,000 stored runs? What does a job cost?

A real `bakeoff serve` on this machine, clients in this process, all on the same cores. 200 clients ask for
a run's state once a second each, while 8 jobs run with 2 requests in flight each. Lists are asked of SQLite
and, where its binaries are installed, of a PostgreSQL with its own default settings.
"""

import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from tests import postgres

from bakeoff.server.jobs.job import ENDED
from bakeoff.server.jobs.joblists import label_rows
from bakeoff.server.settings import Settings
from bakeoff.server.store.database import Database
from bakeoff.server.store.tables import JOB_LABELS, JOBS
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bench._child import measured
from bench._table import Cell, show

CLIENTS, JOBS_RUNNING, POLL_EVERY_S, POLL_S = 200, 8, 1.0, 20.0
STORED, LISTS = 100_000, 20
LOOPS, LOOP_S = 16, 4.0
REQUESTS = 50
SLOW = TruthSettings(ttft=0.05, itl=0.02, tokens=32)


def run(share: float = 1.0) -> None:
    """Print latencies against their targets, calls per second, and the wall time of a job."""
    with tempfile.TemporaryDirectory() as name, TruthProcess(SLOW, max_seconds=3600) as endpoint:
        folder = Path(name)
        with _served(folder / "busy", workers=JOBS_RUNNING) as port:
            _polled(port, endpoint.url, POLL_S * share)
            _cost(port, folder, endpoint.url_with("ttft=0,itl=0"))
        stored = max(2_000, round(STORED * share))
        _fill(folder / "full", stored)
        with _served(folder / "full", workers=0) as port:
            _listed(port, "SQLite")
            _closed_loops(port, LOOP_S * share)
        if postgres.installed():
            with postgres.postgres(postgres.PLACE) as database:
                _fill(folder / "postgres", stored, database.url)
                with _served(folder / "postgres", workers=0, database_url=database.url) as port:
                    _listed(port, "PostgreSQL")


@contextlib.contextmanager
def _served(data: Path, *, workers: int, database_url: str | None = None) -> Generator[int]:
    """Run a server and yield its port once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    command = [sys.executable, "-m", "bakeoff", "serve", "--port", str(port), "--data", str(data)]
    command += ["--workers", str(workers)]
    if database_url is not None:
        command += ["--database-url", database_url]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(OSError):
                _call(port, "GET", "/healthz")
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def _call(port: int, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  any JSON
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=data,
        method=method,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def _spec(url: str, requests: int) -> dict[str, Any]:
    benchmark = {
        "name": "facts",
        "dataset": {"type": "synthetic", "prompt_tokens": 8, "output_tokens": 32},
        "load": {"kind": "concurrent", "concurrency": 2, "requests": requests},
        "scorers": [{"type": "contains", "value": "tok"}],
    }
    return {
        "version": 1,
        "models": [{"name": "m", "endpoint": url, "model": "m"}],
        "benchmarks": [benchmark],
    }


def _polled(port: int, url: str, seconds: float) -> None:
    spec = _spec(url, 5_000)
    runs = [_call(port, "POST", "/api/v1/runs", {"spec": spec})["id"] for _ in range(JOBS_RUNNING)]
    paths = [f"/api/v1/runs/{run}" for run in runs]
    while not all(_call(port, "GET", path)["progress"]["done"] for path in paths):
        time.sleep(0.2)
    took = asyncio.run(_poll(port, paths, seconds))
    done = sum(_call(port, "GET", path)["progress"]["done"] for path in paths)
    for path in paths:
        _call(port, "POST", f"{path}/cancel")
    while any(_call(port, "GET", path)["state"] not in ENDED for path in paths):
        time.sleep(0.2)
    row = (f"{CLIENTS} clients, {JOBS_RUNNING} jobs", len(took), *_quantiles(took), "< 100", done)
    columns = ("state of a run", "calls", "p50 ms", "p99 ms", "max ms", "p99 target", "samples meanwhile")
    show("calls while jobs run", columns, [row])


async def _poll(port: int, paths: list[str], seconds: float) -> list[float]:
    """Let each client ask for one run at its own moment of each second, and return the times of all calls."""
    rng = random.Random(0)
    took: list[float] = []
    end = time.monotonic() + seconds

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due = time.monotonic() + rng.random() * POLL_EVERY_S
        while due < end:
            await asyncio.sleep(due - time.monotonic())
            await _ask(reader, writer, paths[number % len(paths)])
            # From the moment it was due: a client that waits for itself is not let off.
            took.append(time.monotonic() - due)
            due += POLL_EVERY_S
        writer.close()

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(client(number))
    return took


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RuntimeError(head.decode())
    await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))


def _closed_loops(port: int, seconds: float) -> None:
    (newest,) = _call(port, "GET", "/api/v1/runs?limit=1")["data"]
    rows: list[tuple[Cell, ...]] = []
    for name, path in (("/healthz", "/healthz"), ("one run", f"/api/v1/runs/{newest['id']}")):
        took = asyncio.run(_loops(port, path, seconds))
        rows.append((name, len(took), len(took) / seconds, *_quantiles(took)))
    show(f"{LOOPS} clients without a pause", ("call", "n", "per s", "p50 ms", "p99 ms", "max ms"), rows)


async def _loops(port: int, path: str, seconds: float) -> list[float]:
    took: list[float] = []
    end = time.monotonic() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.monotonic()) < end:
            await _ask(reader, writer, path)
            took.append(time.monotonic() - began)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(LOOPS):
            group.create_task(client())
    return took


def _fill(data: Path, count: int, database_url: str | None = None) -> None:
    """Store so many ended runs, with specs of a usual size."""
    data.mkdir()
    database = Database(Settings(data=data, database_url=database_url).url)
    database.migrate()
    document = _spec("http://127.0.0.1:1/v1", 100)
    first = 1_700_000_000_000_000
    with database.write() as connection:
        for start in range(0, count, 2_000):
            rows = [_row(at, first + at * 1_000, document) for at in range(start, min(start + 2_000, count))]
            connection.execute(sa.insert(JOBS), rows)
            labels = [
                each
                for row in rows
                for each in label_rows(
                    row["id"], row["labels"], project="default", created_at=row["created_at"]
                )
            ]
            connection.execute(sa.insert(JOB_LABELS), labels)
    if not database.is_sqlite:
        # What PostgreSQL does by itself within minutes.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
    database.close()


def _row(at: int, moment: int, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"job-{at:020x}",
        "project": "default",
        "name": f"nightly-{at % 50}",
        "dialect": ("bakeoff", "openai_evals", "nemo")[at % 3],
        "state": "completed" if at % 10 else "failed",
        "document": document,
        "asked": document,
        "labels": {"team": "blue", "sprint": str(at % 200)},
        "limits": {},
        "owner": "local",
        "subject": f"bench-{at % 200}",
        "body_hash": "",
        "created_at": moment,
        "updated_at": moment,
        "attempt": 1,
        "done": 100,
        "total": 100,
        "failed": 0,
    }


def _listed(port: int, kind: str) -> None:
    total = _call(port, "GET", "/api/v1/runs?limit=1")["total"]
    middle = f"job-{total // 2:020x}"
    asked = {
        "newest": "",
        "after the middle": f"after={middle}",
        "by state": "state=failed",
        "by two states": "state=failed&state=completed",
        "by name": "name=nightly-7",
        "by a name that none has": "name=none",
        "by dialect": "dialect=nemo",
        "by dialect and state": "dialect=nemo&state=failed",
        "by a label that all have": "label=team:blue",
        "by that, after the middle": f"label=team:blue&after={middle}",
        "by a label that few have": "label=sprint:7",
        "by two labels": "label=team:blue&label=sprint:7",
        "by label and state": "label=team:blue&state=failed",
        "by a label that none has": "label=team:none",
    }
    rows: list[tuple[Cell, ...]] = []
    for name, query in asked.items():
        took, found = [], 0
        for _ in range(LISTS):
            began = time.monotonic()
            found = _call(port, "GET", f"/api/v1/runs?{query}")["total"]
            took.append(time.monotonic() - began)
        rows.append((name, found, *_quantiles(took), "< 50"))
    show(
        f"a page of 50 of {total:,} runs in {kind}",
        ("list", "found", "p50 ms", "p99 ms", "max ms", "target"),
        rows,
    )


def _cost(port: int, folder: Path, url: str) -> None:
    """Hold a job from its submission to its end against `bakeoff run` of the same spec."""
    spec = _spec(url, REQUESTS)
    place = folder / "bare"
    place.mkdir()
    (place / "bakeoff.yaml").write_text(yaml.safe_dump(spec))
    bare = measured([sys.executable, "-m", "bakeoff", "run", "--quiet"], cwd=str(place), core=None).wall_s
    took = []
    for _ in range(5):
        began = time.monotonic()
        path = f"/api/v1/runs/{_call(port, 'POST', '/api/v1/runs', {'spec': spec})['id']}"
        submitted = time.monotonic() - began
        while _call(port, "GET", path)["state"] not in ENDED:
            time.sleep(0.02)
        took.append((submitted, time.monotonic() - began))
    submitted, whole = sorted(took, key=lambda each: each[1])[len(took) // 2]
    columns = ("requests", "bare run s", "job s", "of that the submission", "overhead s")
    show("a job and `bakeoff run`, wall time", columns, [(REQUESTS, bare, whole, submitted, whole - bare)])


def _quantiles(took: list[float]) -> tuple[float, float, float]:
    ordered = sorted(took)
    last = len(ordered) - 1
    return (
        1e3 * ordered[round(0.5 * last)],
        1e3 * ordered[min(last, round(0.99 * last))],
        1e3 * ordered[last],
    )
