"""One of several processes that send a plan together: each takes its share of every stage."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from threading import BrokenBarrierError

import msgspec

from bakeoff import clock
from bakeoff.engine.control import Control
from bakeoff.engine.runner import Engine, Key
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

_HEAD_START_NS = 30_000_000
_LOOK_S = 0.1


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes share: where stages begin together, and the wish to stop."""

    barrier: Barrier
    start: "Synchronized[int]"
    drain: Event


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a process needs to send its share; secrets come through the pipe that starts it."""

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
    done: set[Key]
    share: Share


def work(task: Task, together: Together, errors: "SimpleQueue[str]") -> None:
    """Send one share of the plan to its end; the entry of a process.

    Args:
        task: what to send, and to whom.
        together: what the processes share.
        errors: takes the message of an error that ends this process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run_async(_work(task, together))
    except BakeoffError as error:
        together.barrier.abort()
        together.drain.set()
        errors.put(str(error))
    except BrokenBarrierError:
        pass


async def _work(task: Task, together: Together) -> None:
    spec = task.loaded.spec
    store = JsonlStore.joined(task.folder, redact=Redactor(task.secrets))
    control = Control()
    watch = asyncio.create_task(_watch(together.drain, control))
    try:
        async with Client(timeouts=spec.timeout) as client:
            shop = Workshop(
                benches=make_benches(spec, task.cases),
                lanes=make_lanes(spec, task.candidates, task.deployments, task.forms, client),
                store=store,
                zero=task.zero,
                segment=task.segment,
                control=control,
                share=task.share,
                agree=_agreement(task.share, together),
            )
            await Engine(task.plan, shop).run(task.done)
    finally:
        watch.cancel()
        store.close()


async def _watch(drain: Event, control: Control) -> None:
    while not drain.is_set():  # noqa: ASYNC110  it is set by another process
        await asyncio.sleep(_LOOK_S)
    control.drain()


def _agreement(share: Share, together: Together) -> Callable[[Stage], Coroutine[object, object, int]]:
    """Return how the processes agree on the start of a stage: when all are there, the first names a time."""

    def meet() -> int:
        together.barrier.wait()
        if share.index == 0:
            together.start.value = clock.now_ns() + _HEAD_START_NS
        together.barrier.wait()
        return together.start.value

    async def agree(stage: Stage) -> int:
        del stage
        start = await asyncio.to_thread(meet)
        await asyncio.sleep(max(0.0, (start - clock.now_ns()) / 1e9))
        return start

    return agree
