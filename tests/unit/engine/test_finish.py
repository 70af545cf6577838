"""What is slow about an answer waits for the reads, is done in order, and is never lost."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bakeoff import clock
from bakeoff.engine.finish import Finisher

MS = 1_000_000


def spin(ns: int) -> None:
    end = clock.now_ns() + ns
    while clock.now_ns() < end:
        pass


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def test_everything_is_finished_once_and_in_order_though_nobody_asks_for_the_rest():
    done: list[int] = []

    async def work() -> None:
        finisher = Finisher(done.append)
        for item in range(100):
            finisher.add(item)
        assert done == []
        await asyncio.sleep(0.05)
        assert done == list(range(100))
        finisher.add(100)
        await asyncio.sleep(0.05)

    run(work)
    assert done == list(range(101))


def test_the_loop_comes_to_its_sockets_between_two_slices():
    done: list[int] = []
    looks: list[int] = []

    def finish(item: int) -> None:
        spin(MS // 2)
        done.append(item)

    async def work() -> None:
        finisher = Finisher(finish)
        for item in range(40):
            finisher.add(item)
        while len(done) < 40:
            looks.append(len(done))
            await asyncio.sleep(0)

    run(work)
    assert len(looks) >= 10


def test_where_reads_take_long_everything_waits_for_their_end():
    done: list[int] = []
    looks: list[int] = []

    async def work() -> None:
        finisher = Finisher(done.append)
        for item in range(20):
            finisher.add(item)
        await asyncio.sleep(0)
        for _ in range(10):
            looks.append(len(done))
            spin(3 * MS)
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)

    run(work)
    assert len(set(looks[1:])) == 1
    assert done == list(range(20))


def test_no_more_than_a_bounded_number_waits():
    done: list[int] = []

    async def work() -> None:
        finisher = Finisher(done.append)
        for item in range(2000):
            finisher.add(item)
        assert len(done) >= 2000 - 600
        finisher.rest()

    run(work)
    assert done == list(range(2000))


@pytest.mark.parametrize("how", ["add", "rest"])
def test_an_error_reaches_whoever_comes_next(how):
    def finish(item: int) -> None:
        raise ValueError(f"item {item}")

    async def work() -> None:
        finisher = Finisher(finish)
        finisher.add(1)
        await asyncio.sleep(0.01)
        with pytest.raises(ValueError, match="item 1"):
            finisher.add(2) if how == "add" else finisher.rest()

    run(work)
