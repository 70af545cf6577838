"""The closed loop keeps its number in work; the open loop keeps its times."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.unit.engine.parts import counter

from bakeoff import clock
from bakeoff.engine.loops import closed_loop, open_loop

MS = 1_000_000


class Work:
    """Remembers what was started when, and how many at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.items: list[int] = []
        self.moments: list[int] = []
        self.lateness: list[int] = []
        self.now = self.most = 0

    async def __call__(self, item: int, at: int) -> None:
        self.items.append(item)
        self.moments.append(at)
        self.lateness.append(clock.now_ns() - at)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.seconds)
        self.now -= 1


def closed(count: int, concurrency: int, go_on: Callable[[], bool] = lambda: True) -> Work:
    work = Work(0.002)
    asyncio.run(closed_loop(iter(range(count)), concurrency, work, go_on))
    return work


def test_the_closed_loop_works_on_everything_in_order_and_never_on_more_than_asked():
    work = closed(30, 4)
    assert work.items == list(range(30))
    assert work.most == 4


def test_the_closed_loop_starts_the_next_as_soon_as_one_ends():
    async def uneven() -> list[int]:
        ended: list[int] = []

        async def work(item: int, _at: int) -> None:
            await asyncio.sleep(0.1 if item == 0 else 0.001)
            ended.append(item)

        await closed_loop(iter(range(10)), 2, work, lambda: True)
        return ended

    assert asyncio.run(uneven())[-1] == 0


def test_the_closed_loop_says_when_an_items_turn_came():
    work = closed(6, 1)
    assert work.moments == sorted(work.moments)
    assert all(0 <= late < 50 * MS for late in work.lateness)


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_the_closed_loop_starts_nothing_after_it_was_told_to_stop(limit):
    assert closed(30, 1, counter(limit)).items == list(range(limit))


def test_an_error_in_the_work_ends_the_loop():
    async def work(item: int, _at: int) -> None:
        raise LookupError(item)

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(closed_loop(iter(range(9)), 2, work, lambda: True))
    assert caught.group_contains(LookupError)


def opened(due: list[int], work: Work, go_on: Callable[[], bool] = lambda: True) -> int:
    async def run() -> int:
        start = clock.now_ns()
        await open_loop(iter(list(zip(due, range(len(due)), strict=True))), start, work, go_on)
        return start

    return asyncio.run(run())


def test_the_open_loop_sends_on_time_whatever_became_of_the_ones_before():
    due = [0, 10 * MS, 20 * MS, 30 * MS]
    work = Work(0.2)
    start = opened(due, work)
    assert [moment - start for moment in work.moments] == due
    assert work.most == 4
    assert sorted(work.lateness)[1] < 5 * MS


def test_the_open_loop_never_sends_early():
    work = Work()
    opened([MS * n for n in range(20)], work)
    assert min(work.lateness) >= 0


def test_the_open_loop_catches_up_and_keeps_the_times_of_its_plan():
    work = Work()
    start = opened([-50 * MS, -40 * MS, 5 * MS], work)
    assert [moment - start for moment in work.moments] == [-50 * MS, -40 * MS, 5 * MS]
    assert work.lateness[0] >= 50 * MS


def test_the_open_loop_stops_while_it_waits_for_a_far_request():
    began = clock.now_ns()

    def go_on() -> bool:
        return clock.now_ns() - began < 50 * MS

    work = Work()
    opened([0, 10_000 * MS], work, go_on)
    assert work.items == [0]
    assert clock.now_ns() - began < 1_000 * MS


def test_the_open_loop_waits_for_what_it_sent():
    work = Work(0.05)
    opened([0], work)
    assert work.now == 0


def test_many_that_begin_at_once_let_the_event_loop_look_at_its_sockets_in_between():
    looks: list[int] = []

    async def busy(item: int, _at: int) -> None:
        if item == 0:
            asyncio.get_running_loop().call_soon(look)
        end = clock.now_ns() + MS
        begun.append(item)
        while clock.now_ns() < end:
            pass

    def look() -> None:
        looks.append(len(begun))
        if len(begun) < 40:
            asyncio.get_running_loop().call_soon(look)

    begun: list[int] = []
    asyncio.run(closed_loop(iter(range(40)), 40, busy, lambda: True))
    assert begun == list(range(40))
    assert max(after - before for before, after in pairwise(looks)) <= 10


def test_a_burst_of_requests_lets_the_loop_look_at_its_sockets_in_between():
    begun: list[int] = []
    looks: list[int] = []

    async def work(item: int, _at: int) -> None:
        begun.append(item)
        await asyncio.sleep(0.05)

    async def look() -> None:
        while len(begun) < 200:
            looks.append(len(begun))
            await asyncio.sleep(0)

    async def run() -> None:
        watch = asyncio.create_task(look())
        await closed_loop(iter(range(200)), 200, work, lambda: True)
        await watch

    asyncio.run(run())
    assert begun == list(range(200))
    assert max(after - before for before, after in pairwise(looks)) <= 16


def test_what_waits_for_its_turn_is_cancelled_with_the_load():
    begun: list[int] = []

    async def work(item: int, _at: int) -> None:
        begun.append(item)
        await asyncio.sleep(10)

    async def run() -> None:
        load = asyncio.create_task(closed_loop(iter(range(100)), 100, work, lambda: True))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        load.cancel()
        with pytest.raises(asyncio.CancelledError):
            await load

    asyncio.run(run())
    assert len(begun) < 100
