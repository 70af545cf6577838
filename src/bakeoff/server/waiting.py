"""Calls that answer with the end of something: how many may wait, and where their work is done.

None of them holds a thread of the pool that all other calls share: they sleep on the event loop, look in
short calls, and have what takes long done by threads of their own. Who asks for a state gets an answer.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from bakeoff import clock
from bakeoff.server.faults import GoneError, StoppingError, TooManyError, TooSlowError
from bakeoff.server.jobs.job import Job

T = TypeVar("T")
Gone = Callable[[], Awaitable[bool]]
"""Tells whether the client has gone away, such as `Request.is_disconnected`."""

MOST, EACH = 128, 64
"""How many calls may wait at a time: of one server, and of one key."""
AGAIN_S = 5.0
"""After how many seconds a call may be tried again for which there was no place."""
_AT_WORK, _AT_DOOR = 8, 4
_FIRST_LOOK_S, _LAST_LOOK_S, _LOOK_S = 0.05, 0.5, 0.25


def _never() -> bool:
    return False


GIVEN_UP: ContextVar[Callable[[], bool]] = ContextVar("given_up", default=_never)
"""Tells work that takes long whether anybody still waits for it."""


class Waiting:
    """The waiting calls of one server.

    Attributes:
        stopping: set as soon as the server is told to stop; what waits or follows ends then.
        door: threads for who calls, and for short looks that must get through whatever else goes on.
    """

    def __init__(self, *, most: int = MOST, each: int = EACH) -> None:
        self.stopping = threading.Event()
        self.door = CapacityLimiter(_AT_DOOR)
        self._threads = CapacityLimiter(_AT_WORK)
        self._most, self._each = most, each
        self._now: Counter[str] = Counter()

    @contextlib.contextmanager
    def place(self, key: str) -> Generator[None]:
        """Be one of the calls that wait.

        Raises:
            TooManyError: as many as there may be wait already.
        """
        if self._now.total() >= self._most:
            raise TooManyError(f"{self._most} calls wait already for this server's results", after=AGAIN_S)
        if self._now[key] >= self._each:
            raise TooManyError(f"{self._each} calls of this key wait already for results", after=AGAIN_S)
        self._now[key] += 1
        try:
            yield
        finally:
            self._now[key] -= 1
            self._now += Counter()  # forgets keys that wait no longer

    async def ended(self, job: Job, look: Callable[[], Job], *, gone: Gone, seconds: float) -> Job:
        """Wait for a job's end, which `look` tells.

        Raises:
            TooSlowError: it has not ended in time; it goes on.
            GoneError: nobody waits for it any more.
            StoppingError: the server stops.
        """
        until, pause = clock.now_ns() + round(seconds * 1e9), _FIRST_LOOK_S
        while not job.ended:
            if clock.now_ns() > until:
                raise TooSlowError(
                    f"the job `{job.id}` takes longer than {seconds:g} s", hint="poll its state"
                )
            await self._go_on(gone)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LAST_LOOK_S)
            job = await self.shortly(look)
        return job

    async def shortly(self, work: Callable[[], T]) -> T:
        """Have something short done that must get through."""
        return await to_thread.run_sync(work, limiter=self.door)

    async def apart(self, work: Callable[[], T], *, gone: Gone) -> T:
        """Have work done by a thread of those for what takes long; it sees by `GIVEN_UP` that nobody waits.

        Raises:
            GoneError: nobody waited for it any more, and it has stopped.
            StoppingError: the server stops, and it has stopped.
        """
        given_up = threading.Event()
        why: list[Exception] = []

        async def watch() -> None:
            while True:
                await asyncio.sleep(_LOOK_S)
                try:
                    await self._go_on(gone)
                except (GoneError, StoppingError) as error:
                    why.append(error)
                    given_up.set()
                    return

        before = GIVEN_UP.set(given_up.is_set)
        watching = asyncio.create_task(watch())
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        except GoneError as error:
            raise (why[0] if why else error) from None
        finally:
            given_up.set()
            watching.cancel()
            GIVEN_UP.reset(before)

    async def _go_on(self, gone: Gone) -> None:
        if self.stopping.is_set():
            raise StoppingError("the server stops", hint="send the call again")
        if await gone():
            raise GoneError("the client has gone away")
