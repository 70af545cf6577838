"""Open a connection: name look-up, TCP, proxy, TLS."""

import asyncio
import os
import socket
import ssl

from bakeoff import clock
from bakeoff.errors import WireError
from bakeoff.wire.connection import Connection
from bakeoff.wire.route import Route
from bakeoff.wire.stamps import RealtimeOffset, kernel_receiver, read_receiver
from bakeoff.wire.tls import Tls

_MAX_HEAD = 1 << 16


async def open_connection(
    route: Route, *, limit: float, context: ssl.SSLContext | None, offset: RealtimeOffset | None
) -> Connection:
    """Connect to a server and return when a request can be sent.

    Args:
        route: the server, and its proxy if it has one.
        limit: seconds for everything up to a ready connection.
        context: verifies the peer; needed for https routes.
        offset: takes kernel stamps if given, else stamps at the read.

    Raises:
        WireError: `dns`, `connect`, `connect_timeout`, `proxy` or `tls`.
    """
    started = clock.now_ns()
    try:
        async with asyncio.timeout(limit):
            sock = await _dial(route)
            try:
                tls = await _secure(sock, route, context)
            except BaseException:
                sock.close()
                raise
    except WireError as error:
        error.where = error.where or route.label
        raise
    except ConnectionError as error:
        raise WireError(
            "proxy" if route.proxy else "tls",
            f"the connection broke before it was ready: {error.strerror}",
            where=route.label,
            hint="does this port speak https?",
        ) from error
    except TimeoutError as error:
        raise WireError(
            "connect_timeout",
            f"no connection within {limit:g} s",
            where=route.label,
            hint="check the address, or raise `timeout.connect`",
        ) from error
    receive = kernel_receiver(sock, offset) if offset else read_receiver(sock)
    return Connection(
        sock,
        receive,
        tls=tls,
        stamped_by="kernel" if offset else "read",
        connect_ns=clock.now_ns() - started,
    )


def default_context() -> ssl.SSLContext:
    """Return a verifying TLS context; `SSL_CERT_FILE` and `SSL_CERT_DIR` add authorities."""
    context = ssl.create_default_context()
    if extra := os.environ.get("SSL_CERT_FILE"):
        context.load_verify_locations(cafile=extra)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _dial(route: Route) -> socket.socket:
    host, port = (route.proxy.host, route.proxy.port) if route.proxy else (route.host, route.port)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a label that no name can have is a UnicodeError
        raise WireError(
            "dns", f"the host `{host}` is not known", where=route.label, hint="check the URL's host name"
        ) from error
    problem = ""
    for family, kind, protocol, _name, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            problem = error.strerror or str(error)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise WireError(
        "proxy" if route.proxy else "connect",
        f"cannot connect to {host}:{port}: {problem}",
        where=route.label,
        hint="is the server running, and is this its address and port?",
    )


async def _secure(sock: socket.socket, route: Route, context: ssl.SSLContext | None) -> Tls | None:
    if route.scheme != "https" or context is None:
        return None
    loop = asyncio.get_running_loop()
    if route.proxy is not None:
        await _tunnel(sock, route)
    tls = Tls(context, route.host)
    received = b""
    while True:
        done, reply = tls.handshake(received)
        if reply:
            await loop.sock_sendall(sock, reply)
        if done:
            return tls
        received = await loop.sock_recv(sock, 1 << 16)
        if not received:
            raise WireError(
                "tls", "the server closed the connection during the TLS handshake", where=route.label
            )


async def _tunnel(sock: socket.socket, route: Route) -> None:
    assert route.proxy is not None
    loop = asyncio.get_running_loop()
    host = f"[{route.host}]" if ":" in route.host else route.host
    lines = [f"CONNECT {host}:{route.port} HTTP/1.1", f"Host: {host}:{route.port}"]
    if route.proxy.authorization:
        lines.append(f"Proxy-Authorization: {route.proxy.authorization}")
    await loop.sock_sendall(sock, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
        part = await loop.sock_recv(sock, 4096)
        if not part:
            break
        head += part
    line = head.split(b"\r\n", 1)[0].decode("latin-1")
    if line.split(" ")[1:2] != ["200"]:
        raise WireError(
            "proxy",
            f"the proxy {route.proxy.host}:{route.proxy.port} refused the tunnel: {line or 'no answer'}",
            where=route.label,
            hint="check HTTPS_PROXY, or name the host in NO_PROXY",
        )
