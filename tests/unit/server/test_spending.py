"""What a job spends of its limits, without a run."""

import asyncio
import contextlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bakeoff.engine.send import Outgoing
from bakeoff.errors import WireError
from bakeoff.records import (
    Call,
    Intent,
    Judgement,
    Message,
    Price,
    PriceTier,
    Request,
    Sample,
    Sampling,
    Score,
    Usage,
)
from bakeoff.server.jobs.job import JobLimits
from bakeoff.server.workers.spending import SENT, Spending

_PRICE = Price(input=Decimal(1_000_000), output=Decimal(2_000_000))
"""A dollar for a token of a prompt, two for one of an answer."""


def spending(folder: Path, limits: JobLimits, price: Price | None = None) -> tuple[Spending, list[str]]:
    stops: list[str] = []
    made = Spending(
        limits, {"m": price}, folder, stop=lambda: stops.append("stop"), stopped=lambda: bool(stops)
    )
    return made, stops


def outgoing(prompt: int, most: int | None) -> Outgoing:
    return Outgoing(
        intent=Intent(benchmark="b", case="c", target="m", repeat=0, stage="s", due_ns=None),
        request=Request(messages=(Message(role="user", content="q"),), sampling=Sampling(max_tokens=most)),
        call=Call(path="/chat", body=b"x" * prompt),
    )


def answer(prompt: int | None, completion: int | None, outcome: str = "ok") -> Sample:
    usage = Usage(prompt=prompt, completion=completion)
    return Sample(benchmark="b", case="c", target="m", outcome=outcome, usage=usage)


def judgement(**said: Any) -> Score:
    one = Judgement(model="judge", text="Score: 1", **said)
    return Score(
        benchmark="b",
        case="c",
        target="m",
        repeat=0,
        stage="s",
        scorer="judge",
        metric="judge",
        value=1.0,
        passed=True,
        outcome="ok",
        judgements=[one],
    )


def left(what: Callable[[], None], tries: int) -> int:
    count = 0
    for _ in range(tries):
        with contextlib.suppress(WireError):
            what()
            count += 1
    return count


def test_requests_are_counted_over_all_attempts_of_a_job(tmp_path: Path):
    first, _ = spending(tmp_path, JobLimits(requests=5))
    assert left(first.leave, 3) == 3
    second, stops = spending(tmp_path, JobLimits(requests=5))  # the first one's process was killed
    assert left(second.leave, 9) == 2
    assert (stops, (tmp_path / SENT).stat().st_size) == (["stop"], 5)
    assert "limit of 5 requests" in str(second.error)


def test_a_job_without_limits_lets_everything_leave_and_counts_nothing(tmp_path: Path):
    free, stops = spending(tmp_path, JobLimits())
    free.heard(answer(None, None))
    free.judged(judgement())
    assert (left(free.leave, 1000), stops, list(tmp_path.iterdir())) == (1000, [], [])
    assert asyncio.run(free.set_aside(outgoing(10, None)))


def test_answers_wait_until_what_they_may_take_has_room(tmp_path: Path):
    async def work() -> list[str]:
        purse, _ = spending(tmp_path, JobLimits(tokens=100))
        told: list[str] = []
        first, second, third = (outgoing(20, 20) for _ in range(3))

        async def ask(out: Outgoing, name: str) -> None:
            if await purse.set_aside(out):
                told.append(name)

        await ask(first, "first")
        await ask(second, "second")
        waiting = asyncio.create_task(ask(third, "third"))  # 120 would be too many
        await asyncio.sleep(0)
        assert told == ["first", "second"]
        purse.heard(answer(5, 5))
        purse.settle(first)
        await waiting
        return told

    assert asyncio.run(work()) == ["first", "second", "third"]


def test_a_single_answer_is_asked_for_however_much_it_may_take_until_all_is_spent(tmp_path: Path):
    async def work() -> list[bool]:
        purse, stops = spending(tmp_path, JobLimits(tokens=10))
        told: list[bool] = []
        for _ in range(3):
            out = outgoing(1000, 1000)
            told.append(await purse.set_aside(out))
            purse.heard(answer(3, 3)) if told[-1] else None
            purse.settle(out)
        assert stops == ["stop"]
        return told

    assert asyncio.run(work()) == [True, True, False]


def test_whoever_waits_is_let_go_when_the_run_stops(tmp_path: Path):
    async def work() -> list[bool]:
        purse, _ = spending(tmp_path, JobLimits(tokens=10))
        first = outgoing(10, 10)
        assert await purse.set_aside(first)
        waiting = [asyncio.create_task(purse.set_aside(outgoing(10, 10))) for _ in range(5)]
        await asyncio.sleep(0)
        purse.heard(answer(10, 10))
        purse.settle(first)
        return await asyncio.gather(*waiting)

    assert asyncio.run(work()) == [False] * 5


def test_without_max_tokens_the_longest_answer_so_far_is_set_aside(tmp_path: Path):
    async def work() -> bool:
        purse, _ = spending(tmp_path, JobLimits(tokens=100))
        first = outgoing(10, None)
        assert await purse.set_aside(first)
        purse.heard(answer(5, 40))
        purse.settle(first)
        assert await purse.set_aside(outgoing(5, None))  # 45 are spent, 45 more may be
        waiting = asyncio.create_task(purse.set_aside(outgoing(5, None)))
        await asyncio.sleep(0)
        done = waiting.done()
        waiting.cancel()
        return done

    assert asyncio.run(work()) is False


def test_money_is_set_aside_at_the_dearest_price_that_may_hold(tmp_path: Path):
    tiers = (PriceTier(above=1000, input=Decimal(3_000_000), output=Decimal(4_000_000)),)
    price = Price(input=Decimal(1_000_000), output=Decimal(2_000_000), request=Decimal(1), tiers=tiers)

    async def work(limit: float) -> bool:
        purse, _ = spending(tmp_path, JobLimits(usd=limit), price)
        assert await purse.set_aside(outgoing(2, 1))
        waiting = asyncio.create_task(purse.set_aside(outgoing(2, 1)))
        await asyncio.sleep(0)
        done = waiting.done()
        waiting.cancel()
        return done

    # Twice two tokens at 3, one at 4 and a request at 1.
    assert asyncio.run(work(22.0))
    assert not asyncio.run(work(21.9))


@pytest.mark.parametrize(
    ("limits", "usage", "told"),
    [
        (JobLimits(tokens=100), (None, 3), "the model `m` tells no token counts"),
        (JobLimits(tokens=100), (3, None), "the model `m` tells no token counts"),
        (JobLimits(usd=100), (None, None), "what an answer of the model `m` costs is not known"),
    ],
)
def test_an_answer_without_counts_ends_the_run(
    tmp_path: Path, limits: JobLimits, usage: tuple[int | None, int | None], told: str
):
    purse, stops = spending(tmp_path, limits, _PRICE)
    purse.heard(answer(*usage, outcome="error"))  # one that failed tells nothing, and is nothing
    assert stops == []
    purse.heard(answer(*usage))
    assert (stops, told in str(purse.error)) == (["stop"], True)


@pytest.mark.parametrize(
    ("limits", "said", "told"),
    [
        (JobLimits(tokens=5), {"usage": Usage(prompt=3, completion=3)}, "limit of 5 tokens"),
        (JobLimits(usd=5), {"usd": Decimal("5.01")}, "limit of 5 usd"),
        (JobLimits(tokens=5), {"usd": Decimal(1)}, "the judge `judge` tells no token counts"),
        (JobLimits(usd=5), {"usage": Usage(prompt=1, completion=1)}, "of the judge `judge` costs"),
    ],
)
def test_what_judging_takes_counts(tmp_path: Path, limits: JobLimits, said: dict[str, Any], told: str):
    purse, stops = spending(tmp_path, limits, _PRICE)
    purse.recall((), [judgement(**said)])
    assert (stops, told in str(purse.error)) == (["stop"], True)
    assert left(purse.leave, 2) == 0


def test_money_that_is_spent_to_the_cent_lets_nothing_more_leave(tmp_path: Path):
    purse, stops = spending(tmp_path, JobLimits(usd=5), _PRICE)
    purse.recall([answer(1, 2)], ())
    assert stops == []
    assert left(purse.leave, 2) == 0
    assert "limit of 5 usd" in str(purse.error)
