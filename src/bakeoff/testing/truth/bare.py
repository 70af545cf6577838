"""A bare client: one socket, one request, every read with its time. For tests and for the ceiling.

It decodes nothing until asked, and then only as much as a test of the bytes needs.
"""

import json
import socket
from functools import cached_property
from typing import Any

import msgspec

from bakeoff.clock import now_ns

CHAT = "/v1/chat/completions"


class Read(msgspec.Struct, kw_only=True, dict=True):
    """What one request got. Grows while the answer comes.

    Attributes:
        sent: monotonic ns after the request was handed to the kernel.
        reads: each read with its time.
        end: `complete` by its framing, `closed`, `reset`, or `silent` when the wait ran out.
    """

    sent: int
    reads: list[tuple[int, bytes]] = []
    end: str = "complete"

    @cached_property
    def raw(self) -> bytes:
        """Return all bytes."""
        return b"".join(data for _, data in self.reads)

    @property
    def head(self) -> bytes:
        """Return status line and header fields."""
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return int(self.raw.split(b" ", 2)[1])

    @property
    def body(self) -> bytes:
        """Return the body without its framing."""
        rest = self.raw.partition(b"\r\n\r\n")[2]
        return unchunk(rest) if b"transfer-encoding: chunked" in self.head else rest

    @property
    def payloads(self) -> list[bytes]:
        """Return what stands after each `data:`."""
        text = self.body.replace(b"\r\n", b"\n")
        return [line[6:] for line in text.split(b"\n") if line.startswith(b"data: ")]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the events, decoded."""
        return [json.loads(payload) for payload in self.payloads if payload != b"[DONE]"]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        """Return the delta of each event that has one."""
        return [event["choices"][0]["delta"] for event in self.events if event.get("choices")]

    @property
    def text(self) -> str:
        """Return the streamed content."""
        return "".join(delta.get("content") or "" for delta in self.deltas)

    @property
    def document(self) -> Any:  # noqa: ANN401  any JSON
        """Return the body as JSON."""
        return json.loads(self.body)


def unchunk(data: bytes) -> bytes:
    """Return a chunked body without its framing, as far as it came."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        length = int(data[at:end], 16)
        if not length:
            break
        found.append(data[end + 2 : end + 2 + length])
        at = end + 2 + length + 2
    return b"".join(found)


def connect(port: int) -> socket.socket:
    """Connect to loopback."""
    one = socket.create_connection(("127.0.0.1", port), timeout=5)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one


def chat(content: str = "hello there", *, stream: bool = True, **more: object) -> dict[str, object]:
    """Return the body of a chat request."""
    return {"model": "m", "stream": stream, "messages": [{"role": "user", "content": content}], **more}


def encode(
    body: object, *, settings: str = "", path: str = CHAT, method: str = "POST", key: str = ""
) -> bytes:
    """Return an HTTP request; bytes go as they are, anything else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    prefix = f"/~{settings}" if settings else ""
    auth = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"{method} {prefix}{path} HTTP/1.1\r\nHost: localhost\r\n{auth}Content-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def exchange(one: socket.socket, data: bytes, *, wait: float = 5) -> Read:
    """Send and read until the answer is complete, the connection ends or nothing comes for `wait` seconds."""
    one.settimeout(wait)
    one.sendall(data)
    read = Read(sent=now_ns())
    raw = bytearray()
    while not _complete(raw):
        try:
            part = one.recv(1 << 16)
        except TimeoutError:
            read.end = "silent"
            break
        except ConnectionResetError:
            read.end = "reset"
            break
        if not part:
            read.end = "closed"
            break
        read.reads.append((now_ns(), part))
        raw += part
    return read


def ask(port: int, settings: str = "", content: str = "hello there", **more: Any) -> Read:  # noqa: ANN401  any JSON
    """Send one chat request over a connection of its own."""
    with connect(port) as one:
        return exchange(one, encode(chat(content, **more), settings=settings))


def _complete(raw: bytearray) -> bool:
    mark = raw.find(b"\r\n\r\n")
    if mark < 0:
        return False
    head = bytes(raw[:mark])
    if b"transfer-encoding: chunked" in head:
        return raw.endswith(b"0\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length: "):
            return len(raw) - mark - 4 >= int(line[16:])
    return False
