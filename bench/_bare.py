"""A bare client: it stamps every read, keeps it, and looks for nothing but the end of an answer.

`python -m bench._bare PORT REQUESTS STREAMS TOKENS` is what a Python client could do at best.
"""

import selectors
import socket
import sys

from bakeoff.clock import now_ns
from bakeoff.testing.truth.bare import chat, connect, encode

_END = b"0\r\n\r\n"


class _Stream:
    """One connection and the reads of its answers."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reads: list[tuple[int, bytes]] = []


def drive(port: int, *, requests: int, streams: int, tokens: int) -> int:
    """Send all requests over so many connections and return the number of reads that were kept."""
    data = encode(chat("word " * 16, max_tokens=tokens, stream_options={"include_usage": True}))
    selector = selectors.DefaultSelector()
    opened = [_Stream(connect(port)) for _ in range(min(streams, requests))]
    kept: list[list[tuple[int, bytes]]] = []
    for stream in opened:
        stream.sock.settimeout(0)
        selector.register(stream.sock, selectors.EVENT_READ, stream)
        stream.sock.sendall(data)
    sent, left = len(opened), requests
    while left:
        for key, _ in selector.select(10):
            stream = key.data
            part = stream.sock.recv(1 << 16)
            stream.reads.append((now_ns(), part))
            if not part.endswith(_END):
                continue
            left -= 1
            kept.append(stream.reads)
            stream.reads = []
            if sent < requests:
                sent += 1
                stream.sock.sendall(data)
    for stream in opened:
        stream.sock.close()
    return sum(map(len, kept))


if __name__ == "__main__":
    port, requests, streams, tokens = map(int, sys.argv[1:])
    print(drive(port, requests=requests, streams=streams, tokens=tokens))
