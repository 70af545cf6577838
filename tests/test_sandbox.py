"""The sandbox of `conftest.py` itself: each guard must be able to refuse."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

ELSEWHERE = "192.0.2.1"  # reserved for documentation: nothing answers there


@pytest.fixture(autouse=True)
def forget(no_refused_sockets: None, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    request.config.pluginmanager.get_plugin(str(Path(__file__).with_name("conftest.py"))).refused.clear()


@pytest.mark.parametrize("host", [ELSEWHERE, "2001:db8::1", "example.org"])
def test_connect_elsewhere_is_refused_by_name(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock, pytest.raises(RuntimeError, match=host):
        sock.connect((host, 80))


def test_connect_ex_and_datagrams_are_refused() -> None:
    with socket.socket() as sock, pytest.raises(RuntimeError, match=r"127\.0\.0\.1"):
        sock.connect_ex((ELSEWHERE, 80))
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(RuntimeError, match="sendto"):
        sock.sendto(b"x", (ELSEWHERE, 80))


def test_looking_up_a_foreign_name_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"getaddrinfo of 'example\.org'"):
        socket.getaddrinfo("example.org", 80)


def test_listening_to_the_whole_network_is_refused() -> None:
    with socket.socket() as sock, pytest.raises(RuntimeError, match="bind"):
        sock.bind(("0.0.0.0", 0))


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_both_event_loops_are_guarded(new_loop: object) -> None:
    async def reach() -> None:
        await asyncio.open_connection(ELSEWHERE, 80)

    with asyncio.Runner(loop_factory=new_loop) as runner, pytest.raises(RuntimeError, match=ELSEWHERE):
        runner.run(reach())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_loopback_works(new_loop: object) -> None:
    async def talk() -> bytes:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
        return received

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(talk()) == b"hello"


def test_unix_sockets_work() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        assert right.recv(1) == b"x"


def test_nobodys_settings_are_visible() -> None:
    assert Path.home().name.startswith("bakeoff-tests-")
    assert all(
        Path.home() in Path(os.environ[f"XDG_{kind}_HOME"]).parents for kind in ("CONFIG", "DATA", "STATE")
    )
    assert [name for name in os.environ if name.startswith("BAKEOFF_")] == ["BAKEOFF_CACHE"]
    assert Path.home() not in Path(os.environ["BAKEOFF_CACHE"]).parents
