"""Webhooks: tell of a job's end until it is heard, with a signature."""

import base64
import binascii
import contextlib
import hmac
import http.client
import socket
import threading
import time
from collections.abc import Callable, Generator
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from bakeoff import clock
from bakeoff.server.endpoints import allowed
from bakeoff.server.jobs.job import Webhook
from bakeoff.server.logs import log
from bakeoff.server.secret_values import secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.store.database import Database
from bakeoff.server.store.tables import DELIVERIES, JOBS
from bakeoff.server.times import now_us

_AT_A_TIME = 4
"""A receiver that is slow must not keep the messages of others."""
_IDLE_S = 0.5
_LAST_S = 3.0
"""What messages on their way get when a worker stops; others deliver them later, under the same id."""
_MOST_ATTEMPTS = 12
_TIMEOUT_S = 10.0
_HELD_US = 60_000_000
_LONGEST_WAIT_S = 3600.0
_PREFIX = "whsec_"


class Courier:
    """Delivers what waits in the database; several couriers share the work."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Deliver for the jobs of a database."""
        self._database = database
        self._settings = settings
        self._free = threading.Semaphore(_AT_A_TIME)

    def work(self, stopping: Callable[[], bool]) -> None:
        """Deliver a few messages at a time until told to stop; a database that is gone is waited for."""
        while not stopping():
            if not self._free.acquire(timeout=_IDLE_S):
                continue
            with contextlib.suppress(SQLAlchemyError):
                message = self._taken()
                if message is not None:
                    threading.Thread(target=self._carry, args=(message,), daemon=True).start()
                    continue
            self._free.release()
            time.sleep(_IDLE_S)
        until = clock.now_ns() + round(_LAST_S * 1e9)
        for _ in range(_AT_A_TIME):
            self._free.acquire(timeout=max(0.0, (until - clock.now_ns()) / 1e9))

    def deliver(self) -> bool:
        """Deliver the next message that is due; tell whether there was one."""
        message = self._taken()
        if message is not None:
            self._told(message, self._send(message))
        return message is not None

    def _carry(self, message: "_Message") -> None:
        try:
            # Where the database is gone by now, the message is due again and goes out once more.
            with contextlib.suppress(SQLAlchemyError):
                self._told(message, self._send(message))
        finally:
            self._free.release()

    def _taken(self) -> "_Message | None":
        """Take the next message that is due, so that no other courier does; it is due again if we die."""
        now = now_us()
        due = (
            sa.select(DELIVERIES, JOBS.c.webhook)
            .join(JOBS, JOBS.c.id == DELIVERIES.c.job)
            .where(DELIVERIES.c.state == "waiting", DELIVERIES.c.next_at <= now)
            .order_by(DELIVERIES.c.next_at)
            .limit(1)
        )
        while True:
            with self._database.read() as connection:
                row = connection.execute(due).mappings().first()
            if row is None:
                return None
            held = now + _HELD_US
            with self._database.write() as connection:
                taken = connection.execute(
                    sa.update(DELIVERIES)
                    .where(DELIVERIES.c.id == row["id"], DELIVERIES.c.state == "waiting")
                    .where(DELIVERIES.c.next_at == row["next_at"])
                    .values(next_at=held, attempts=DELIVERIES.c.attempts + 1)
                )
            if taken.rowcount:
                return _Message(
                    id=row["id"],
                    job=row["job"],
                    url=row["url"],
                    body=row["body"].encode(),
                    secret=msgspec.convert(row["webhook"], Webhook).secret,
                    attempt=row["attempts"] + 1,
                    held=held,
                )

    def _told(self, message: "_Message", problem: str) -> None:
        """Keep what became of a message, unless it was taken from us meanwhile."""
        values: dict[str, object] = {"state": "delivered", "error": ""}
        if problem:
            wait = min(2.0**message.attempt, _LONGEST_WAIT_S)
            state = "given up" if message.attempt >= _MOST_ATTEMPTS else "waiting"
            values = {"state": state, "error": problem, "next_at": now_us() + round(wait * 1e6)}
        ours = sa.and_(DELIVERIES.c.id == message.id, DELIVERIES.c.next_at == message.held)
        with self._database.write() as connection:
            connection.execute(sa.update(DELIVERIES).where(ours).values(values))
        log("webhook", job=message.job, attempt=message.attempt, problem=problem)

    def _send(self, message: "_Message") -> str:
        """Send one message; return what went wrong, empty for nothing."""
        if not allowed(message.url, self._settings.endpoints):
            return "its address is not allowed any more"
        stamp = str(now_us() // 1_000_000)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "bakeoff",
            "webhook-id": message.id,
            "webhook-timestamp": stamp,
        }
        if message.secret:
            name = message.secret.removeprefix("${").removesuffix("}")
            secret = secret_values(self._settings).get(name)
            if secret is None:
                return f"the secret {message.secret} is not there"
            headers["webhook-signature"] = "v1," + signature(secret, message.id, stamp, message.body)
        try:
            status = _post(message.url, message.body, headers)
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"[:200]
        return "" if 200 <= status < 300 else f"HTTP {status}"


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery that is ours until `held`."""

    id: str
    job: str
    url: str
    body: bytes
    secret: str | None
    attempt: int
    held: int


def signature(secret: str, delivery: str, stamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of `id.timestamp.body` in base64, as Standard Webhooks 1.0 asks.

    Args:
        secret: any text, or `whsec_` and the key in base64, which is that standard's form of it.
        delivery: id of the message.
        stamp: seconds since 1970.
        body: as sent.
    """
    key = secret.encode()
    if secret.startswith(_PREFIX):
        with contextlib.suppress(binascii.Error):
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    signed = f"{delivery}.{stamp}.".encode() + body
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a message and return the status; no proxy is asked and no redirect followed.

    A redirect would lead to an address that nobody allowed.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with contextlib.closing(connection):
        connection.connect()
        with _ended(connection.sock):
            connection.request("POST", path, body=body, headers=headers)
            return connection.getresponse().status


@contextlib.contextmanager
def _ended(sock: socket.socket) -> Generator[None]:
    """End a connection after a time: a receiver that sends a byte now and then never times out itself."""

    def end() -> None:
        with contextlib.suppress(OSError):
            # Of the plain socket: one of TLS would also forget its state, which the other thread still uses.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(_TIMEOUT_S, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
