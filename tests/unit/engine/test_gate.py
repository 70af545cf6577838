"""The bound on requests in flight: it falls when a server says so, comes back, and never locks up."""

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff import clock
from bakeoff.engine.gate import Gate


class Counted:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.total = 0

    async def pass_through(self, gate: Gate, seconds: float = 0.0) -> None:
        async with gate:
            self.now += 1
            self.total += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(seconds)
            self.now -= 1
        gate.answered()


def crowd(gate: Gate, count: int, seconds: float = 0.001) -> Counted:
    counted = Counted()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(counted.pass_through(gate, seconds))

    asyncio.run(asyncio.wait_for(work(), 20))
    return counted


def test_without_refusals_nobody_waits():
    assert crowd(Gate(None, Random(0)), 50).most == 50


def test_a_limit_holds_and_everyone_gets_through():
    counted = crowd(Gate(3, Random(0)), 20)
    assert (counted.most, counted.total) == (3, 20)


def test_a_refusal_cuts_the_bound_below_what_was_in_flight():
    async def work() -> float:
        gate = Gate(None, Random(0))
        for _ in range(9):
            await gate.__aenter__()
        gate.throttled(0)
        return gate.limit

    assert asyncio.run(work()) == pytest.approx(9 * 0.7)


def test_refusals_that_come_together_cut_once_and_the_bound_stays_at_least_one():
    gate = Gate(10, Random(0))
    gate.throttled(0)
    after = gate.limit
    gate.throttled(0)
    assert gate.limit == after == 1.0


def test_each_round_of_answers_raises_the_bound_by_one_up_to_its_most():
    gate = Gate(4, Random(0))
    gate.throttled(0)
    for _ in range(3):
        gate.answered()
    assert 2.0 < gate.limit < 3.5
    for _ in range(50):
        gate.answered()
    assert gate.limit == 4


def test_a_pause_holds_everyone_back():
    async def work() -> float:
        gate = Gate(None, Random(0))
        gate.throttled(0.1)
        start = clock.now_ns()
        async with gate:
            return (clock.now_ns() - start) / 1e9

    assert 0.1 <= asyncio.run(work()) < 1.0


def test_those_who_wait_come_in_as_the_bound_grows():
    """Also where nobody new arrives: each one that leaves lets in as many as there is room for."""
    gate = Gate(8, Random(0))
    gate.throttled(0)
    assert gate.limit == 1.0
    assert crowd(gate, 40).most >= 3


def test_one_who_gives_up_waiting_takes_no_place():
    async def work() -> None:
        gate = Gate(1, Random(0))
        await gate.__aenter__()
        waiting = asyncio.create_task(gate.__aenter__())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await gate.__aexit__(None, None, None)
        await asyncio.wait_for(gate.__aenter__(), 1)

    asyncio.run(work())


@settings(max_examples=20)
@given(count=st.integers(1, 30), limit=st.integers(1, 5), pauses=st.lists(st.floats(0, 0.005), max_size=5))
def test_whatever_happens_everyone_gets_through(count, limit, pauses):
    gate = Gate(limit, Random(1))
    for pause in pauses:
        gate.throttled(pause)
    assert crowd(gate, count, 0).total == count
