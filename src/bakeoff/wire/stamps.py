"""Arrival stamps: one read of a socket, and when its bytes arrived.

Two receivers share one signature. The kernel one returns the system's own receive time (Linux,
SO_TIMESTAMPNS), so a busy client does not shift it; the other stamps right after the read.
"""

import socket
import struct
import sys
from collections.abc import Callable

from bakeoff import clock

READ_SIZE = 1 << 16
_SO_TIMESTAMPNS = 35
_SCM_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
_RESAMPLE_NS = 500_000_000

Receiver = Callable[[], tuple[bytes, int]]


class RealtimeOffset:
    """CLOCK_REALTIME minus the monotonic clock, measured again every half second.

    The wall clock is slewed or stepped at times; an old offset would move every stamp by as much.
    """

    def __init__(self) -> None:
        self._value = clock.realtime_offset_ns()
        self._taken = clock.now_ns()

    def at(self, now: int) -> int:
        """Return the offset that holds at monotonic time `now`."""
        if now - self._taken > _RESAMPLE_NS:
            self._value = clock.realtime_offset_ns()
            self._taken = now
        return self._value


def kernel_stamps_available() -> bool:
    """Tell whether this system stamps received TCP data for us."""
    return sys.platform == "linux" and hasattr(socket.socket, "recvmsg")


def read_receiver(sock: socket.socket) -> Receiver:
    """Return a receiver that stamps after each read."""
    recv = sock.recv
    now = clock.now_ns

    def receive() -> tuple[bytes, int]:
        data = recv(READ_SIZE)
        return data, now()

    return receive


def kernel_receiver(sock: socket.socket, offset: RealtimeOffset) -> Receiver:
    """Return a receiver that takes the kernel's stamp, or the read time where the kernel gave none.

    A read that returns several segments carries the stamp of the last one.
    """
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    recvmsg = sock.recvmsg
    now = clock.now_ns
    unpack = _TIMESPEC.unpack

    def receive() -> tuple[bytes, int]:
        data, ancillary, _flags, _address = recvmsg(READ_SIZE, _ANCILLARY)
        read_at = now()
        if ancillary and ancillary[0][1] == _SCM_TIMESTAMPNS:
            seconds, nanos = unpack(ancillary[0][2])
            stamp = seconds * 1_000_000_000 + nanos - offset.at(read_at)
            if stamp < read_at:
                return data, stamp
        return data, read_at

    return receive
