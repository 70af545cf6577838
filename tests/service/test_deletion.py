"""What is left of a deleted job: nothing in the end, whoever still wrote into its folder."""

import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.service.folders import files
from tests.service.live import spec_of
from tests.service.serving import Process, processes

from bakeoff.server.access import LOCAL
from bakeoff.server.faults import ConflictError, MissingError
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.jobs.removal import LOCK, mark, marked
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.server.workers.bound import run_folder
from bakeoff.server.workers.processes import Workers
from bakeoff.testing.truth import TruthProcess, TruthSettings

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]


@pytest.fixture(scope="module")
def endpoint() -> Generator[TruthProcess]:
    with TruthProcess(TruthSettings(ttft=0.01, tokens=4)) as process:
        yield process


@pytest.fixture
def service(tmp_path: Path) -> Generator[Service]:
    made = Service(Settings(data=tmp_path / "service", workers=1, lease=60.0))
    yield made
    made.close()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def submit(service: Service, endpoint: TruthProcess, **more: int) -> str:
    new = NewJob(name="n", document=spec_of(endpoint, **more))
    return service.submit(new, LOCAL)[0].id


def child_of(job: str) -> list[Process]:
    return [each for each in processes() if job in each.command and each.state != "Z"]


@contextmanager
def working(service: Service) -> Generator[Workers]:
    workers = Workers(service.settings)
    try:
        yield workers
    finally:
        workers.stop()


@contextmanager
def hanging(workers: Workers) -> Generator[None]:
    """Stop a worker for a while: it hears of nothing, and its child works on."""
    (pid,) = workers.pids
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def left(service: Service) -> list[str]:
    return sorted(each.name for each in files(service.settings.jobs))


def hold(folder: Path) -> int:
    """Lock a job's folder as the process of the job does."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def test_the_folder_of_a_deleted_job_goes_although_its_process_went_on(
    service: Service, endpoint: TruthProcess
):
    with working(service) as workers:
        # Long enough a plan for the process to make its run's folder after the job was deleted.
        job = submit(service, endpoint, requests=150_000)
        until((service.jobs.folder(job) / LOCK).exists)
        with hanging(workers):
            service.jobs.cancel(job, project=LOCAL.project)
            until(lambda: service.jobs.get(job, project=LOCAL.project).state == "cancelled")
            assert child_of(job)
            service.jobs.delete(job, project=LOCAL.project)
            with pytest.raises(MissingError):
                service.jobs.get(job, project=LOCAL.project)
            assert job in left(service), "what is left of a deleted job is noted"
            until(lambda: run_folder(service.jobs.folder(job)))
        until(lambda: not left(service))
        assert child_of(job) == []


def test_a_worker_removes_what_a_server_that_died_has_left(service: Service, endpoint: TruthProcess):
    dead, lives = submit(service, endpoint), submit(service, endpoint)
    service.jobs.cancel(dead, project=LOCAL.project)
    lock = hold(service.jobs.folder(dead))
    service.jobs.delete(dead, project=LOCAL.project)
    mark(service.settings.jobs, lives)  # the server died before it forgot this one
    service.jobs.sweep()
    assert service.jobs.folder(dead).is_dir()
    os.close(lock)
    with working(service):
        until(lambda: not service.jobs.folder(dead).exists())
        until(lambda: service.jobs.get(lives, project=LOCAL.project).state == "completed")
    assert service.results(service.jobs.get(lives, project=LOCAL.project)).targets
    assert marked(service.settings.jobs) == [lives]


def test_deleting_an_ended_job_leaves_nothing_and_needs_no_worker(service: Service, endpoint: TruthProcess):
    job, other = submit(service, endpoint), submit(service, endpoint)
    with pytest.raises(ConflictError):
        service.jobs.delete(job, project=LOCAL.project)
    assert service.jobs.folder(job).is_dir()
    for each in (job, other):
        service.jobs.cancel(each, project=LOCAL.project)
    service.jobs.delete(job, project=LOCAL.project)
    shutil.rmtree(service.jobs.folder(other))  # somebody was faster
    service.jobs.delete(other, project=LOCAL.project)
    assert left(service) == []


def test_a_job_is_deleted_where_no_mark_can_be_written(service: Service, endpoint: TruthProcess):
    job = submit(service, endpoint)
    service.jobs.cancel(job, project=LOCAL.project)
    (service.settings.jobs / ".deleted").write_bytes(b"")  # as good as a full disk
    service.jobs.delete(job, project=LOCAL.project)
    assert marked(service.settings.jobs) == []
    assert not service.jobs.folder(job).exists()
