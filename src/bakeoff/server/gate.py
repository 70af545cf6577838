"""The way in: who calls, how much, how often; and the books of it."""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import sqlalchemy as sa
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bakeoff import clock
from bakeoff.server.access import LOCAL, Principal
from bakeoff.server.counters import Counters
from bakeoff.server.faults import NotKnownError, TooLargeError, TooManyError
from bakeoff.server.service import Service
from bakeoff.server.tables import AUDIT
from bakeoff.server.times import now_us

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Answer = Callable[[Request, Exception], Response]

OPEN = frozenset(
    {"/healthz", "/readyz", "/health", "/v1/health", "/v1alpha/health", "/v1beta/health", "/api/v1/health"}
)
"""Paths that need no key: they say nothing but that the service lives."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SLACK = 1_000_000
_MOST_BUCKETS = 10_000


class Gate:
    """ASGI middleware: authenticates, bounds, counts, and writes what changes something to the audit log."""

    def __init__(self, app: App, *, service: Service, counters: Counters, answer: Answer) -> None:
        self._app = app
        self._service = service
        self._counters = counters
        self._answer = answer
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        ident = secrets.token_hex(8)
        began, status = clock.now_ns(), 500
        scope.setdefault("state", {})["request_id"] = ident
        caller: Principal | None = None

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", ident.encode())]
            await send(message)

        try:
            caller = await self._caller(request)
            scope["state"]["principal"] = caller
            self._slow_down(caller)
            await self._app(scope, self._bounded(request, receive), answered)
        except (NotKnownError, TooManyError, TooLargeError, sa.exc.SQLAlchemyError) as error:
            response = self._answer(request, error)
            await response(scope, receive, answered)
        finally:
            self._counters.count(request.method, status, (clock.now_ns() - began) / 1e9)
            if request.method not in _READS and caller is not None:
                await to_thread.run_sync(self._write_down, request, caller, status, ident)

    async def _caller(self, request: Request) -> Principal:
        if not self._service.settings.keys_required:
            return LOCAL
        if request.url.path in OPEN:
            return Principal(name="anyone", role="viewer", project="")
        secret = _secret(request)
        if secret is None:
            raise NotKnownError("this server needs an API key", hint="send `Authorization: Bearer KEY`")
        return await to_thread.run_sync(self._service.keys.find, secret)

    def _slow_down(self, caller: Principal) -> None:
        """Take one call out of the key's bucket, which fills with `rate` calls a minute."""
        rate = self._service.settings.rate
        if not rate or not caller.key:
            return
        now = clock.now_ns() / 1e9
        left, since = self._buckets.pop(caller.key, (float(rate), now))
        left = min(float(rate), left + (now - since) * rate / 60)
        self._buckets[caller.key] = (max(left - 1, 0.0) if left >= 1 else left, now)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise TooManyError(f"more than {rate} calls a minute", after=(1 - left) * 60 / rate)

    def _bounded(self, request: Request, receive: Receive) -> Receive:
        """Return a receive that stops a body over the limit, whatever its head says of it."""
        most = self._service.settings.most_upload + _SLACK
        told = request.headers.get("content-length", "")
        if told.isdigit() and int(told) > most:
            raise TooLargeError(f"the body has {int(told):,} bytes; at most {most:,} are taken")
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                # The framework takes any other error here for a body that cannot be parsed.
                raise HTTPException(413, f"the body has more than {most:,} bytes")
            return message

        return bounded

    def _write_down(self, request: Request, caller: Principal, status: int, ident: str) -> None:
        values = {
            "at": now_us(),
            "project": caller.project,
            "who": f"{caller.name} ({caller.key or 'no key'})",
            "action": request.method,
            "path": request.url.path[:500],
            "status": status,
            "request": ident,
        }
        try:
            with self._service.database.write() as connection:
                connection.execute(sa.insert(AUDIT).values(values))
        except sa.exc.SQLAlchemyError:
            self._counters.lost_audit()


def _secret(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("x-api-key") or None
