"""Requests that have to ask before they leave."""

import asyncio

from bakeoff.errors import WireError
from bakeoff.outcomes import wire_failure
from bakeoff.records import Call
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bakeoff.wire import Client, make_route
from bakeoff.wire.leaving import LEAVE, LIMIT


def test_only_what_may_leave_reaches_the_server_and_a_look_needs_no_leave():
    body = b'{"model": "m", "messages": [{"role": "user", "content": "q"}]}'
    asked: list[int] = []

    def leave() -> None:
        asked.append(1)
        if len(asked) > 2:
            raise WireError(LIMIT, "no more")

    async def work(url: str) -> list[str | int]:
        LEAVE.set(leave)
        told: list[str | int] = []
        async with Client() as client:
            for _ in range(4):
                try:
                    exchange = await client.exchange(
                        make_route(url), Call(path="/chat/completions", body=body)
                    )
                    told.append(exchange.status)
                except WireError as error:
                    told.append(error.kind)
            look = await client.exchange(make_route(url), Call(method="GET", path="/models"))
        return [*told, look.status]

    with TruthProcess(TruthSettings(ttft=0.0, itl=0.0, tokens=2)) as endpoint:
        assert asyncio.run(work(endpoint.url)) == [200, 200, LIMIT, LIMIT, 200]


def test_what_was_held_back_is_not_tried_again():
    assert not wire_failure(WireError(LIMIT, "no more")).retry
