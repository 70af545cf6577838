"""Run a truth server until it is stopped: the process side of `TruthProcess` and of the command line."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec

import msgspec

from bakeoff.clock import now_ns
from bakeoff.errors import UsageError
from bakeoff.testing.truth.process import Announcement
from bakeoff.testing.truth.server import TruthServer
from bakeoff.testing.truth.settings import TruthSettings

_CHECK_SECONDS = 0.25


class ServeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a server process is run.

    Attributes:
        parent: process with which it ends; 0 for none.
        max_seconds: its longest life; 0 for no end.
    """

    port: int = 0
    cpu: int | None = None
    parent: int = 0
    max_seconds: float = 0.0


def serve(settings: TruthSettings, options: ServeOptions) -> None:
    """Serve on loopback until SIGINT, SIGTERM, the parent's death or the end of time.

    Prints one line of JSON with `url`, `port` and `pid` once it listens.
    """
    pin(options.cpu)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings, options))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's loop where it is installed, else asyncio's own."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415  absent on some systems

    return uvloop.new_event_loop


def pin(cpu: int | None) -> None:
    """Pin this process to a core, where the system can do that."""
    if cpu is None:
        return
    if not hasattr(os, "sched_setaffinity"):
        sys.stderr.write("this system cannot pin a process to a core; going on without\n")
        return
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        raise UsageError(f"cannot pin to core {cpu}: {error.strerror}") from error


async def _serve(settings: TruthSettings, options: ServeOptions) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with TruthServer(settings, port=options.port) as server:
        told = Announcement(url=server.url, port=server.port, pid=os.getpid())
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        sys.stdout.flush()
        # A collection would hold up every stream for its length; what exists now stays anyway.
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)
        end = now_ns() + round(options.max_seconds * 1e9) if options.max_seconds else None

        def check() -> None:
            if _orphaned(options.parent) or (end is not None and now_ns() >= end):
                stop.set()
            else:
                loop.call_later(_CHECK_SECONDS, check)

        check()
        await stop.wait()


def _orphaned(parent: int) -> bool:
    return parent != 0 and os.getppid() != parent
