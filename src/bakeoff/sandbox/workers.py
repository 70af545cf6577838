"""Processes that stay warm between jobs: a start costs more than most jobs."""

import asyncio
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bakeoff.sandbox.worker import Reply, Worker

_END_S = 2.0


class Workers:
    """A few equal processes, started as needed, each in use by one job at a time.

    They end with this object, or with the program.
    """

    def __init__(self, start: Callable[[], Worker], size: int = 2) -> None:
        self._start = start
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="sandbox")
        self._closed = False
        weakref.finalize(self, _close, self._idle)

    async def ask(self, job: dict[str, Any]) -> Reply:
        """Return what became of a job; waits in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.ask_now, job)

    def ask_now(self, job: dict[str, Any]) -> Reply:
        """Return what became of a job; blocking."""
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        warm = worker is not None
        try:
            worker = worker or self._start()
        except OSError as error:
            return Reply(outcome="ended", error=f"no process could be started: {error.strerror}")
        reply = worker.ask(job)
        if warm and reply.outcome == "ended":
            # It may have been gone before the job came; a fresh one tells.
            return self.ask_now(job)
        if worker.usable:
            with self._lock:
                if not self._closed:
                    self._idle.append(worker)
                    return reply
            worker.close()
        return reply

    def close(self, *, wait_s: float = _END_S) -> None:
        """End the processes that are idle, and each other one with its job.

        Args:
            wait_s: for each of them to end by itself.
        """
        with self._lock:
            self._closed = True
            idle, self._idle[:] = self._idle[:], []
        _close(idle, wait_s)
        self._threads.shutdown(wait=False)


def _close(idle: list[Worker], wait_s: float = _END_S) -> None:
    while idle:
        idle.pop().close(wait_s=wait_s)
