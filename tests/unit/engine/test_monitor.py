"""The monitor says when the client was the limit, and only then."""

import asyncio
import time

import pytest

from bakeoff import clock
from bakeoff.engine.monitor import Monitor
from bakeoff.records import StageCheck

MS = 1_000_000


def check(monitor: Monitor, *, open_loop: bool = True, stamped_by: str = "kernel") -> StageCheck:
    return monitor.check(benchmark="b", target="t", stage="main", open_loop=open_loop, stamped_by=stamped_by)


def test_a_client_that_sent_in_time_is_valid_and_says_how_well():
    monitor = Monitor()
    for _ in range(100):
        monitor.sent(MS)
    found = check(monitor)
    assert (found.valid, found.reasons) == (True, [])
    assert found.facts["lag_p99_s"] == pytest.approx(0.001)
    assert (found.benchmark, found.target, found.stage) == ("b", "t", "main")


def test_late_requests_of_an_open_loop_make_it_invalid_with_the_fix():
    monitor = Monitor()
    for lag in [MS] * 95 + [30 * MS] * 5:
        monitor.sent(lag)
    found = check(monitor)
    assert not found.valid
    assert "lag p99 30.0 ms over 100 requests; lower the rate" in found.reasons[0]


def test_a_closed_loop_has_no_times_to_be_late_for():
    monitor = Monitor()
    monitor.sent(500 * MS)
    assert not [reason for reason in check(monitor, open_loop=False).reasons if "late" in reason]


def test_what_was_never_sent_is_unknown_not_zero():
    assert check(Monitor()).facts["lag_p99_s"] is None


def block(seconds: float) -> Monitor:
    async def work() -> Monitor:
        monitor = Monitor()
        task = asyncio.create_task(monitor.watch())
        await asyncio.sleep(0.05)
        spin(seconds)
        await asyncio.sleep(0.05)
        task.cancel()
        return monitor

    return asyncio.run(work())


def test_a_blocked_loop_spoils_stamps_that_were_taken_by_reads_only():
    monitor = block(0.1)
    spoilt = check(monitor, stamped_by="read")
    assert not spoilt.valid
    assert "event loop was blocked" in spoilt.reasons[0]
    assert spoilt.facts["loop_delay_p99_s"] >= 0.05
    assert check(monitor, stamped_by="kernel").valid


@pytest.mark.parametrize(("merged", "valid"), [(1, True), (2, False)])
def test_a_blocked_loop_spoils_stamps_of_the_kernel_where_reads_merged(merged, valid):
    monitor = block(0.1)
    for index in range(100):
        monitor.sent(MS, merged=index < merged)
    found = check(monitor)
    assert found.valid == valid
    assert [f"{merged}.0% of the first tokens were read together" in reason for reason in found.reasons] == (
        [] if valid else [True]
    )


def test_tokens_that_come_together_are_the_server_s_doing_where_the_client_was_free():
    monitor = Monitor()
    for _ in range(100):
        monitor.sent(MS, merged=True)
    assert check(monitor).valid


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@pytest.mark.parametrize(("open_loop", "valid"), [(False, False), (True, True)])
def test_a_busy_client_limits_a_closed_loop_while_an_open_one_is_judged_by_its_lag(
    open_loop, valid, monkeypatch
):
    monitor = Monitor()
    monkeypatch.setattr("bakeoff.engine.monitor._MOST_CPU", 0.2)
    spin(0.2)
    found = check(monitor, open_loop=open_loop)
    assert found.valid == valid
    assert bool(found.reasons) != valid
    assert found.facts["cpu_share"] > 0.2


def sent(*lates: int, every: int = 10 * MS) -> Monitor:
    """Return the monitor of an open loop whose requests began so late."""
    monitor = Monitor()
    for index, late in enumerate(lates):
        monitor.begun(index * every, late)
    return monitor


def test_a_client_that_falls_behind_the_asked_rate_makes_an_open_loop_invalid():
    slow = sent(*(index * MS for index in range(200)))
    found = check(slow)
    (reason,) = found.reasons
    assert reason == (
        "the client sent 91.0 of 100.0 requests/s that were asked for (91.0% of 200); "
        "lower the rate or use more `--processes`"
    )
    assert (found.valid, found.facts["asked_rate"]) == (False, pytest.approx(100))
    assert found.facts["sent_rate"] == pytest.approx(91)


def test_a_rate_is_asked_of_open_loops_only():
    slow = sent(*(index * MS for index in range(200)))
    found = check(slow, open_loop=False)
    assert not [reason for reason in found.reasons if "asked for" in reason]
    assert found.facts["sent_rate"] is None


@pytest.mark.parametrize(
    "lates",
    [
        [0] * 200,
        [0] * 90 + [500 * MS] * 20 + [0] * 90,
        [0] * 9 + [50 * MS],
        [9 * MS] * 200,
        [0],
        [],
    ],
    ids=["in time", "late in the middle", "the last of ten", "within the allowed lag", "one", "none"],
)
def test_what_changes_no_rate_leaves_a_stage_valid(lates):
    assert check(sent(*lates)).valid


def test_requests_that_are_all_due_at_once_have_no_rate():
    found = check(sent(*[100 * MS] * 50, every=0))
    assert (found.valid, found.facts["asked_rate"]) == (True, None)


def test_slow_answers_allow_a_lag_in_the_rate_too():
    slow = sent(*([0] * 90 + [30 * MS] * 10))
    assert not check(slow).valid
    for _ in range(100):
        slow.sent(0, 2_000 * MS)
    assert check(slow).valid


def test_a_wall_clock_that_is_set_spoils_stamps_of_the_kernel_only():
    monitor = Monitor()
    offset = clock.realtime_offset_ns()
    monitor.look_at_clock(offset)
    monitor.look_at_clock(offset + 50 * MS)
    found = check(monitor)
    assert not found.valid
    assert "the wall clock was set by 50.0 ms during the stage" in found.reasons[0]
    assert found.facts["clock_step_s"] == pytest.approx(0.05, abs=0.001)
    assert check(monitor, stamped_by="read").valid


def test_a_wall_clock_that_is_slewed_does_not_spoil_a_stage():
    monitor = Monitor()
    spin(0.2)
    monitor.look_at_clock(clock.realtime_offset_ns() + 100_000)
    assert check(monitor).valid
