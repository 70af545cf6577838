"""One keep-alive HTTP/1.1 connection: send a request, collect its answer with arrival stamps.

Reads are stamped and kept; framing is parsed only as far as is needed to see the end, so that most of a
streamed body is parsed after its last byte. Knows nothing of pools, proxies or model APIs.
"""

import asyncio
import socket

import httptools

from bakeoff import clock
from bakeoff.errors import WireError
from bakeoff.records import Exchange, TimeoutSpec
from bakeoff.wire.stamps import Receiver
from bakeoff.wire.tls import Tls

_HEAD, _CHUNKED, _COUNTED, _TO_END = range(4)
_LAST_CHUNK = b"\r\n\r\n"


class Connection:
    """A connected socket that carries one exchange at a time.

    `usable` turns false once the connection cannot carry another exchange.
    """

    def __init__(
        self, sock: socket.socket, receive: Receiver, *, tls: Tls | None, stamped_by: str, connect_ns: int
    ) -> None:
        self.usable = True
        self.fresh = True
        self.connect_ns = connect_ns
        self.opened_at = clock.now_ns()
        self._sock = sock
        self._receive = receive
        self._tls = tls
        self._stamped_by = stamped_by
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[str] | None = None
        self._unsent = b""
        self._timer: asyncio.TimerHandle | None = None
        self._timeouts = TimeoutSpec()
        self._parser = httptools.HttpResponseParser(self)
        self._reset()
        self._loop.add_reader(sock, self._on_readable)

    def _reset(self) -> None:
        self._mode = _HEAD
        self._in_head = True
        self._status = 0
        self._headers: dict[str, str] = {}
        self._complete = False
        self._keep_alive = False
        self._missing = 0
        # What was read and not parsed yet, and when: two flat lists, as a tuple for each read of many streams
        # would wake the garbage collector.
        self._unparsed: list[bytes] = []
        self._read_at: list[int] = []
        self._stamp = 0
        self._pieces: list[bytes] = []
        self._stamps: list[int] = []
        self._first_at = 0
        self._last_at = 0
        self._started_at = 0
        self._sent_at = 0

    async def exchange(self, data: bytes, timeouts: TimeoutSpec) -> Exchange:
        """Send a whole request and return its answer; one that ended early carries `broken`.

        Raises:
            WireError: nothing of the answer arrived: `reset`, `first_byte_timeout`, `protocol`.
        """
        self._reset()
        self._timeouts = timeouts
        self._waiter = self._loop.create_future()
        self._started_at = clock.now_ns()
        self._timer = self._loop.call_later(self._look_every(), self._on_timer)
        reused, self.fresh = not self.fresh, False
        try:
            self._send(data if self._tls is None else self._tls.encrypt(data))
            broken = await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None
            self._timer.cancel()
        if broken or not self._keep_alive or self._unsent:
            self.close()
        return Exchange(
            status=self._status,
            headers=self._headers,
            pieces=self._pieces,
            stamps=self._stamps,
            # An answer to half a request, such as "too large": the request was never out.
            sent_at=self._sent_at or self._started_at,
            first_byte_at=self._first_at,
            done_at=self._last_at,
            connect_ns=0 if reused else self.connect_ns,
            reused=reused,
            stamped_by=self._stamped_by,
            broken=broken,
        )

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        if self._sock.fileno() < 0:
            return
        self.usable = False
        self._loop.remove_reader(self._sock)
        if self._unsent:
            self._loop.remove_writer(self._sock)
        self._sock.close()

    def _send(self, data: bytes) -> None:
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            raise WireError("reset", f"the connection broke while sending: {error.strerror}") from error
        if sent < len(data):
            self._unsent = data[sent:]
            self._loop.add_writer(self._sock, self._on_writable)
        else:
            self._sent_at = clock.now_ns()

    def _on_writable(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end("cut")
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._loop.remove_writer(self._sock)
            self._sent_at = clock.now_ns()

    def _on_readable(self) -> None:
        try:
            data, stamp = self._receive()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._on_end_of_stream()
            return
        ended = not data
        if self._tls is not None and data:
            data, ended = self._decrypt(data)
        if self._waiter is None:
            if data or ended:
                self.close()
            return
        if data:
            self._last_at = stamp
            self._unparsed.append(data)
            self._read_at.append(stamp)
            if self._mode != _CHUNKED:
                self._take(data, stamp)
            elif (data[-4:] == _LAST_CHUNK or len(data) < 4) and self._parse() and self._complete:
                self._end("")
        if ended and not self._complete:
            self._on_end_of_stream()

    def _decrypt(self, data: bytes) -> tuple[bytes, bool]:
        assert self._tls is not None
        try:
            plain, ended = self._tls.decrypt(data)
        except OSError:
            return b"", True
        if reply := self._tls.pending():
            self._sock.send(reply)
        return plain, ended

    def _take(self, data: bytes, stamp: int) -> None:
        """Parse what may hold the end of the answer, where no chunks tell."""
        if not self._first_at:
            self._first_at = stamp
        self._in_head = self._mode == _HEAD
        if self._mode == _COUNTED:
            self._missing -= len(data)
            if self._missing > 0:
                return
        if self._parse() and self._complete:
            self._end("")

    def _parse(self) -> bool:
        unparsed, read_at = self._unparsed, self._read_at
        self._unparsed, self._read_at = [], []
        feed = self._parser.feed_data
        try:
            for data, self._stamp in zip(unparsed, read_at, strict=True):
                feed(data)
        except httptools.HttpParserError as error:
            self._fail("protocol", f"the answer is not HTTP/1.1 ({error})")
            return False
        return True

    def _on_end_of_stream(self) -> None:
        if self._waiter is None:
            self.close()
            return
        if self._unparsed and not self._parse():
            return
        if self._complete:
            self._end("")
        elif self._mode == _TO_END:
            self._end("", closing=True)
        else:
            self._end("cut")

    def _on_timer(self) -> None:
        limits, now = self._timeouts, clock.now_ns()
        due = self._started_at + round(limits.total * 1e9)
        kind = "timeout"
        if not self._first_at:
            early = self._started_at + round(limits.first_byte * 1e9)
            early_kind = "first_byte_timeout"
        else:
            early = self._last_at + round(limits.stream * 1e9)
            early_kind = "stream_timeout"
        if early < due:
            due, kind = early, early_kind
        if now >= due:
            self._end(kind)
        else:
            wait = min((due - now) / 1e9 + 0.0005, self._look_every())
            self._timer = self._loop.call_later(wait, self._on_timer)

    def _look_every(self) -> float:
        """Return the seconds within which any of the limits may run out: one timer serves all three."""
        return min(self._timeouts.first_byte, self._timeouts.stream, self._timeouts.total)

    def _end(self, broken: str, *, closing: bool = False) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if broken and self._unparsed and not self._parse():
            return
        if broken and not self._status:
            texts = {
                "cut": ("reset", "the server closed the connection before any answer"),
                "timeout": ("first_byte_timeout", f"no answer within {self._timeouts.total:g} s"),
                "first_byte_timeout": (
                    "first_byte_timeout",
                    f"no first byte within {self._timeouts.first_byte:g} s",
                ),
            }
            kind, message = texts.get(broken, (broken, "the answer's head never ended"))
            self._fail(kind, message)
            return
        if closing:
            self.usable = False
        self._waiter.set_result(broken)

    def _fail(self, kind: str, message: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(WireError(kind, message, sent_at=self._sent_at or None))

    # Callbacks of httptools, which finds them by name.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header; names in lower case, repeated ones joined."""
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Choose how the end of the body will be seen."""
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = {}
            return
        self._status = status
        if "chunked" in self._headers.get("transfer-encoding", "").lower():
            self._mode = _CHUNKED
        elif "content-length" in self._headers:
            self._mode = _COUNTED
            self._missing = int(self._headers["content-length"])
        else:
            self._mode = _TO_END

    def on_body(self, body: bytes) -> None:
        """Keep one body piece under the stamp of its read."""
        self._pieces.append(body)
        self._stamps.append(self._stamp)
        if self._in_head:
            self._missing -= len(body)

    def on_message_complete(self) -> None:
        """Note the end of the answer, but not of an interim (1xx) one."""
        if self._status:
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()
