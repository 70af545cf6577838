"""Run a coroutine on the fastest event loop that is there, and tell what a stop at once leaves."""

import asyncio
import contextlib
from collections.abc import Coroutine, Generator
from typing import TypeVar

from bakeoff.errors import InterruptedRun

T = TypeVar("T")


def run_async(work: Coroutine[object, object, T]) -> T:
    """Run to the end on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415  not on every system, and not needed for every command
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@contextlib.contextmanager
def resumable(again: str) -> Generator[None]:
    """Turn any stop at once, also one while results are written, into an error that says how to go on.

    Args:
        again: the command that goes on.

    Raises:
        InterruptedRun: the work was stopped.
    """
    try:
        yield
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise InterruptedRun("stopped at once; what was answered is stored", hint=again) from None
