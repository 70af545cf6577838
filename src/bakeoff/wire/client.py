"""The client: a pool of keep-alive connections per server, with no limit of its own.

How many requests are in flight is the load's business; a pool that queued them would hide its own
waiting inside the server's latency.
"""

import asyncio
import ssl

import msgspec

from bakeoff.errors import WireError
from bakeoff.records import Call, Exchange, TimeoutSpec
from bakeoff.wire.connect import default_context, open_connection
from bakeoff.wire.connection import Connection
from bakeoff.wire.leaving import LEAVE
from bakeoff.wire.route import Route
from bakeoff.wire.stamps import RealtimeOffset, kernel_stamps_available

_WARM_AT_ONCE = 64


class Client:
    """Send calls over pooled connections. Use as an async context manager."""

    def __init__(
        self,
        *,
        timeouts: TimeoutSpec | None = None,
        kernel_stamps: bool = True,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeouts = timeouts or TimeoutSpec()
        self._offset = RealtimeOffset() if kernel_stamps and kernel_stamps_available() else None
        self._context = context
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}

    @property
    def stamped_by(self) -> str:
        """Return who takes the arrival stamps, "kernel" or "read"."""
        return "kernel" if self._offset else "read"

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def warm(self, route: Route, count: int) -> None:
        """Have `count` connections to a server open, so that no measured request waits for its own.

        Raises:
            WireError: the server does not take connections.
        """
        idle = self._idle.setdefault(route.origin, [])
        idle[:] = [connection for connection in idle if connection.usable]
        while len(idle) < count:
            async with asyncio.TaskGroup() as group:
                batch = min(count - len(idle), _WARM_AT_ONCE)
                tasks = [group.create_task(self._open(route)) for _ in range(batch)]
            for task in tasks:
                task.result().fresh = False
                idle.append(task.result())

    def close(self) -> None:
        """Close all idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def exchange(self, route: Route, call: Call) -> Exchange:
        """Send one call and return its answer; statuses are the caller's business.

        A kept connection that the server had closed meanwhile fails before the first byte: the call then goes
        out once more on a fresh connection and the exchange says so in `reconnects`.

        Raises:
            WireError: no answer; `where` names the server. Or the run may send no more requests.
        """
        data = route.encode(call)
        idle = self._idle.setdefault(route.origin, [])
        reconnects = 0
        while True:
            connection = None if reconnects else self._take(idle)
            if connection is None:
                connection = await self._open(route)
            reused = not connection.fresh
            self._leave(call, connection)
            try:
                exchange = await connection.exchange(data, self._timeouts)
            except WireError as error:
                if error.kind == "reset" and reused:
                    reconnects = 1
                    continue
                error.where = error.where or route.label
                raise
            break
        if connection.usable:
            idle.append(connection)
        return msgspec.structs.replace(exchange, reconnects=1) if reconnects else exchange

    @staticmethod
    def _leave(call: Call, connection: Connection) -> None:
        leave = LEAVE.get() if call.body else None
        if leave is None:
            return
        try:
            leave()
        except WireError:
            connection.close()
            raise

    @staticmethod
    def _take(idle: list[Connection]) -> Connection | None:
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return None

    async def _open(self, route: Route) -> Connection:
        if self._context is None and route.scheme == "https":
            self._context = default_context()
        return await open_connection(
            route, limit=self._timeouts.connect, context=self._context, offset=self._offset
        )
