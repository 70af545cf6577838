"""Connections that end when their client does not say what it wants: half a request holds none for long."""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits for the head of a request for ever."""

    silence: ClassVar[float] = 60.0
    """Seconds that a connection may take for the head of its first request, or of a next one once begun."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take some bytes; those of a further request begin to wait for the rest of its head."""
        if self._timer is None:
            self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Stop to wait: the time of bodies is bounded where they are read."""
        self._rest()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, for which nothing waits here."""
        self._rest()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; the pause before the next one is uvicorn's to bound."""
        self._rest()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._rest()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.silence, self._give_up)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
