"""What every load must do.

A third party writes `def test_my_load(): check_load(MyLoad(rate=5))`.
"""

from itertools import pairwise
from random import Random

from bakeoff.errors import DataError
from bakeoff.extend import Load

_COUNTS = (1, 2, 7, 1000)


def check_load(load: Load) -> None:
    """Assert the contract of the loads family on one load."""
    for count in _COUNTS:
        schedule = load.schedule(count, Random(1))
        due = schedule.due_ns
        if due is None:
            assert schedule.concurrency is None or schedule.concurrency >= 1, "a loop sends at least one"
        else:
            assert len(due) == count, f"{len(due)} due times for {count} requests"
            assert all(type(at) is int for at in due), "due times are whole nanoseconds"
            assert due[0] >= 0, "nothing is due before the stage starts"
            assert all(a <= b for a, b in pairwise(due)), "due times are in order"
        again = load.schedule(count, Random(1))
        assert list(again.due_ns or ()) == list(due or ()), "the same seed gives the same schedule"
    assert not load.schedule(0, Random(1)).due_ns, "no request, no due time"
    length = load.length()
    assert length is None or length >= 1, "a pattern of its own length has at least one request"


def check_missing_data(load: Load) -> None:
    """Assert that a load whose file is not there, or holds no request, says so as a user's mistake."""
    error: DataError | None = None
    try:
        load.schedule(1, Random(1))
    except DataError as caught:
        error = caught
    assert error is not None, "data that is not there raises DataError"
    assert error.where, "the error names the place"
