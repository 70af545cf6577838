"""Write each part of each answer when it is due: one heap and one timer for all streams.

Times are monotonic ns. Loop timers are whole milliseconds at best, so the last 1.5 ms before a due
write are spent polling (other I/O goes on meanwhile).
"""

import asyncio
import heapq
from array import array
from collections.abc import Callable
from typing import Protocol

from bakeoff.clock import now_ns
from bakeoff.testing.truth.replies import Reply

_POLL_NS = 1_500_000
_LONGEST_TURN_NS = 1_000_000
_BETWEEN_READS_NS = 100_000


class Wire(Protocol):
    """The connection as far as a stream needs it."""

    @property
    def closed(self) -> bool:
        """Tell whether nothing can be written any more."""
        ...

    def send(self, data: bytes) -> bool:
        """Write now; False when the kernel did not take all of it at once."""
        ...


class Stream:
    """One answer under way, and afterwards the raw record of it."""

    __slots__ = (
        "arrival",
        "body_hash",
        "chat",
        "concurrency",
        "connection",
        "done",
        "gone",
        "index",
        "late",
        "model",
        "number",
        "offsets",
        "reply",
        "reused",
        "slow_writes",
        "stamps",
        "start",
        "streamed",
        "wire",
    )  # fmt: skip

    def __init__(self, wire: Wire, reply: Reply, *, number: int, arrival: int) -> None:
        self.wire: Wire | None = wire
        self.reply = reply
        self.offsets = reply.offsets
        self.number = number
        self.arrival = arrival
        self.start = arrival
        self.index = 0
        self.stamps = array("q")
        self.late = 0
        self.slow_writes = 0
        self.done: int | None = None
        self.gone = False
        self.model = ""
        self.body_hash = ""
        self.chat = True
        self.streamed = False
        self.reused = False
        self.connection = 0
        self.concurrency = 0


class Scheduler:
    """Drives all streams of a server.

    Args:
        loop: the running loop.
        finished: called when the last write of a stream is out, or its client is gone.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, finished: Callable[[Stream], None]) -> None:
        self._loop = loop
        self._finished = finished
        self._heap: list[tuple[int, int, Stream]] = []
        self._sequence = 0
        self._handle: asyncio.Handle | None = None
        self._wakes_at = 0
        self._stall = (0, 0)

    def stall(self, start: int, end: int) -> None:
        """Write nothing between two moments."""
        self._stall = (start, end)

    def add(self, stream: Stream) -> None:
        """Begin a stream; what is due already goes out at once when nothing waits before it."""
        if not stream.offsets:
            if stream.reply.ending != "hang":
                self._finished(stream)
            return
        due = stream.start + stream.offsets[0]
        once = len(stream.offsets) == 1 and stream.reply.ending != "hang"
        if once and not self._heap and due <= now_ns() and not self._stalled(due):
            self._write(stream, due)
            self._finished(stream)
            return
        self._sequence += 1
        heapq.heappush(self._heap, (due, self._sequence, stream))
        if self._handle is None or due < self._wakes_at:
            self._arm(now_ns())

    def close(self) -> None:
        """Stop the timer and forget all streams."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._heap.clear()

    def _stalled(self, now: int) -> bool:
        start, end = self._stall
        return start <= now < end

    def _arm(self, now: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        due = self._heap[0][0]
        wait = due - now - _POLL_NS
        if wait <= 0:
            self._wakes_at = now
            self._handle = self._loop.call_soon(self._pump)
        else:
            self._wakes_at = due
            self._handle = self._loop.call_later(wait / 1e9, self._pump)

    def catch_up(self, now: int) -> None:
        """Write what is overdue, for a tenth of a millisecond: called between the reads of a burst."""
        if self._heap and self._heap[0][0] <= now and not self._stalled(now):
            self._write_due(now, now + _BETWEEN_READS_NS)

    def _pump(self) -> None:
        """Write what is due, for at most a millisecond, then let the loop read."""
        self._handle = None
        now = now_ns()
        if self._stalled(now):
            self._postpone()
        else:
            now = self._write_due(now, now + _LONGEST_TURN_NS)
        if self._heap and self._handle is None:
            self._arm(now)

    def _write_due(self, now: int, until: int) -> int:
        heap = self._heap
        while heap and now < until:
            due, _, stream = heap[0]
            if due > now:
                now = now_ns()
                if due > now:
                    break
            now = self._write(stream, due)
            if stream.index < len(stream.offsets) and not stream.gone:
                self._sequence += 1
                heapq.heapreplace(heap, (stream.start + stream.offsets[stream.index], self._sequence, stream))
            else:
                heapq.heappop(heap)
                if stream.gone or stream.reply.ending != "hang":
                    self._finished(stream)
        return now

    def _write(self, stream: Stream, due: int) -> int:
        wire = stream.wire
        if wire is None or wire.closed:
            stream.gone = True
            return now_ns()
        if not wire.send(stream.reply.writes[stream.index]):
            stream.slow_writes += 1
        stamp = now_ns()
        stream.stamps.append(stamp)
        stream.index += 1
        stream.late = max(stream.late, stamp - due)
        return stamp

    def _postpone(self) -> None:
        """Move all that is due within the stall to its end; later writes of a stream move with it."""
        end = self._stall[1]
        moved: list[tuple[int, int, Stream]] = []
        for due, sequence, stream in self._heap:
            if due < end:
                stream.start += end - due
            moved.append((max(due, end), sequence, stream))
        heapq.heapify(moved)
        self._heap[:] = moved
