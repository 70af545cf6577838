"""Webhooks: tell of a job's end until it is heard, with a signature."""

import base64
import hmac
import urllib.error
import urllib.request

import sqlalchemy as sa

from bakeoff.server.database import Database
from bakeoff.server.endpoints import allowed
from bakeoff.server.logs import log
from bakeoff.server.secret_values import secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.tables import DELIVERIES, JOBS
from bakeoff.server.times import now_us

_MOST_ATTEMPTS = 12
_TIMEOUT_S = 10.0
_HELD_US = 30_000_000


class Courier:
    """Delivers what waits in the database; several couriers share the work."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Deliver for the jobs of a database."""
        self._database = database
        self._settings = settings

    def deliver(self) -> bool:
        """Deliver the next message that is due; tell whether there was one."""
        now = now_us()
        due = (
            sa.select(DELIVERIES, JOBS.c.webhook)
            .join(JOBS, JOBS.c.id == DELIVERIES.c.job)
            .where(DELIVERIES.c.state == "waiting", DELIVERIES.c.next_at <= now)
            .order_by(DELIVERIES.c.next_at)
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(due).mappings().first()
        if row is None:
            return False
        mine = sa.and_(DELIVERIES.c.id == row["id"], DELIVERIES.c.next_at == row["next_at"])
        with self._database.write() as connection:
            # Held while it is on its way, so that no other courier takes it, and due again if this one dies.
            held = connection.execute(
                sa.update(DELIVERIES)
                .where(mine, DELIVERIES.c.state == "waiting")
                .values(next_at=now + _HELD_US, attempts=DELIVERIES.c.attempts + 1)
            )
        if not held.rowcount:
            return False
        problem = self._send(row)
        attempts = row["attempts"] + 1
        values: dict[str, object] = {"state": "delivered", "error": ""}
        if problem:
            wait = min(2.0**attempts, 3600.0)
            state = "given up" if attempts >= _MOST_ATTEMPTS else "waiting"
            values = {"state": state, "error": problem, "next_at": now_us() + round(wait * 1e6)}
        with self._database.write() as connection:
            connection.execute(sa.update(DELIVERIES).where(DELIVERIES.c.id == row["id"]).values(values))
        log("webhook", job=row["job"], attempt=attempts, problem=problem)
        return True

    def _send(self, row: sa.RowMapping) -> str:
        """Send one message; return what went wrong, empty for nothing."""
        if not allowed(row["url"], self._settings.endpoints):
            return "its address is not allowed any more"
        body = row["body"].encode()
        headers = {"Content-Type": "application/json", "webhook-id": row["id"]}
        stamp = str(now_us() // 1_000_000)
        headers["webhook-timestamp"] = stamp
        name = (row["webhook"] or {}).get("secret")
        if name:
            secret = secret_values(self._settings).get(name.removeprefix("${").removesuffix("}"))
            if secret is None:
                return f"the secret {name} is not there"
            headers["webhook-signature"] = "v1," + signature(secret, row["id"], stamp, body)
        request = urllib.request.Request(row["url"], data=body, headers=headers, method="POST")  # noqa: S310  `allowed` takes http and https only
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        except (OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"[:200]
        return "" if 200 <= status < 300 else f"HTTP {status}"


def signature(secret: str, delivery: str, stamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of `id.timestamp.body` in base64, as Standard Webhooks 1.0 asks."""
    signed = f"{delivery}.{stamp}.".encode() + body
    return base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would lead to an address that nobody allowed."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
