"""Ports for servers that a test starts, ends and starts again.

A port the system hands out is anybody's once it is closed: a test beside this one may get it before the
server under test comes back. These lie below the range the system hands out, and each goes to one process.
"""

import fcntl
import itertools
import os
import socket
import tempfile
from pathlib import Path
from typing import IO

HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST, UNKNOWN_END = 20_000, 32_768

_folder = Path(tempfile.gettempdir()) / f"bakeoff-test-ports-{os.getuid()}"
_held: list[IO[bytes]] = []
_turns = itertools.count()


def free_port() -> int:
    """Return a port of the loopback that nobody uses, and that no test gets while this process lives."""
    end = int(HANDED_OUT.read_text().split()[0]) if HANDED_OUT.exists() else UNKNOWN_END
    count = end - FIRST
    assert count > 0, f"the system hands out ports from {end}: there is none left between {FIRST} and it"
    for turn in itertools.islice(_turns, count):
        port = FIRST + (os.getpid() * 97 + turn) % count
        if _taken(port):
            return port
    raise AssertionError(f"no port between {FIRST} and {end} is free")


def _taken(port: int) -> bool:
    """Take a port for this process, unless it is in use."""
    _folder.mkdir(exist_ok=True)
    claim = (_folder / str(port)).open("wb")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    _held.append(claim)
    return True
