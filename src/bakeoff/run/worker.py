"""One of several processes that send a plan together: each takes its share of every stage.

A worker has one pipe to the process that started it. It says when it is ready for a stage and is told when
that starts; the end of the pipe, whatever its cause, means to stop: no load outlives who asked for it.
"""

import asyncio
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from bakeoff import clock
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.live import LiveStage, StageCounts
from bakeoff.engine.memory import Memory
from bakeoff.engine.runner import Engine
from bakeoff.engine.stage import Share, Workshop
from bakeoff.errors import BakeoffError
from bakeoff.records import Case, Deployment, Plan, Stage
from bakeoff.run.benches import make_benches, make_lanes
from bakeoff.run.loop import run_async
from bakeoff.run.models import Candidate, Form
from bakeoff.spec import LoadedSpec
from bakeoff.stores.jsonl import JsonlStore
from bakeoff.stores.redact import Redactor
from bakeoff.wire import Client

_TELL_NS = 500_000_000


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a process needs to send its share; secrets come through the pipe that starts it.

    Attributes:
        heard: somebody looks at how far it is.
    """

    folder: Path
    loaded: LoadedSpec
    candidates: list[Candidate]
    plan: Plan
    cases: dict[str, list[Case]]
    forms: dict[str, Form]
    deployments: dict[str, Deployment]
    secrets: tuple[str, ...]
    zero: int
    segment: int
    memory: Memory
    share: Share
    heard: bool = False


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A worker waits for the start of its next stage."""


class Counted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a worker has done of the present stage."""

    counts: StageCounts


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A worker is through, or stopped as it was told."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An error ended a worker."""

    message: str


class Start(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The next stage starts at this monotonic ns."""

    at: int


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Start no further request."""


Said = Ready | Counted | Ended | Failed
Told = Start | Drain

_encode = msgspec.msgpack.Encoder().encode
_told = msgspec.msgpack.Decoder(Told)


def work(task: Task, pipe: Connection) -> None:
    """Send one share of the plan to its end; the entry of a process.

    Args:
        task: what to send, and to whom.
        pipe: to the process that started this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end: Said = Ended()
    try:
        run_async(_work(task, pipe))
    except BakeoffError as error:
        end = Failed(message=str(error))
    _say(pipe, end)
    pipe.close()


async def _work(task: Task, pipe: Connection) -> None:
    spec = task.loaded.spec
    store = JsonlStore.joined(task.folder, redact=Redactor(task.secrets))
    lead = _Lead(pipe, heard=task.heard)
    try:
        with lead:
            async with Client(timeouts=spec.timeout) as client:
                shop = Workshop(
                    benches=make_benches(spec, task.cases),
                    lanes=make_lanes(spec, task.candidates, task.deployments, task.forms, client),
                    store=store,
                    zero=task.zero,
                    segment=task.segment,
                    control=lead.control,
                    share=task.share,
                    agree=lead.agree,
                )
                await Engine(task.plan, shop, task.memory).run()
    finally:
        store.close()


def _say(pipe: Connection, message: Said) -> bool:
    """Send a message and tell whether somebody was there to take it."""
    try:
        pipe.send_bytes(_encode(message))
    except OSError:
        return False
    return True


class Reporter:
    """Listen to an engine and tell its counts, at most twice a second and at the end of each stage."""

    def __init__(self, tell: Callable[[StageCounts], None]) -> None:
        self._tell = tell
        self._stage: LiveStage | None = None
        self._last = clock.now_ns()

    def __call__(self, step: Progress) -> None:
        """Take one step of the run."""
        if step.kind == "stage" and step.stage is not None:
            self._stage = LiveStage(step.stage, total=step.total, before=step.done)
        if self._stage is None:
            return
        if step.kind == "sent":
            self._stage.send()
        elif step.sample is not None:
            self._stage.add(step.sample)
        elif step.kind == "done" or clock.now_ns() - self._last >= _TELL_NS:
            self._last = clock.now_ns()
            self._tell(self._stage.counts())


class _Lead:
    """The worker's end of the pipe, within the event loop. Use as a context manager."""

    def __init__(self, pipe: Connection, *, heard: bool) -> None:
        self._pipe = pipe
        self._start: asyncio.Future[int] | None = None
        self.control = Control(Reporter(self._count) if heard else None)

    def __enter__(self) -> "_Lead":
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe.fileno())

    async def agree(self, stage: Stage) -> int:
        """Return the start of a stage, for which all processes are ready then."""
        del stage
        self._start = asyncio.get_running_loop().create_future()
        if self.control.draining or not _say(self._pipe, Ready()):
            self.control.drain()
            return clock.now_ns()
        start = await self._start
        await asyncio.sleep(max(0.0, (start - clock.now_ns()) / 1e9))
        return start

    def _count(self, counts: StageCounts) -> None:
        if not _say(self._pipe, Counted(counts=counts)):
            self.control.drain()

    def _read(self) -> None:
        try:
            message: Told = _told.decode(self._pipe.recv_bytes())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            message = Drain()
        if isinstance(message, Drain):
            self.control.drain()
        if self._start is not None and not self._start.done():
            self._start.set_result(message.at if isinstance(message, Start) else clock.now_ns())
