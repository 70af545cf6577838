"""How many requests a target may have in flight, learnt from its own refusals.

Additive increase, multiplicative decrease: each 429 or 503 cuts the bound, each answer raises it a little.
Used for quality benchmarks only; a measured load is sent as asked.
"""

import asyncio
from random import Random

from bakeoff import clock

_CUT = 0.7
_COOL_NS = 500_000_000


class Gate:
    """An adaptive bound on requests in flight with a shared pause."""

    def __init__(self, limit: int | None, rng: Random) -> None:
        self._most = float(limit) if limit else 1e9
        self._limit = self._most
        self._rng = rng
        self._in_flight = 0
        self._open_at = 0
        self._cut_at = 0
        self._turn = asyncio.Condition()

    @property
    def limit(self) -> float:
        """Return the present bound."""
        return self._limit

    async def __aenter__(self) -> None:
        if self._in_flight < self._limit and self._open_at == 0:
            self._in_flight += 1
            return
        async with self._turn:
            while True:
                pause = (self._open_at - clock.now_ns()) / 1e9
                if pause > 0:
                    self._turn.release()
                    try:
                        await asyncio.sleep(pause * (1 + 0.1 * self._rng.random()))
                    finally:
                        await self._turn.acquire()
                    continue
                self._open_at = 0
                if self._in_flight < self._limit:
                    break
                await self._turn.wait()
            self._in_flight += 1

    async def __aexit__(self, *_: object) -> None:
        self._in_flight -= 1
        async with self._turn:
            # The bound may have grown since the last one left, so there may be room for several.
            self._turn.notify(max(1, int(self._limit) - self._in_flight))

    def answered(self) -> None:
        """Raise the bound by one per round of answers."""
        if self._limit < self._most:
            self._limit = min(self._most, self._limit + 1 / self._limit)

    def throttled(self, wait_s: float) -> None:
        """Cut the bound, at most twice a second, and let nobody start for `wait_s`."""
        now = clock.now_ns()
        if now - self._cut_at > _COOL_NS:
            self._cut_at = now
            in_use = min(self._limit, max(self._in_flight, 1))
            self._limit = max(1.0, in_use * _CUT)
        self._open_at = max(self._open_at, now + round(wait_s * 1e9))
