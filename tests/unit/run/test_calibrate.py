"""The limits of a client: how rates are tried, and what is said of the figures."""

import asyncio

import msgspec
import pytest

from bakeoff import clock
from bakeoff.run.calibrate import Calibration, Effort, Flood, Naps, RateTried, _climb, figures

KEPT = RateTried(
    rate=500, kept=True, requests=500, failed=0, sent_rate=500.0, lag_p99_s=0.0004, loop_delay_p99_s=0.001
)
LOST = msgspec.structs.replace(KEPT, rate=1000, kept=False, lag_p99_s=0.02)
FLOOD = Flood(
    tokens_per_call=8,
    requests=3000,
    request_rate=2000.0,
    tokens_per_second=256_000.0,
    cpu_s_per_request=0.0003,
    cpu_share=0.99,
)
FOUND = Calibration(
    cores=2,
    tokens=128,
    highest_rate=500,
    limit_found=True,
    rates=[KEPT, LOST],
    floods=[FLOOD],
    naps=Naps(n=200, late_p50_s=0.0001, late_p99_s=0.0005),
    stamped_by="kernel",
    clock_step_s=1e-9,
    seconds=12.0,
)


def told(**changes: object) -> dict[str, str]:
    found = msgspec.structs.replace(FOUND, **changes)
    return {figure.name: f"{figure.text} -> {figure.meaning}" for figure in figures(found)}


class Ladder:
    """Keeps every rate up to `limit`."""

    def __init__(self, limit: float, **effort: object) -> None:
        self.effort = msgspec.structs.replace(Effort(), **effort)
        self.limit = limit
        self.asked: list[tuple[float, bool]] = []

    async def rate(self, rate: float, *, again: bool) -> RateTried:
        self.asked.append((rate, again))
        return msgspec.structs.replace(KEPT, rate=rate, kept=rate <= self.limit)

    def climb(self, until: int = 1 << 62) -> list[float]:
        return [tried.rate for tried in asyncio.run(_climb(self, until))]  # type: ignore[arg-type]  # stands in for the server and the client


def test_rates_are_tried_upwards_until_one_is_lost_and_then_between():
    ladder = Ladder(1200, rates=(500, 1000, 2000, 4000))
    assert ladder.climb() == [500, 1000, 2000, 1500, 1250]


def test_a_lost_rate_is_tried_twice_only_on_the_way_up():
    ladder = Ladder(600, rates=(500, 1000), halvings=1)
    ladder.climb()
    assert ladder.asked == [(500, True), (1000, True), (750, False)]


def test_nothing_lies_between_when_no_rate_or_every_rate_is_kept():
    assert Ladder(10, rates=(50, 100)).climb() == [50]
    assert Ladder(1000, rates=(50, 100)).climb() == [50, 100]


def test_time_that_is_up_ends_the_ladder():
    assert Ladder(1000).climb(until=0) == []


def test_time_that_is_up_leaves_out_what_lies_between():
    class Slow(Ladder):
        async def rate(self, rate: float, *, again: bool) -> RateTried:
            if rate > self.limit:
                await asyncio.sleep(1.1)
            return await super().rate(rate, again=again)

    assert Slow(500, rates=(500, 1000)).climb(until=clock.now_ns() + 1_000_000_000) == [500, 1000]


def test_less_time_gives_a_smaller_effort_and_more_time_the_usual_one():
    assert Effort.within(25) == Effort()
    assert Effort.within(1000) == Effort()
    assert Effort.within(2.5).step_s == pytest.approx(0.1)


def test_the_limit_says_what_needs_more_processes():
    text = told()["open loop"]
    assert text.startswith("500 requests/s with lag p99 0.40 ms, n = 500; at 1,000 it is 20.00 ms")
    assert text.endswith("loads above 500 requests/s need --processes")


def test_a_ladder_without_an_end_gives_a_lower_bound():
    text = told(rates=[KEPT], limit_found=False)["open loop"]
    assert text.startswith("at least 500 requests/s")
    assert text.endswith("or a longer calibration")


def test_a_machine_that_keeps_no_rate_is_told_why():
    text = told(rates=[LOST], highest_rate=None)
    assert text["open loop"].startswith("no rate was kept with lag p99 under 2 ms")
    assert "other programs keep the processors busy" in text["open loop"]
    assert "at the rates" not in text["event loop"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"failed": 3}, "at 1,000 3 of 500 requests failed"),
        ({"lag_p99_s": None}, "at 1,000 nothing was sent"),
    ],
)
def test_a_lost_rate_says_how_it_was_lost(changes, why):
    assert why in told(rates=[KEPT, msgspec.structs.replace(LOST, **changes)])["open loop"]


@pytest.mark.parametrize(
    ("share", "text", "meaning"),
    [
        (0.99, "256,000 tokens/s", "may not bring more"),
        (0.5, "at least 256,000 tokens/s", "the server was the limit"),
    ],
)
def test_a_flood_says_who_was_the_limit(share, text, meaning):
    found = told(floods=[msgspec.structs.replace(FLOOD, cpu_share=share)])["8 tokens a call"]
    assert found.startswith(text)
    assert meaning in found
    assert "0.300 ms of CPU a request of 128 tokens" in found


def test_a_flood_of_which_too_little_came_is_unknown():
    flood = msgspec.structs.replace(FLOOD, tokens_per_call=1, tokens_per_second=None)
    assert told(floods=[flood])["1 token a call"].startswith("unknown")


def test_stamps_and_timer_say_what_they_mean():
    assert "does not shift" in told()["receive stamps"]
    assert "a busy client shifts them" in told(stamped_by="read")["receive stamps"]
    assert told()["timer"].endswith("differences under 10 ns mean nothing")
    assert told(clock_step_s=1e-6)["timer"].endswith("differences under 10 µs mean nothing")
