"""Counts of a stage while it runs, and its rate over the steady window."""

from array import array
from collections.abc import Callable

from bakeoff.records import Sample

Meets = Callable[[Sample], bool]

_FAILED = frozenset({"error", "timeout", "cancelled"})


class Tally:
    """What a stage has done so far. Times are monotonic ns since the run's zero."""

    def __init__(self, *, total: int, done: int, meets: Meets | None) -> None:
        self.total = total
        self.done = done
        self.sent = 0
        self.failed = 0
        self.met: int | None = None if meets is None else 0
        self.time_up = False
        self._meets = meets
        self._sends = array("q")
        self._ends = array("q")

    def add(self, sample: Sample) -> None:
        """Count one finished sample."""
        self.done += 1
        self.sent += 1
        self.failed += sample.outcome in _FAILED
        if self.met is not None and self._meets is not None:
            self.met += self._meets(sample)
        self._sends.append(sample.scheduled_at)
        if sample.ok and sample.done_at is not None:
            self._ends.append(sample.done_at)

    @property
    def request_rate(self) -> float | None:
        """Return answers per second over the steady window."""
        return steady_rate(self._sends, self._ends)


def steady_window(sends: "array[int]", ends: "array[int]") -> tuple[int, int] | None:
    """Return the steady window of a stage in ns: from the first end to the last send.

    Before the first answer the server was filling up, after the last send it was running empty; neither
    belongs to the load that was asked. None where fewer than three answers ended within it: then the whole
    stage is all there is.
    """
    if not sends or not ends:
        return None
    begin, end = min(ends), max(sends)
    inside = sum(begin < each <= end for each in ends)
    return (begin, end) if end > begin and inside >= 3 else None


def steady_rate(sends: "array[int]", ends: "array[int]") -> float | None:
    """Return ends per second within the steady window, else over the whole stage; None without any."""
    window = steady_window(sends, ends)
    if window is not None:
        begin, end = window
        return sum(begin < each <= end for each in ends) / ((end - begin) / 1e9)
    if not sends or not ends or max(ends) <= min(sends):
        return None
    return len(ends) / ((max(ends) - min(sends)) / 1e9)
