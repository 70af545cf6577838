"""How sure a measured rate is: its interval over slices of the window that it stands for."""

from collections.abc import Sequence

from bakeoff.stats.intervals import mean_t

CLOSED = "a closed loop, whose requests wait for answers: arrivals that do not wait are slower at this rate"
"""What has to be said of a rate that was measured where requests waited."""
_MOST, _FEWEST = 20, 5
_ANSWERS = 10
"""Answers that a slice has at least, on average."""
_NS = 1e9


def rate_bounds(
    ends: Sequence[int], begin: int, end: int, *, level: float = 0.95
) -> tuple[float | None, float | None]:
    """Return the interval of how many answers end per second; unknown from fewer than 50 answers.

    Batch means (Schmeiser, Operations Research 30, 1982): the window is cut into 5 to 20 slices of equal
    length, long enough to hardly depend on each other although neighbouring answers do, and the answers in
    each are a value of Student's t interval. It speaks of this server under this load at this time. Unknown
    where all slices have equally many, as there is no spread to judge by.

    Args:
        ends: when answers ended, in ns.
        begin: of the window, in ns.
        end: of the window.
        level: confidence.
    """
    inside = [each for each in ends if begin < each <= end]
    slices = min(_MOST, len(inside) // _ANSWERS)
    if slices < _FEWEST:
        return None, None
    counts = [0.0] * slices
    for each in inside:
        counts[(each - begin - 1) * slices // (end - begin)] += 1.0
    found = mean_t(counts, level=level)
    if found.low is None or found.high is None:
        return None, None
    per_second = slices / ((end - begin) / _NS)
    return max(0.0, found.low * per_second), found.high * per_second
