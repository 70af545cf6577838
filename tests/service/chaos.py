"""Kills at random, and what is left after them: every job once, no answer asked for twice.

`python -m tests.service.chaos sqlite|postgres KILLS SEED` tells the figures of one long round.
"""

import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from tests.service.serving import CASES, CONCURRENCY, LEASE_S, LEAST_WORDS, Process, World, processes, world

from bakeoff.server.jobs.job import ENDED

OUTSTANDING = 6
SLACK_NS = 20_000_000


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
        return self._process("bakeoff.server.workers.work")

    def _child(self) -> bool:
        return self._process("bakeoff.server.workers.child")

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
        self._world.pids |= {each.pid for each in self._world.server.found("bakeoff.server.workers.work")}
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
    """Return how many requests came twice; each of them may only come before its answer is stored."""
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
        # It is stamped as sent when the call returns, which may be long after it came; its turn came before.
        since, until = zero + sample["scheduled_at"] - SLACK_NS, zero + sample["done_at"]
        assert since <= arrivals[-1] <= until, (arrivals, since, until, sample)
        assert len(arrivals) <= 1 + sample["segment"]
        repeated += len(arrivals) - 1
    assert repeated <= CONCURRENCY * max(sample["segment"] for sample in samples)
    return repeated


def check_processes(world: World) -> None:
    """Nothing of ours is left: no zombie while the server lives, no process at all after its end."""
    server = world.server.process
    assert server is not None
    ours = {server.pid, *(each.pid for each in world.server.found("bakeoff.server.workers.work"))}
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
    with tempfile.TemporaryDirectory() as folder, world(Path(folder), kind) as here:
        began = time.monotonic()
        rage(here, kills, seed)
        seconds = time.monotonic() - began
        print(kind, audited(here), f"{seconds:.0f} s", flush=True)
        check_processes(here)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
