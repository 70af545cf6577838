"""One HTTP/1.1 connection of the truth server: requests in, bytes out at the very moment they are due.

Writes go straight to the socket: the transport of uvloop would hold them until the end of the loop's turn.
"""

import asyncio
import os
import socket
import struct
from collections import deque
from typing import Protocol, cast

import httptools
import msgspec

from bakeoff.clock import now_ns

_LARGEST_BODY = 64 << 20
_LINGER_ZERO = struct.pack("ii", 1, 0)


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """One request as it came."""

    method: bytes
    path: bytes
    body: bytes
    key: bytes
    keep: bool
    arrival: int


class Handler(Protocol):
    """What a connection tells the server."""

    def handle(self, connection: "Connection", request: HttpRequest) -> None:
        """Answer one request, now or later."""
        ...

    def reading(self, now: int) -> None:
        """Note that bytes came; called before they are looked at."""
        ...

    def opened(self, connection: "Connection") -> int:
        """Note a connection and return its number."""
        ...

    def lost(self, connection: "Connection") -> None:
        """Note that the client is gone."""
        ...


class Connection(asyncio.Protocol):
    """Parses requests one after the other; the next is handled when the one before is finished."""

    def __init__(self, handler: Handler) -> None:
        self.closed = False
        self.served = 0
        self.number = 0
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self._backlog = False
        self._busy = False
        self._ready: deque[HttpRequest] = deque()
        self._parser = httptools.HttpRequestParser(self)
        self._arrival = 0
        self._path = self._key = b""
        self._body: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket of the transport for direct writes."""
        # uvloop's transport has the methods of asyncio.Transport without being one.
        self._transport = cast("asyncio.Transport", transport)
        self._fd = transport.get_extra_info("socket").fileno()
        self.number = self._handler.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Forget the socket: its number may be given to another."""
        self.closed = True
        self._fd = -1
        self._ready.clear()
        self._handler.lost(self)

    def data_received(self, data: bytes) -> None:
        """Parse; a request that became complete arrived now."""
        self._arrival = now = now_ns()
        self._handler.reading(now)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.close()
            return
        if self._ready and not self._busy:
            self._next()

    def on_message_begin(self) -> None:
        """Start a request."""
        self._path = self._key = b""
        self._body = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """Collect the path."""
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the key; answer `Expect: 100-continue`."""
        if len(name) == 13 and name.lower() == b"authorization":
            self._key = value.removeprefix(b"Bearer ")
        elif len(name) == 6 and name.lower() == b"expect":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to its limit."""
        self._size += len(body)
        if self._size > _LARGEST_BODY:
            self.close()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the request."""
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        keep = self._parser.should_keep_alive()
        method = self._parser.get_method()
        self._ready.append(HttpRequest(method, self._path, body, self._key, keep, self._arrival))

    def send(self, data: bytes) -> bool:
        """Write now; what the kernel does not take waits in the transport, and False is returned."""
        transport = self._transport
        if self.closed or transport is None:
            return False
        if self._backlog and transport.get_write_buffer_size() == 0:
            self._backlog = False
        sent = 0
        if not self._backlog:
            try:
                sent = os.write(self._fd, data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.closed = True
                transport.abort()
                return False
            if sent == len(data):
                return True
        self._backlog = True
        transport.write(data[sent:])
        return False

    def finished(self, *, keep: bool) -> None:
        """Go on with the next request, or close."""
        self._busy = False
        self.served += 1
        if not keep:
            self.close()
        elif self._ready and not self.closed and self._transport is not None:
            asyncio.get_running_loop().call_soon(self._next)

    def close(self) -> None:
        """Close when all is written."""
        self.closed = True
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Close with RST."""
        self.closed = True
        if self._transport is not None and self._fd >= 0:
            with socket.socket(fileno=os.dup(self._fd)) as copy:
                copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self._transport.abort()

    def _next(self) -> None:
        if self._ready and not self._busy and not self.closed:
            self._busy = True
            self._handler.handle(self, self._ready.popleft())
