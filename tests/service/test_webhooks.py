"""Webhooks reach a receiver on this machine: signed, once for each job, again after a failure."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.service.live import Live, live, spec_of

from bakeoff.server.access import LOCAL
from bakeoff.server.jobs.job import NewJob, Webhook
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.server.store.tables import DELIVERIES
from bakeoff.server.workers import deliveries
from bakeoff.server.workers.deliveries import Courier, signature
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)
SECRET = "planted-webhook-secret"


class Receiver:
    """A server that keeps what it is sent and answers as told.

    Attributes:
        heard: headers and body of each call, in order.
        statuses: of the next answers; then 204.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.held = threading.Event()
        self.hold = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.heard.append((headers | {"path": self.path}, body))
                if receiver.hold:
                    receiver.held.wait(60)
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?team=blue"


@contextmanager
def receiving() -> Generator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.held.set()
        made.server.shutdown()
        made.server.server_close()
        thread.join()


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_SECRET", SECRET)
        settings = Settings(data=tmp_path_factory.mktemp("hooks"), workers=1, secrets=("HOOK_SECRET",))
        with live(settings) as running:
            yield running


def eventually(found: Callable[[], bool], within: float = 60.0) -> None:
    until = time.monotonic() + within
    while not found():
        assert time.monotonic() < until, "it has not come to pass"
        time.sleep(0.05)


def run(service: Live, endpoint: TruthProcess, webhook: dict[str, Any] | None, **more: Any) -> str:
    body = {"spec": spec_of(endpoint, requests=2), "webhook": webhook, **more}
    answer = service.call("POST", "/api/v1/runs", body)
    assert answer.status == 202, answer.body
    return str(answer.json["id"])


def state_of(service: Service, job: str) -> dict[str, Any]:
    with service.database.read() as connection:
        query = sa.select(DELIVERIES).where(DELIVERIES.c.job == job)
        return {str(name): value for name, value in connection.execute(query).mappings().one().items()}


def test_the_end_of_a_job_is_told_once_and_signed(service: Live, endpoint: TruthProcess, receiver: Receiver):
    job = run(service, endpoint, {"url": receiver.url, "secret": "${HOOK_SECRET}"})
    eventually(lambda: len(receiver.heard) == 1)
    ended = service.ended(job)
    ((headers, body),) = receiver.heard
    told = json.loads(body)
    assert (told["type"], told["job"]["id"], told["job"]["state"]) == ("job.completed", job, "completed")
    assert told["job"]["outcome"]["sentence"] == ended["outcome"]["sentence"]
    assert told["id"] == headers["webhook-id"]
    assert headers["path"] == "/hook?team=blue"
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 120
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    eventually(lambda: state_of(service.service, job)["state"] == "delivered")
    run(service, endpoint, None)
    other = run(service, endpoint, {"url": receiver.url})
    eventually(lambda: len(receiver.heard) > 1)
    assert [json.loads(body)["job"]["id"] for _, body in receiver.heard] == [job, other]
    assert "webhook-signature" not in receiver.heard[1][0]


def test_a_cancelled_job_is_told_of_too(service: Live, endpoint: TruthProcess, receiver: Receiver):
    body = {"spec": spec_of(endpoint, requests=5000), "webhook": {"url": receiver.url}}
    job = service.call("POST", "/api/v1/runs", body).json["id"]
    service.call("POST", f"/api/v1/runs/{job}/cancel")
    eventually(lambda: len(receiver.heard) == 1)
    assert json.loads(receiver.heard[0][1])["type"] == "job.cancelled"


def test_a_receiver_that_fails_is_told_again_later_with_the_same_id(
    service: Live, endpoint: TruthProcess, receiver: Receiver
):
    receiver.statuses = [500, 307]
    began = time.monotonic()
    job = run(service, endpoint, {"url": receiver.url, "secret": "${HOOK_SECRET}"})
    eventually(lambda: state_of_or_none(service, job) == "delivered")
    # Two waits of 2 and 4 s: a busy machine makes them longer, nothing makes them shorter.
    assert time.monotonic() - began > 5
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert [headers["path"] for headers, _ in receiver.heard] == ["/hook?team=blue"] * 3
    assert len({body for _, body in receiver.heard}) == 1
    first, last = receiver.heard[0][0], receiver.heard[-1][0]
    assert first["webhook-timestamp"] != last["webhook-timestamp"]
    assert first["webhook-signature"] != last["webhook-signature"]
    assert state_of(service.service, job)["attempts"] == 3


def state_of_or_none(service: Live, job: str) -> str | None:
    with service.service.database.read() as connection:
        query = sa.select(DELIVERIES.c.state).where(DELIVERIES.c.job == job)
        return connection.execute(query).scalar()


def test_an_address_that_is_not_allowed_is_refused_at_once(service: Live, endpoint: TruthProcess):
    for url in (
        "http://203.0.113.9/hook",
        "https://127.0.0.1.example.com/",
        "file:///etc/passwd",
        "x",
    ):
        body = {"spec": spec_of(endpoint), "webhook": {"url": url}}
        answer = service.call("POST", "/api/v1/runs", body)
        assert answer.status in {400, 422}, (url, answer.body)
        assert b"webhook" in answer.body


@pytest.fixture
def alone(tmp_path: Path) -> Generator[Service]:
    """Return a service without workers: the test is the courier."""
    service = Service(Settings(data=tmp_path, workers=0, secrets=("HOOK_SECRET",)))
    yield service
    service.close()


def ended(service: Service, endpoint: TruthProcess, url: str, **webhook: Any) -> str:
    """Return a job that was cancelled before it began, and whose webhook waits."""
    new = NewJob(name="hooked", document=spec_of(endpoint), webhook=Webhook(url=url, **webhook))
    job, _ = service.submit(new, LOCAL)
    service.jobs.cancel(job.id, project=job.project)
    return job.id


def hurry(service: Service, **values: Any) -> None:
    with service.database.write() as connection:
        connection.execute(sa.update(DELIVERIES).values({"next_at": 0, **values}))


def test_after_twelve_tries_it_is_given_up(alone: Service, endpoint: TruthProcess, receiver: Receiver):
    job = ended(alone, endpoint, receiver.url)
    receiver.statuses = [503] * 20
    courier = Courier(alone.database, alone.settings)
    for tries in range(1, 13):
        assert courier.deliver()
        assert state_of(alone, job)["attempts"] == tries
        assert not courier.deliver()  # not before its time
        hurry(alone)
    kept = state_of(alone, job)
    assert (kept["state"], kept["error"]) == ("given up", "HTTP 503")
    assert not courier.deliver()
    assert len(receiver.heard) == 12


def test_waits_double_up_to_an_hour(alone: Service, endpoint: TruthProcess, receiver: Receiver):
    job = ended(alone, endpoint, receiver.url)
    receiver.statuses = [500] * 3
    courier = Courier(alone.database, alone.settings)
    for attempts, seconds in ((0, 2), (1, 4), (10, 2048)):
        hurry(alone, attempts=attempts)
        before = time.time()
        assert courier.deliver()
        waits = state_of(alone, job)["next_at"] / 1e6 - before
        assert seconds <= waits < seconds + 30


def test_nothing_is_sent_once_the_address_is_no_longer_allowed(
    alone: Service, endpoint: TruthProcess, receiver: Receiver, tmp_path: Path
):
    job = ended(alone, endpoint, receiver.url)
    closed = Settings(data=tmp_path, endpoints=("https://api.example.com",))
    assert Courier(alone.database, closed).deliver()
    assert "not allowed" in state_of(alone, job)["error"]
    assert receiver.heard == []


def test_without_its_secret_nothing_is_sent(
    alone: Service, endpoint: TruthProcess, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    job = ended(alone, endpoint, receiver.url, secret="${HOOK_SECRET}")
    assert Courier(alone.database, alone.settings).deliver()
    assert "HOOK_SECRET" in state_of(alone, job)["error"]
    assert receiver.heard == []


def test_nobody_there_is_an_error_that_is_kept(alone: Service, endpoint: TruthProcess):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    job = ended(alone, endpoint, f"http://127.0.0.1:{port}/hook")
    assert Courier(alone.database, alone.settings).deliver()
    kept = state_of(alone, job)
    assert (kept["state"], kept["attempts"]) == ("waiting", 1)
    assert "refused" in kept["error"]


@pytest.mark.parametrize(("answer", "state"), [(b"H", "waiting"), (b"HTTP/1.1 200 OK\r\nA: ", "delivered")])
def test_a_receiver_that_drips_is_cut_off(
    alone: Service, endpoint: TruthProcess, monkeypatch: pytest.MonkeyPatch, answer: bytes, state: str
):
    monkeypatch.setattr(deliveries, "_TIMEOUT_S", 0.5)
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(answer)
            while not over.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        job = ended(alone, endpoint, f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert Courier(alone.database, alone.settings).deliver()
        over.set()
        thread.join()
    assert state_of(alone, job)["state"] == state


def test_couriers_that_work_at_once_deliver_each_message_once(
    alone: Service, endpoint: TruthProcess, receiver: Receiver
):
    jobs = [ended(alone, endpoint, receiver.url) for _ in range(12)]
    stop = threading.Event()
    couriers = [Courier(alone.database, alone.settings) for _ in range(3)]
    threads = [threading.Thread(target=each.work, args=(stop.is_set,)) for each in couriers]
    for thread in threads:
        thread.start()
    eventually(lambda: all(state_of(alone, job)["state"] == "delivered" for job in jobs))
    stop.set()
    for thread in threads:
        thread.join()
    assert sorted(json.loads(body)["job"]["id"] for _, body in receiver.heard) == sorted(jobs)


def test_a_hanging_receiver_keeps_nobody_waiting(
    alone: Service, endpoint: TruthProcess, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deliveries, "_TIMEOUT_S", 60.0)
    receiver.hold = True
    slow = [ended(alone, endpoint, receiver.url) for _ in range(2)]
    stop = threading.Event()
    thread = threading.Thread(target=Courier(alone.database, alone.settings).work, args=(stop.is_set,))
    thread.start()
    eventually(lambda: len(receiver.heard) == 2)
    with receiving() as other:
        job = ended(alone, endpoint, other.url)
        eventually(lambda: state_of(alone, job)["state"] == "delivered")
    # Nothing has been answered yet, and nothing has been given up.
    assert [(state_of(alone, one)["attempts"], state_of(alone, one)["error"]) for one in slow] == [
        (1, "")
    ] * 2
    receiver.held.set()
    eventually(lambda: all(state_of(alone, one)["state"] == "delivered" for one in slow))
    stop.set()
    thread.join()


def test_a_late_answer_changes_nothing_that_others_have_settled(
    alone: Service, endpoint: TruthProcess, receiver: Receiver
):
    job = ended(alone, endpoint, receiver.url)
    receiver.hold = True
    receiver.statuses = [500]
    courier = threading.Thread(target=Courier(alone.database, alone.settings).deliver)
    courier.start()
    eventually(lambda: len(receiver.heard) == 1)
    hurry(alone, state="delivered")
    receiver.held.set()
    courier.join()
    assert state_of(alone, job)["state"] == "delivered"


def test_a_lost_database_does_not_end_a_courier(alone: Service, endpoint: TruthProcess, receiver: Receiver):
    job = ended(alone, endpoint, receiver.url)
    with alone.database.write() as connection:
        connection.execute(sa.text("alter table deliveries rename to gone"))
    stop = threading.Event()
    thread = threading.Thread(target=Courier(alone.database, alone.settings).work, args=(stop.is_set,))
    thread.start()
    time.sleep(1.2)
    with alone.database.write() as connection:
        connection.execute(sa.text("alter table gone rename to deliveries"))
    eventually(lambda: state_of(alone, job)["state"] == "delivered")
    stop.set()
    thread.join()


def test_secrets_of_the_standards_own_form_are_decoded():
    key = base64.b64encode(b"raw key bytes").decode()
    right = base64.b64encode(hmac.digest(b"raw key bytes", b"id.1.{}", "sha256")).decode()
    assert signature(f"whsec_{key}", "id", "1", b"{}") == right
    assert signature("raw key bytes", "id", "1", b"{}") == right
    plain = base64.b64encode(hmac.digest(b"whsec_no base64!", b"id.1.{}", "sha256")).decode()
    assert signature("whsec_no base64!", "id", "1", b"{}") == plain
