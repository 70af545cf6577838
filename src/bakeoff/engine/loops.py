"""Drive a stage's requests: the closed loop and the open loop. Neither knows what a request is.

An open loop never drifts: due times are absolute, and a late send is late in the record, not in the schedule.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from bakeoff import clock

T = TypeVar("T")

_AT_ONCE = 8
"""Requests that begin between two looks at the sockets: less than a millisecond's worth."""
_SPIN_NS = 1_500_000
"""Timers of event loops are good to a millisecond or so; the rest is polled."""


async def closed_loop(
    items: Iterator[T], concurrency: int, work: Callable[[T, int], Awaitable[None]], go_on: Callable[[], bool]
) -> None:
    """Keep up to `concurrency` items in work; the next starts as soon as one ends.

    Args:
        items: what to work on, taken one at a time.
        concurrency: how many workers take items.
        work: called with the item and the monotonic ns at which its turn came.
        go_on: asked before each item.
    """
    turn = _Turn()

    async def worker() -> None:
        while go_on():
            if turn.over():
                await turn.next()
                if not go_on():
                    return
            item = next(items, None)
            if item is None:
                return
            await work(item, clock.now_ns())

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())


class _Turn:
    """Lets the event loop read between requests: many that go out at once would keep it from that."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = _AT_ONCE
        self._waiting: deque[asyncio.Future[None]] = deque()

    def over(self) -> bool:
        """Take a place among the requests that begin now, or tell that there is none."""
        if self._left == _AT_ONCE:
            self._loop.call_soon(self._renew)
        self._left -= 1
        return self._left < 0

    async def next(self) -> None:
        """Wait for a place: who asks first begins first."""
        place = self._loop.create_future()
        self._waiting.append(place)
        await place

    def _renew(self) -> None:
        self._left = _AT_ONCE
        while self._waiting and not self.over():
            place = self._waiting.popleft()
            if not place.done():  # a load that is cancelled
                place.set_result(None)


async def open_loop(
    items: Iterator[tuple[int, T]],
    start_ns: int,
    work: Callable[[T, int], Awaitable[None]],
    go_on: Callable[[], bool],
) -> None:
    """Start each item at its due time, whatever became of the ones before.

    Args:
        items: due time in ns from `start_ns`, and the item; in order.
        start_ns: monotonic ns of the stage's start.
        work: called with the item and its due time in monotonic ns.
        go_on: asked before each item.
    """
    async with asyncio.TaskGroup() as group:
        for offset, item in items:
            due = start_ns + offset
            await sleep_until(due, go_on)
            if not go_on():
                return
            group.create_task(_call(work, item, due))


async def _call(work: Callable[[T, int], Awaitable[None]], item: T, due: int) -> None:
    await work(item, due)


async def sleep_until(due: int, go_on: Callable[[], bool]) -> None:
    """Wait until a moment in monotonic ns, as exactly as can be, or until there is no going on."""
    while (left := due - clock.now_ns()) > _SPIN_NS and go_on():  # noqa: ASYNC110  it waits for a time, not for an event
        await asyncio.sleep(min(left - _SPIN_NS, 200_000_000) / 1e9)
    while clock.now_ns() < due and go_on():  # noqa: ASYNC110  timers are too coarse for this last stretch
        await asyncio.sleep(0)
