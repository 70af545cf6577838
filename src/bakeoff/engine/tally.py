"""Counts of a stage while it runs, and its rate over the steady window."""

from array import array
from collections.abc import Callable, Mapping
from typing import Any

from bakeoff.records import Sample

Meets = Callable[[Sample], bool]

_FAILED = frozenset({"error", "timeout", "cancelled"})


class Tally:
    """What a stage has done so far. Times are monotonic ns since the run's zero.

    Args:
        total: samples planned.
        done: samples that are there already.
        meets: tells whether a sample met the latency targets, None where there are none.
        together: requests that may stay in step, as `in_step` returns it.
    """

    def __init__(self, *, total: int, done: int, meets: Meets | None, together: int = 1) -> None:
        self.total = total
        self.done = done
        self.sent = 0
        self.failed = 0
        self.met: int | None = None if meets is None else 0
        self.time_up = False
        self._meets = meets
        self._together = together
        self._sends = array("q")
        self._ends = array("q")
        self._answers = array("q")

    def add(self, sample: Sample) -> None:
        """Count one finished sample."""
        self.done += 1
        self.sent += 1
        self.failed += sample.outcome in _FAILED
        if self.met is not None and self._meets is not None:
            self.met += self._meets(sample)
        self._sends.append(sample.scheduled_at)
        if sample.done_at is not None:
            self._ends.append(sample.done_at)
            if sample.ok:
                self._answers.append(sample.done_at)

    @property
    def request_rate(self) -> float | None:
        """Return answers per second over the steady window."""
        return steady_rate(self._sends, self._ends, self._answers, self._together)


def in_step(load: Mapping[str, Any]) -> int:
    """Return how many requests of a load may stay in step: those in flight in a closed loop, else 1."""
    concurrency = load.get("concurrency")
    return concurrency if isinstance(concurrency, int) and concurrency > 0 else 1


def steady_window(sends: "array[int]", ends: "array[int]", together: int = 1) -> tuple[int, int] | None:
    """Return the steady window of a stage in ns: from the end of its first round to that of its last.

    Before the first answers the server was filling up, after the last send it was running empty; neither
    belongs to the load that was asked. The requests of a closed loop stay in step where their lengths are
    alike, and end in bursts; a window that begins or ends within a burst counts more ends than its time
    allows, so it holds whole rounds. None where fewer than three requests ended within it: then the whole
    stage is all there is.

    Args:
        sends: when requests were due, in any order.
        ends: when they ended, one way or another.
        together: requests of a round.
    """
    last = max(sends, default=0)
    ordered = sorted(each for each in ends if each <= last)
    rounds = len(ordered) // together
    if (rounds - 1) * together < 3:
        return None
    begin, end = ordered[together - 1], last if together == 1 else ordered[rounds * together - 1]
    # Ends at the very moment of the beginning are before it.
    return (begin, end) if sum(begin < each <= end for each in ordered) >= 3 else None


def steady_rate(
    sends: "array[int]", ends: "array[int]", answers: "array[int]", together: int = 1
) -> float | None:
    """Return answers per second within the steady window, else over the whole stage; None without any.

    Args:
        sends: when requests were due; likewise `ends` and `together`, for `steady_window`.
        ends: of all requests.
        answers: ends of those that were answered.
        together: requests of a round.
    """
    window = steady_window(sends, ends, together)
    if window is not None:
        begin, end = window
        return sum(begin < each <= end for each in answers) / ((end - begin) / 1e9)
    if not sends or not answers or max(answers) <= min(sends):
        return None
    return len(answers) / ((max(answers) - min(sends)) / 1e9)
