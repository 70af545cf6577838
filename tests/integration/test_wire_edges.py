"""One connection at its edges: sockets that fill up, break or wake for nothing, answers cut oddly."""

import asyncio
import contextlib
import socket
import struct

import pytest
from tests.integration.wire_peer import answers, peer, read_request

from bakeoff.errors import WireError
from bakeoff.records import Call, Exchange, TimeoutSpec
from bakeoff.wire import Client, make_route
from bakeoff.wire.connection import Connection
from bakeoff.wire.stamps import Receiver, read_receiver

CALL = Call(path="/x", body=b"{}")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def pair() -> tuple[socket.socket, socket.socket]:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.settimeout(5)
    return near, far


def connection(sock: socket.socket, receive: Receiver | None = None) -> Connection:
    return Connection(sock, receive or read_receiver(sock), tls=None, stamped_by="read", connect_ns=0)


def drain(sock: socket.socket, wanted: int) -> int:
    size = 0
    while size < wanted:
        size += len(sock.recv(1 << 20))
    return size


def test_a_connection_that_broke_unnoticed_is_reset_when_sending() -> None:
    async def work() -> None:
        near, far = pair()
        made = connection(near)
        far.close()
        try:
            await made.exchange(b"POST", TimeoutSpec())
        finally:
            assert not made.usable
            made.close()

    with pytest.raises(WireError, match="broke while sending") as caught:
        asyncio.run(work())
    assert caught.value.kind == "reset"


def test_a_full_socket_is_written_when_it_has_room() -> None:
    async def work() -> Exchange:
        near, far = pair()
        filled = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                filled += near.send(b"x" * 65536)
        made = connection(near)
        task = asyncio.create_task(made.exchange(b"request", TimeoutSpec()))
        await asyncio.sleep(0.02)
        # Nothing of it has gone out, and a wake-up without room for it changes nothing.
        made._on_writable()
        assert await asyncio.to_thread(drain, far, filled + len(b"request")) == filled + len(b"request")
        far.send(OK)
        try:
            return await task
        finally:
            made.close()
            far.close()

    exchange = asyncio.run(work())
    assert exchange.body == b"hello"
    assert exchange.first_byte_at >= exchange.sent_at > 0


def test_a_peer_that_leaves_while_a_large_request_is_sent_resets() -> None:
    async def work() -> None:
        near, far = pair()
        made = connection(near)
        task = asyncio.create_task(made.exchange(b"x" * 50_000_000, TimeoutSpec()))
        await asyncio.sleep(0.02)
        far.close()
        await task

    with pytest.raises(WireError, match="closed the connection before any answer") as caught:
        asyncio.run(work())
    assert caught.value.kind == "reset"


def test_closing_takes_back_what_was_not_sent() -> None:
    async def work() -> None:
        near, far = pair()
        made = connection(near)
        task = asyncio.create_task(made.exchange(b"x" * 50_000_000, TimeoutSpec()))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not made.usable
        made.close()
        far.close()

    asyncio.run(work())


def test_a_wake_up_for_nothing_is_no_end() -> None:
    async def work() -> Exchange:
        near, far = pair()
        calls: list[int] = []

        def receive() -> tuple[bytes, int]:
            calls.append(1)
            if len(calls) == 1:
                raise BlockingIOError
            return read_receiver(near)()

        made = connection(near, receive)
        task = asyncio.create_task(made.exchange(b"request", TimeoutSpec()))
        await asyncio.sleep(0)
        far.send(OK)
        try:
            return await task
        finally:
            made.close()
            far.close()

    assert asyncio.run(work()).body == b"hello"


def test_a_reset_while_waiting_is_no_answer() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        # Without lingering, closing resets the connection at once.
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )

    async def work() -> None:
        async with peer(handle) as port, Client() as client:
            await client.exchange(make_route(f"http://127.0.0.1:{port}"), CALL)

    with pytest.raises(WireError) as caught:
        asyncio.run(work())
    assert caught.value.kind == "reset"
    assert caught.value.where.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("extra", [b"", OK], ids=["close", "unasked answer"])
def test_a_kept_connection_that_ends_or_speaks_unasked_is_not_used_again(extra: bytes) -> None:
    async def work() -> tuple[Exchange, Exchange]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(OK)
            await asyncio.sleep(0.05)
            writer.write(extra)

        async with peer(handle) as port, Client() as client:
            route = make_route(f"http://127.0.0.1:{port}")
            first = await client.exchange(route, CALL)
            await asyncio.sleep(0.2)
            return first, await client.exchange(route, CALL)

    first, second = asyncio.run(work())
    assert (first.reused, second.reused, second.reconnects) == (False, False, 0)
    assert second.body == b"hello"


@pytest.mark.parametrize(
    ("writes", "body"),
    [
        ([CHUNKED + b"5\r\nhel", b"l", b"o", b"\r", b"\n", b"0", b"\r\n\r", b"\n"], b"hello"),
        ([CHUNKED, b"3\r\nhel\r\n2\r\nlo\r\n0\r\n", b"\r\n"], b"hello"),
    ],
)
def test_an_end_in_single_bytes_is_seen(writes: list[bytes], body: bytes) -> None:
    exchange = ask(*writes)
    assert (exchange.body, exchange.broken) == (body, "")


def ask(*writes: bytes, limits: TimeoutSpec | None = None) -> Exchange:
    async def work() -> Exchange:
        async with peer(answers(*writes, gap=0.01)) as port, Client(timeouts=limits) as client:
            return await client.exchange(make_route(f"http://127.0.0.1:{port}"), CALL)

    return asyncio.run(work())


@pytest.mark.parametrize(
    "writes",
    [[CHUNKED, b"zz\r\nhello\r\n\r\n"], [CHUNKED, b"zz\r\nhello"]],
    ids=["at its end", "at the end of the stream"],
)
def test_a_chunk_without_a_size_is_a_protocol_error(writes: list[bytes]) -> None:
    with pytest.raises(WireError, match=r"not HTTP/1\.1") as caught:
        ask(*writes)
    assert caught.value.kind == "protocol"


def test_a_head_that_never_ends_is_an_error() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Waiting: ")
        await reader.read()

    async def work() -> None:
        limits = TimeoutSpec(stream=0.1)
        async with peer(handle) as port, Client(timeouts=limits) as client:
            await client.exchange(make_route(f"http://127.0.0.1:{port}"), CALL)

    with pytest.raises(WireError, match="head never ended") as caught:
        asyncio.run(work())
    assert caught.value.kind == "stream_timeout"


def test_no_answer_in_all_the_time_is_told_with_the_limit() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work() -> None:
        async with peer(handle) as port, Client(timeouts=TimeoutSpec(total=0.1)) as client:
            await client.exchange(make_route(f"http://127.0.0.1:{port}"), CALL)

    with pytest.raises(WireError, match=r"no answer within 0\.1 s"):
        asyncio.run(work())


def test_repeated_headers_are_joined() -> None:
    exchange = ask(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n")
    assert exchange.headers["x-a"] == "1, 2"


def test_a_body_in_many_reads_is_counted_to_its_end() -> None:
    exchange = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"h", b"e", b"l", b"lo")
    assert (exchange.body, exchange.broken) == (b"hello", "")


def test_line_ends_after_an_answer_do_not_break_it() -> None:
    exchange = ask(CHUNKED, b"5\r\nhello\r\n0\r\n\r\n\n")
    assert (exchange.body, exchange.broken) == (b"hello", "")


def test_a_broken_chunk_that_stalls_is_a_protocol_error() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(b"zz\r\nhello")
        await reader.read()

    async def work() -> None:
        async with peer(handle) as port, Client(timeouts=TimeoutSpec(stream=0.2)) as client:
            await client.exchange(make_route(f"http://127.0.0.1:{port}"), CALL)

    with pytest.raises(WireError) as caught:
        asyncio.run(work())
    assert caught.value.kind == "protocol"


def test_an_answer_may_take_longer_than_its_first_byte_may() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK[:-5])
        await asyncio.sleep(1.2)
        writer.write(OK[-5:])
        await reader.read()

    async def work() -> Exchange:
        async with peer(handle) as port, Client(timeouts=TimeoutSpec(first_byte=1.0)) as client:
            return await client.exchange(make_route(f"http://127.0.0.1:{port}"), CALL)

    exchange = asyncio.run(work())
    assert (exchange.body, exchange.broken) == (b"hello", "")


def test_a_reset_of_a_kept_connection_is_no_error() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)

    async def work() -> tuple[Exchange, Exchange]:
        async with peer(handle) as port, Client() as client:
            route = make_route(f"http://127.0.0.1:{port}")
            first = await client.exchange(route, CALL)
            await asyncio.sleep(0.2)
            return first, await client.exchange(route, CALL)

    first, second = asyncio.run(work())
    assert (first.body, second.body, second.reused) == (b"hello", b"hello", False)


@pytest.mark.parametrize("left", [1, 2, 3, 4])
def test_an_end_that_begins_in_the_read_of_the_head_is_seen(left: int) -> None:
    answer = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"

    async def work() -> Exchange:
        near, far = pair()
        made = connection(near)
        task = asyncio.create_task(made.exchange(b"POST", TimeoutSpec(stream=2.0)))
        await asyncio.to_thread(drain, far, len(b"POST"))
        far.send(answer[:-left])
        while not made._first_at:  # noqa: ASYNC110  the connection tells nobody of a first read
            await asyncio.sleep(0)
        far.send(answer[-left:])
        try:
            return await task
        finally:
            made.close()
            far.close()

    exchange = asyncio.run(work())
    assert (exchange.broken, exchange.body) == ("", b"hello")


def test_a_request_that_was_answered_before_it_was_out_leaves_no_rest_for_the_next() -> None:
    """A server refuses a request as too large without reading it, and would keep the connection."""

    async def work() -> tuple[Exchange, int, bool]:
        near, far = pair()
        made = connection(near)
        begun = made.opened_at
        task = asyncio.create_task(made.exchange(b"x" * 5_000_000, TimeoutSpec()))
        await asyncio.to_thread(drain, far, 10)
        far.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
        try:
            return await task, begun, made.usable
        finally:
            made.close()
            far.close()

    exchange, begun, usable = asyncio.run(work())
    assert exchange.status == 413
    assert not usable
    assert begun <= exchange.sent_at <= exchange.first_byte_at
