"""The HTTP client against real sockets: framing, reuse, failures, timeouts, and whose time a stamp is."""

import asyncio
import ssl
import time

import pytest
import trustme
from tests.integration.wire_peer import Handler, answers, peer, read_request

from bakeoff import clock
from bakeoff.errors import WireError
from bakeoff.records import Call, Exchange, TimeoutSpec
from bakeoff.wire import Client, make_route

CALL = Call(path="/x", body=b"{}")
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def ask(
    handler: Handler, *, calls: int = 1, limits: TimeoutSpec | None = None, kernel: bool = True
) -> list[Exchange]:
    async def work() -> list[Exchange]:
        async with peer(handler) as port, Client(timeouts=limits, kernel_stamps=kernel) as client:
            route = make_route(f"http://127.0.0.1:{port}/v1")
            return [await client.exchange(route, CALL) for _ in range(calls)]

    return asyncio.run(work())


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize(
    "writes",
    [
        [OK + b"Content-Length: 5\r\n\r\nhello"],
        [OK + b"Content-Length: 5\r\n\r\nhe", b"llo"],
        [OK + b"Content-Le", b"ngth: 5\r\n\r\n", b"hello"],
        [CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"],
        [CHUNKED, b"2\r\nhe\r\n", b"3\r\nllo\r\n", b"0\r\n\r", b"\n"],
        [CHUNKED, b"5\r\nhello\r\n0\r\nTrailer: x\r\n", b"\r\n"],
        [OK + b"\r\n", b"hel", b"lo"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-Length: 5\r\n\r\nhello"],
    ],
    ids=["length", "length-split", "head-split", "chunked", "chunked-split", "trailers", "to-end", "interim"],
)
def test_every_framing_gives_the_same_body(writes: list[bytes], kernel: bool) -> None:
    (exchange,) = ask(answers(*writes, gap=0.01), kernel=kernel)
    assert (exchange.status, exchange.body, exchange.broken) == (200, b"hello", "")
    assert exchange.sent_at <= exchange.first_byte_at <= exchange.done_at
    assert len(exchange.pieces) == len(exchange.stamps)
    assert exchange.stamped_by == ("kernel" if kernel else "read")


def test_a_body_that_looks_like_its_own_end_is_whole() -> None:
    body = b"0\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    (exchange,) = ask(answers(CHUNKED, chunk, chunk, b"0\r\n\r\n", gap=0.01))
    assert exchange.body == body * 2


def test_an_answer_without_body_ends_at_its_head() -> None:
    (exchange,) = ask(answers(b"HTTP/1.1 204 No Content\r\n\r\n", gap=0.01))
    assert (exchange.status, exchange.body) == (204, b"")


def test_a_connection_is_used_again() -> None:
    first, second = ask(answers(OK + b"Content-Length: 1\r\n\r\nx", requests=2), calls=2)
    assert (first.reused, second.reused) == (False, True)
    assert first.connect_ns > 0
    assert second.connect_ns == 0


def test_connection_close_is_honoured() -> None:
    first, second = ask(answers(OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nx"), calls=2)
    assert (first.reused, second.reused) == (False, False)


def test_a_kept_connection_that_the_server_resets_is_replaced_once_and_said() -> None:
    seen: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(1)
        await read_request(reader)
        writer.write(OK + b"Content-Length: 1\r\n\r\nx")
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    first, second = ask(handle, calls=2)
    assert (first.reconnects, second.reconnects) == (0, 1)
    assert not second.reused
    assert len(seen) == 2


def test_a_fresh_connection_that_is_reset_is_an_error() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.transport.abort()

    with pytest.raises(WireError) as caught:
        ask(handle)
    assert caught.value.kind == "reset"


@pytest.mark.parametrize(
    "writes",
    [[CHUNKED + b"2\r\nhe\r\n"], [OK + b"Content-Length: 9\r\n\r\nhe"]],
    ids=["chunked", "length"],
)
def test_a_cut_answer_is_broken_but_kept(writes: list[bytes]) -> None:
    (exchange,) = ask(answers(*writes, gap=0.01))
    assert (exchange.broken, exchange.body) == ("cut", b"he")


def test_no_first_byte_in_time_is_an_error() -> None:
    with pytest.raises(WireError) as caught:
        ask(answers(gap=5.0), limits=TimeoutSpec(first_byte=0.1))
    assert caught.value.kind in {"first_byte_timeout", "reset"}
    assert 0 < (caught.value.sent_at or 0) < clock.now_ns()


@pytest.mark.parametrize(
    ("limits", "kind"), [(TimeoutSpec(stream=0.1), "stream_timeout"), (TimeoutSpec(total=0.15), "timeout")]
)
def test_a_stream_that_stalls_is_broken_but_kept(limits: TimeoutSpec, kind: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + b"2\r\nhe\r\n")
        await asyncio.sleep(5)

    (exchange,) = ask(handle, limits=limits)
    assert (exchange.broken, exchange.body) == (kind, b"he")


def test_something_else_than_http_is_an_error() -> None:
    with pytest.raises(WireError) as caught:
        ask(answers(b"SSH-2.0-OpenSSH\r\n", gap=0.05))
    assert caught.value.kind == "protocol"


def test_nothing_listening_names_the_address() -> None:
    async def work() -> None:
        async with Client() as client:
            await client.exchange(make_route("http://127.0.0.1:9/v1"), CALL)

    with pytest.raises(WireError, match=r"127\.0\.0\.1:9") as caught:
        asyncio.run(work())
    assert caught.value.kind == "connect"


def test_a_large_request_is_sent_whole() -> None:
    sizes: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        sizes.append(len(await read_request(reader)))
        writer.write(OK + b"Content-Length: 1\r\n\r\nx")

    async def work() -> Exchange:
        async with peer(handle) as port, Client() as client:
            body = b"x" * 20_000_000
            return await client.exchange(make_route(f"http://127.0.0.1:{port}"), Call(path="/", body=body))

    exchange = asyncio.run(work())
    assert sizes == [20_000_000]
    assert exchange.first_byte_at >= exchange.sent_at > 0


def test_cancelling_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        assert await reader.read() == b""
        closed.set()

    async def work() -> None:
        async with peer(handle) as port, Client() as client:
            task = asyncio.create_task(client.exchange(make_route(f"http://127.0.0.1:{port}"), CALL))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(closed.wait(), 2)

    asyncio.run(work())


def test_a_busy_client_does_not_move_kernel_stamps() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK + b"Content-Length: 1\r\n\r\nx")

    async def work() -> tuple[Exchange, int]:
        async with peer(handle) as port, Client() as client:
            route = make_route(f"http://127.0.0.1:{port}")
            task = asyncio.create_task(client.exchange(route, CALL))
            while not task.done():
                await asyncio.sleep(0)
                time.sleep(0.005)  # noqa: ASYNC251  the client is to be busy
            return await task, clock.now_ns()

    exchange, now = asyncio.run(work())
    if exchange.stamped_by != "kernel":
        pytest.skip("this system gives no receive stamps")
    assert exchange.done_at < now - 4_000_000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_peer(authority: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    return context


def ask_tls(authority: trustme.CA, host: str, *, trusted: bool) -> Exchange:
    async def work() -> Exchange:
        client_context = ssl.create_default_context()
        if trusted:
            authority.configure_trust(client_context)
        handler = answers(CHUNKED, b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n", gap=0.01, requests=2)
        async with peer(handler, tls_peer(authority, host)) as port, Client(context=client_context) as client:
            route = make_route(f"https://127.0.0.1:{port}/v1")
            await client.exchange(route, CALL)
            return await client.exchange(route, CALL)

    return asyncio.run(work())


def test_tls_keeps_stamps_and_connections(authority: trustme.CA) -> None:
    exchange = ask_tls(authority, "127.0.0.1", trusted=True)
    assert (exchange.body, exchange.reused, exchange.broken) == (b"hello", True, "")
    assert exchange.stamps == sorted(exchange.stamps)
    assert exchange.stamps[-1] - exchange.stamps[0] > 5_000_000


@pytest.mark.parametrize(("host", "trusted"), [("127.0.0.1", False), ("other.example", True)])
def test_a_certificate_that_is_not_trusted_or_not_its_own_is_refused(
    authority: trustme.CA, host: str, trusted: bool
) -> None:
    with pytest.raises(WireError, match="not trusted") as caught:
        ask_tls(authority, host, trusted=trusted)
    assert caught.value.kind == "tls"


def test_warmed_connections_are_used_without_opening_more() -> None:
    opened: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        while True:
            await read_request(reader)
            writer.write(OK + b"Content-Length: 1\r\n\r\nx")

    async def work() -> list[Exchange]:
        async with peer(handle) as port, Client() as client:
            route = make_route(f"http://127.0.0.1:{port}")
            await client.warm(route, 100)
            return await asyncio.gather(*(client.exchange(route, CALL) for _ in range(100)))

    exchanges = asyncio.run(work())
    assert len(opened) == 100
    assert {exchange.connect_ns for exchange in exchanges} == {0}
