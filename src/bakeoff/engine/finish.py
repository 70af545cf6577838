"""Finish answers between reads: what is slow about an answer waits until what has arrived is read.

Many streams end together. Were each decoded and stored as it ends, the reads of all others would wait, and
bytes that wait in a socket are merged and carry the time of the last of them.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from bakeoff import clock

T = TypeVar("T")

_SLICE_NS = 1_000_000
_BUSY_NS = 2_000_000
"""Between two slices lies one round of reads; where that took longer, the reads need the time."""
_MOST_WAITING = 512
"""Beyond it answers are finished one by one whatever the reads need: they are kept in memory."""


class Finisher(Generic[T]):
    """Calls `finish` for all that is added: a millisecond at a time, and not at all while reads are many.

    Args:
        finish: what is to be done with an item. Its first error is raised by the next `add`, or by `rest`.
    """

    def __init__(self, finish: Callable[[T], None]) -> None:
        self._finish = finish
        self._waiting: deque[T] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, item: T) -> None:
        """Have an item finished soon; where too many wait, one of them is finished at once."""
        self._waiting.append(item)
        if self._task is None or self._task.done():
            self._raise()
            self._task = asyncio.create_task(self._work(clock.now_ns()))
        elif len(self._waiting) > _MOST_WAITING:
            self._finish(self._waiting.popleft())

    def rest(self) -> None:
        """Finish all that waits."""
        self._raise()
        while self._waiting:
            self._finish(self._waiting.popleft())

    def _raise(self) -> None:
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _work(self, ended: int) -> None:
        while self._waiting:
            began = clock.now_ns()
            if began - ended < _BUSY_NS:
                self._slice(began + _SLICE_NS)
            ended = clock.now_ns()
            await asyncio.sleep(0)

    def _slice(self, until: int) -> None:
        while self._waiting and clock.now_ns() < until:
            self._finish(self._waiting.popleft())
