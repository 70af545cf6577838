"""The way in: who calls, how much, how often; and the books of it."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator

import sqlalchemy as sa
from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakeoff import clock
from bakeoff.server.access import LOCAL, Principal
from bakeoff.server.dialects import evalhub
from bakeoff.server.faults import NotKnownError, ServiceError, TooManyError
from bakeoff.server.http.bodies import bounded, check_path, strict
from bakeoff.server.http.counters import Counters
from bakeoff.server.http.origins import check_local
from bakeoff.server.http.strangers import Strangers, address_of
from bakeoff.server.service import Service
from bakeoff.server.store.tables import AUDIT
from bakeoff.server.times import now_us

Answer = Callable[[Request, Exception], Response]

_ALIVE = frozenset(
    {"/healthz", "/readyz", "/health", "/v1/health", "/v1alpha/health", "/v1beta/health", "/api/v1/health"}
)
"""They say nothing but that the service lives."""
_PAGES = frozenset({"/", "/docs", "/openapi.json"})
"""What every copy of this program says of its calls; a browser that opens the page has no key to send."""
OPEN = _ALIVE | _PAGES
"""Paths that need no key."""
_MOST_PAGES = 60
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_BUCKETS = 10_000
_STRANGERS = 600
"""How many refused calls without a known key a minute are written down; the rest is counted."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)


class Gate:
    """ASGI middleware: authenticates, bounds, counts, and writes what changes something to the audit log."""

    def __init__(self, app: ASGIApp, *, service: Service, counters: Counters, answer: Answer) -> None:
        self._app = app
        self._service = service
        self._counters = counters
        self._answer = answer
        # Who calls is found out even while all other threads are at work.
        self._threads = service.waiting.door
        self._strangers = Strangers()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one call."""
        if scope["type"] == "websocket":
            # Nothing of ours speaks it, and nothing here would ask it for a key.
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        ident = secrets.token_hex(8)
        began, status, started = clock.now_ns(), 500, False
        scope.setdefault("state", {})["request_id"] = ident
        caller: Principal | None = None

        async def answered(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message["headers"] = [
                    *message.get("headers", ()),
                    *_ids(request, ident),
                    *_HEADERS,
                ]
            await send(message)

        try:
            caller = await self._caller(request)
            scope["state"]["principal"] = caller
            self._slow_down(caller.key, self._service.settings.calls_a_minute)
            check_path(request)
            taking = bounded(request, receive, self._service.settings.most_upload)
            await self._app(scope, await strict(request, taking), answered)
        except (ServiceError, HTTPException, SQLAlchemyError, UnicodeEncodeError) as error:
            if started:
                raise
            response = self._answer(request, error)
            await response(scope, receive, answered)
        finally:
            self._counters.count(request.method, status, (clock.now_ns() - began) / 1e9)
            if request.method not in _READS and self._is_told(caller):
                await to_thread.run_sync(
                    self._write_down, request, caller, status, ident, limiter=self._threads
                )

    async def _caller(self, request: Request) -> Principal:
        if not self._service.settings.keys_required:
            check_local(request)
            return LOCAL
        # Not `request.url`: its path is made of the `Host` header too, which anybody can write.
        if request.scope["path"] in OPEN:
            if request.scope["path"] in _PAGES:
                self._slow_down(f"pages {address_of(request)}", _MOST_PAGES)
            return Principal(name="anyone", role="viewer", project="")
        secret = _secret(request)
        if secret is None:
            raise NotKnownError("this server needs an API key", hint="send `Authorization: Bearer KEY`")
        self._strangers.check(request, secret)
        try:
            caller = await to_thread.run_sync(self._service.keys.find, secret, limiter=self._threads)
        except NotKnownError:
            self._strangers.was_wrong(request)
            raise
        self._strangers.was_right(secret)
        return caller

    def _slow_down(self, key: str, rate: int) -> None:
        """Take one call out of the key's bucket, which fills with `rate` calls a minute."""
        if not rate or not key:
            return
        now = clock.now_ns() / 1e9
        left, since = self._buckets.pop(key, (float(rate), now))
        left = min(float(rate), left + (now - since) * rate / 60)
        self._buckets[key] = (left - 1 if left >= 1 else left, now)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise TooManyError(f"more than {rate} calls a minute", after=(1 - left) * 60 / rate)

    def _is_told(self, caller: Principal | None) -> bool:
        """Tell whether a call goes into the books: strangers are not to fill the disk."""
        if caller is not None:
            return True
        try:
            self._slow_down("strangers", _STRANGERS)
        except TooManyError:
            self._counters.lost_audit()
            return False
        return True

    def _write_down(self, request: Request, caller: Principal | None, status: int, ident: str) -> None:
        values = {
            "at": now_us(),
            "project": "" if caller is None else caller.project,
            "who": "nobody known" if caller is None else f"{caller.name} ({caller.key or 'no key'})",
            "action": request.method[:20],
            "path": request.scope["path"][:500].replace("\0", "�"),
            "status": status,
            "request": ident,
        }
        try:
            with self._service.database.write() as connection:
                connection.execute(sa.insert(AUDIT).values(values))
        except (SQLAlchemyError, UnicodeEncodeError):
            self._counters.lost_audit()


def _ids(request: Request, ident: str) -> Iterator[tuple[bytes, bytes]]:
    yield b"x-request-id", ident.encode()
    if evalhub.is_ours(request.scope["path"]):
        yield evalhub.HEADER.lower().encode(), evalhub.trace_of(request).encode()


def _secret(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("x-api-key") or None
