"""What the truth server itself can do on this machine, measured with a bare client in this process.

The client only reads and looks for the end of an answer, so that the server is the limit where it can be.
"""

import os
import selectors
import socket

import msgspec

from bakeoff.clock import now_ns
from bakeoff.testing.truth.bare import chat, connect, encode
from bakeoff.testing.truth.main import pin
from bakeoff.testing.truth.process import TruthProcess
from bakeoff.testing.truth.records import TruthSummary
from bakeoff.testing.truth.settings import TruthSettings

_TOKENS = 128
_PROMPT = "word " * 64
_STREAMS = 64
_END = b"0\r\n\r\n"


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """The server's own limits, one core for it and, where there are two, another for the client.

    Attributes:
        tokens_per_second: by tokens in a write: 1, 8, and a whole answer of 128.
        requests_per_second: whole answers that are not streamed, no delay.
        cpu_us_per_request: processor time of the server for one of them.
        timed: 512 streams at 10 ms a token as the server wrote them.
    """

    cores: int
    tokens_per_second: dict[str, float]
    requests_per_second: float
    cpu_us_per_request: float
    timed: TruthSummary


def drive(port: int, data: bytes, *, streams: int, requests: int, end: bytes = _END) -> float:
    """Send `requests` over `streams` connections, each when its last answer ended; return the seconds."""
    selector = selectors.DefaultSelector()
    sockets = [connect(port) for _ in range(streams)]
    for one in sockets:
        selector.register(one, selectors.EVENT_READ)
    began = now_ns()
    sent = min(streams, requests)
    left = requests
    for one in sockets[:sent]:
        one.sendall(data)
    while left:
        for key, _ in selector.select(10):
            ready = key.fileobj
            assert isinstance(ready, socket.socket)
            if not ready.recv(1 << 18).endswith(end):
                continue
            left -= 1
            if sent < requests:
                sent += 1
                ready.sendall(data)
    took = (now_ns() - began) / 1e9
    selector.close()
    for one in sockets:
        one.close()
    return took


def measure(*, share: float = 1.0) -> Ceiling:
    """Measure on this machine; takes some seconds and two cores, or a share of that for a first look."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    two = len(cores) > 1
    with TruthProcess(cpu=cores[0] if two else None) as server:
        pin(cores[1] if two else None)
        try:
            return _measure(server, len(cores), share)
        finally:
            if two:
                os.sched_setaffinity(0, cores)


def _measure(server: TruthProcess, cores: int, share: float) -> Ceiling:
    asked = encode(chat(_PROMPT))
    rates: dict[str, float] = {}
    for per_write, full in ((1, 1000), (8, 4000), (_TOKENS, 10_000)):
        requests = max(_STREAMS, round(full * share))
        server.configure(TruthSettings(tokens=_TOKENS, flood=per_write))
        rates[str(per_write)] = (
            requests * _TOKENS / drive(server.port, asked, streams=_STREAMS, requests=requests)
        )
    requests = max(_STREAMS, round(20_000 * share))
    server.configure(TruthSettings(tokens=16))
    server.reset()
    whole = encode(chat(_PROMPT, stream=False))
    took = drive(server.port, whole, streams=_STREAMS, requests=requests, end=b"}")
    cpu = server.summary().cpu
    server.configure(TruthSettings(ttft=0.05, itl=0.01, tokens=64))
    server.reset()
    streams = max(1, round(512 * share))
    drive(server.port, asked, streams=streams, requests=2 * streams)
    return Ceiling(
        cores=cores,
        tokens_per_second=rates,
        requests_per_second=requests / took,
        cpu_us_per_request=cpu / requests * 1e6,
        timed=server.summary(),
    )
