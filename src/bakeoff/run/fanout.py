"""Spread a plan over processes that send it together, each with its own connections and event loop.

The processes append to the same files, a group of whole lines with one system call, so there is nothing to
merge afterwards; results are computed from all samples as if one process had taken them.
"""

import asyncio
import multiprocessing

import msgspec

from bakeoff.engine.control import Control
from bakeoff.engine.stage import Share
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.run.worker import Task, Together, work

_LOOK_S = 0.1
_STOP_S = 10.0


async def send_together(task: Task, count: int, control: Control) -> None:
    """Send a plan with `count` processes and return when all have ended.

    Args:
        task: the share of the first; the others get the same with another index.
        count: number of processes.
        control: draining it drains them all.

    Raises:
        UsageError: the plan has a load that chooses its next step by what all processes measure.
        BakeoffError: a process failed; what was written stays.
    """
    if any(stage.ladder for stage in task.plan.stages):
        raise UsageError(
            "a sweep or a search is sent by one process", hint="leave --processes out, or choose another load"
        )
    context = multiprocessing.get_context("spawn")
    together = Together(
        barrier=context.Barrier(count), start=context.Value("q", 0, lock=False), drain=context.Event()
    )
    errors = context.SimpleQueue()
    shares = [msgspec.structs.replace(task, share=Share(index=index, of=count)) for index in range(count)]
    processes = [context.Process(target=work, args=(each, together, errors), daemon=True) for each in shares]
    for process in processes:
        await asyncio.to_thread(process.start)
    try:
        while any(process.is_alive() for process in processes):
            if control.draining:
                together.drain.set()
            if any(process.exitcode for process in processes):
                together.barrier.abort()
                together.drain.set()
            await asyncio.sleep(_LOOK_S)
    finally:
        together.drain.set()
        together.barrier.abort()
        for process in processes:
            process.join(_STOP_S)
            process.kill()
    if not errors.empty():
        raise BakeoffError(errors.get(), where=str(task.folder))
    failed = [process.exitcode for process in processes if process.exitcode]
    if failed:
        raise BakeoffError(
            f"{len(failed)} of {count} client processes ended with {failed[0]}", hint="see their output above"
        )
