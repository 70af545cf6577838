"""Opening connections: names, proxies, TLS that fails half-way, servers that do not take connections."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
import uvloop
from tests.integration.wire_peer import Handler, answers, peer, read_request
from tests.ports import free_port

from bakeoff.errors import WireError
from bakeoff.records import Call, Exchange, TimeoutSpec
from bakeoff.wire import Client, Route, make_route
from bakeoff.wire.connect import default_context

CALL = Call(path="/x", body=b"{}")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, host: str = "model.test") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def proxied(monkeypatch: pytest.MonkeyPatch, url: str, proxy_port: int, login: str = "") -> Route:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{login}127.0.0.1:{proxy_port}")
    return make_route(url)


class Tunnel:
    """A proxy that answers each CONNECT with `reply` and then passes bytes on to a port of this machine."""

    def __init__(self, port: int, reply: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.port = port
        self.reply = reply
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        for at in range(len(self.reply)):
            writer.write(self.reply[at : at + 1])
            await writer.drain()
        if not self.port:
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(copy(reader, far_writer))
                group.create_task(copy(far_reader, writer))
        finally:
            far_writer.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


def test_https_goes_through_a_tunnel_of_the_proxy(
    monkeypatch: pytest.MonkeyPatch, authority: trustme.CA
) -> None:
    async def work() -> tuple[Exchange, list[bytes]]:
        async with peer(answers(OK), server_context(authority)) as port:
            tunnel = Tunnel(port)
            async with peer(tunnel) as proxy, Client(context=trusting(authority)) as client:
                route = proxied(monkeypatch, "https://model.test/v1", proxy, "user:pass@")
                return await client.exchange(route, CALL), tunnel.heads

    exchange, heads = asyncio.run(work())
    assert exchange.body == b"hello"
    lines = heads[0].split(b"\r\n")
    assert lines[0] == b"CONNECT model.test:443 HTTP/1.1"
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz" in lines


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Authentication Required"),
        (b"", "no answer"),
        (b"HTTP/1.1 200 OK\r\nnever ended", "refused|no answer|broke|closed"),
        (b"garbage\r\n\r\n", "garbage"),
    ],
)
def test_a_proxy_that_opens_no_tunnel_is_named(
    monkeypatch: pytest.MonkeyPatch, authority: trustme.CA, reply: bytes, shown: str
) -> None:
    async def work() -> None:
        async with peer(Tunnel(0, reply)) as proxy, Client(context=trusting(authority)) as client:
            await client.exchange(proxied(monkeypatch, "https://[fd00::1]:8443/v1", proxy), CALL)

    with pytest.raises(WireError, match=shown) as caught:
        asyncio.run(work())
    assert caught.value.kind in {"proxy", "tls"}
    assert caught.value.where == "https://[fd00::1]:8443"


def test_http_is_sent_to_the_proxy_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    async def work() -> Exchange:
        async with peer(handle) as proxy, Client() as client:
            return await client.exchange(proxied(monkeypatch, "http://model.test/v1", proxy), CALL)

    assert asyncio.run(work()).body == b"hello"
    assert heads[0].startswith(b"POST http://model.test:80/v1/x HTTP/1.1\r\n")


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with Client() as client:
            await client.exchange(proxied(monkeypatch, "http://model.test/v1", free_port()), CALL)

    with pytest.raises(WireError, match=r"cannot connect to 127\.0\.0\.1") as caught:
        asyncio.run(work())
    assert caught.value.kind == "proxy"


# Both fail in the C library, before anything could leave the machine.
@pytest.mark.parametrize("host", ["a." * 200 + "a", "a..b"], ids=["too long", "empty label"])
def test_a_host_that_cannot_be_is_not_known(host: str) -> None:
    async def work() -> None:
        async with Client() as client:
            await client.exchange(make_route(f"http://{host}/v1", environ=False), CALL)

    with pytest.raises(WireError, match="is not known") as caught:
        uvloop.run(work())
    assert caught.value.kind == "dns"


@contextmanager
def full_listener() -> Iterator[int]:
    """Yield a port whose queue of connections is full, so that further ones wait."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting: list[socket.socket] = []
        try:
            for _ in range(16):
                sock = socket.socket()
                waiting.append(sock)
                sock.settimeout(0.2)
                try:
                    sock.connect(listener.getsockname())
                except TimeoutError:
                    yield int(listener.getsockname()[1])
                    return
            pytest.skip("this system takes connections without end")
        finally:
            for sock in waiting:
                sock.close()


def test_a_server_that_takes_no_connection_is_a_connect_timeout() -> None:
    async def work(port: int) -> None:
        async with Client(timeouts=TimeoutSpec(connect=0.2)) as client:
            await client.exchange(make_route(f"http://127.0.0.1:{port}/v1"), CALL)

    with full_listener() as port, pytest.raises(WireError, match=r"no connection within 0\.2 s") as caught:
        asyncio.run(work(port))
    assert caught.value.kind == "connect_timeout"
    assert "timeout.connect" in caught.value.hint


def ask_https(handler: Handler, *, limits: TimeoutSpec | None = None) -> Exchange:
    async def work() -> Exchange:
        async with peer(handler) as port, Client(timeouts=limits) as client:
            return await client.exchange(make_route(f"https://127.0.0.1:{port}/v1"), CALL)

    return asyncio.run(work())


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1 << 16)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    # What was not read makes the system reset the connection instead of closing it.
    writer.transport.abort()


async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1 << 16)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("handler", [hang_up, reset, speak_http])
def test_a_server_without_tls_is_an_error_of_its_kind(handler: Handler) -> None:
    with pytest.raises(WireError) as caught:
        ask_https(handler)
    assert caught.value.kind == "tls"
    assert caught.value.where.startswith("https://127.0.0.1:")


def test_a_handshake_that_never_ends_is_a_connect_timeout() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(WireError) as caught:
        ask_https(handle, limits=TimeoutSpec(connect=0.2))
    assert caught.value.kind == "connect_timeout"


def test_authorities_come_from_ssl_cert_file(
    monkeypatch: pytest.MonkeyPatch, authority: trustme.CA, tmp_path: Path
) -> None:
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))

    async def work() -> Exchange:
        async with peer(answers(OK), server_context(authority, "127.0.0.1")) as port, Client() as client:
            return await client.exchange(make_route(f"https://127.0.0.1:{port}/v1"), CALL)

    with pytest.raises(WireError, match="not trusted"):
        asyncio.run(work())
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert asyncio.run(work()).body == b"hello"


def test_the_default_context_verifies_names_and_speaks_http_1() -> None:
    context = default_context()
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_end_of_the_tls_session_ends_the_body(authority: trustme.CA, version: ssl.TLSVersion) -> None:
    context = server_context(authority, "127.0.0.1")
    context.minimum_version = context.maximum_version = version

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await writer.drain()
        writer.write(b"lo")

    async def work() -> Exchange:
        async with peer(handle, context) as port, Client(context=trusting(authority)) as client:
            return await client.exchange(make_route(f"https://127.0.0.1:{port}/v1"), CALL)

    exchange = asyncio.run(work())
    assert (exchange.body, exchange.broken) == (b"hello", "")


def test_tickets_of_a_tls_session_do_not_close_an_idle_connection(authority: trustme.CA) -> None:
    async def work() -> Exchange:
        own = server_context(authority, "127.0.0.1")
        async with peer(answers(OK), own) as port, Client(context=trusting(authority)) as client:
            route = make_route(f"https://127.0.0.1:{port}/v1")
            await client.warm(route, 1)
            await asyncio.sleep(0.1)
            return await client.exchange(route, CALL)

    exchange = asyncio.run(work())
    assert (exchange.body, exchange.reused, exchange.reconnects) == (b"hello", True, 0)


def test_bytes_that_are_no_tls_cut_the_answer(authority: trustme.CA) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        await writer.drain()
        await asyncio.sleep(0.05)
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as below:
            below.send(b"\x00garbage, not a record")
        await reader.read()

    async def work() -> Exchange:
        own = server_context(authority, "127.0.0.1")
        async with peer(handle, own) as port, Client(context=trusting(authority)) as client:
            return await client.exchange(make_route(f"https://127.0.0.1:{port}/v1"), CALL)

    exchange = asyncio.run(work())
    assert (exchange.body, exchange.broken) == (b"hello", "cut")
