"""Spread a plan over processes that send it together, each with its own connections and event loop.

The processes append to the same files, a group of whole lines with one system call, so there is nothing to
merge afterwards; results are computed from all samples as if one process had taken them.
"""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import msgspec

from bakeoff import clock
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.stage import Share
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.records import Plan
from bakeoff.run.worker import Counted, Drain, Ended, Failed, Ready, Said, Start, Task, Told, work

_HEAD_START_NS = 30_000_000
_LOOK_S = 0.1
_STOP_S = 10.0

_encode = msgspec.msgpack.Encoder().encode
_said = msgspec.msgpack.Decoder(Said)


class _Member:
    """One worker process as seen from here."""

    def __init__(self, process: BaseProcess, ours: Connection, theirs: Connection) -> None:
        self.process = process
        self.pipe = ours
        self.theirs = theirs
        self.ready = False
        self.ended = False
        self.gone = False
        self.error = ""

    def tell(self, message: Told) -> None:
        """Send a message to a process that may have ended."""
        if not self.gone:
            try:
                self.pipe.send_bytes(_encode(message))
            except OSError:
                return  # its end of the pipe is closed, which is read soon


class _Team:
    """The processes of one plan: starts their stages together, and passes on what they tell."""

    def __init__(self, members: list[_Member], control: Control) -> None:
        self._members = members
        self._control = control
        self._drained = False

    async def work(self) -> None:
        """Start the processes and return when all are gone; one that fails stops the others."""
        loop = asyncio.get_running_loop()
        for number, member in enumerate(self._members):
            await asyncio.to_thread(member.process.start)
            member.theirs.close()
            loop.add_reader(member.pipe.fileno(), self._read, number)
        while not all(member.gone for member in self._members):
            if self._control.draining:
                self._drain()
            self._look_after()
            self._control.tell(Progress(kind="tick"))
            await asyncio.sleep(_LOOK_S)

    def close(self) -> None:
        """Stop what still runs."""
        for member in self._members:
            if not member.gone:
                self._leave(member)
                if member.process.pid is not None:
                    member.process.kill()
            if member.process.pid is not None:
                member.process.join(_STOP_S)
                member.process.kill()

    def _look_after(self) -> None:
        """Read to its end what a process left behind: an event loop may not tell of a pipe that was reset."""
        for number, member in enumerate(self._members):
            while not member.gone and member.process.exitcode is not None:
                self._read(number)

    def _drain(self) -> None:
        if not self._drained:
            self._drained = True
            for member in self._members:
                member.tell(Drain())

    def _read(self, number: int) -> None:
        member = self._members[number]
        try:
            message: Said = _said.decode(member.pipe.recv_bytes())
        except (EOFError, OSError):
            self._leave(member)
            if not member.ended:
                self._drain()
            return
        match message:
            case Ready():
                member.ready = True
                self._start()
            case Counted():
                self._control.tell(Progress(kind="counts", counts=message.counts, process=number))
            case Ended():
                member.ended = True
            case Failed():
                member.error = message.message

    def _start(self) -> None:
        """Name a time to all when all are ready for the next stage."""
        if all(member.ready for member in self._members):
            at = clock.now_ns() + _HEAD_START_NS
            for member in self._members:
                member.ready = False
                member.tell(Start(at=at))

    @staticmethod
    def _leave(member: _Member) -> None:
        member.gone = True
        asyncio.get_running_loop().remove_reader(member.pipe.fileno())
        member.pipe.close()


def check_processes(plan: Plan, count: int) -> None:
    """Refuse what several processes cannot send together.

    Raises:
        UsageError: a load chooses its next step by what all processes measure.
    """
    ladder = next((stage.load["kind"] for stage in plan.stages if stage.ladder), None)
    if count > 1 and ladder is not None:
        raise UsageError(
            f"the load `{ladder}` is sent by one process: each step depends on what the last one measured",
            hint="leave --processes out, or measure one rate at a time with `--load poisson --rate R`",
        )


async def send_together(task: Task, count: int, control: Control) -> None:
    """Send a plan with `count` processes and return when all have ended.

    Args:
        task: the share of the first; the others get the same with another index.
        count: number of processes.
        control: draining it drains them all.

    Raises:
        BakeoffError: a process failed; what was written stays.
    """
    context = multiprocessing.get_context("spawn")
    task = msgspec.structs.replace(task, heard=control.heard)
    members: list[_Member] = []
    for index in range(count):
        ours, theirs = context.Pipe()
        share = msgspec.structs.replace(task, share=Share(index=index, of=count))
        process = context.Process(target=work, args=(share, theirs), daemon=True)
        members.append(_Member(process, ours, theirs))
    team = _Team(members, control)
    try:
        await team.work()
    finally:
        team.close()
    _check(members, task)


def _check(members: list[_Member], task: Task) -> None:
    """Raise the error of the first process that failed."""
    hint = f"what was answered is stored; `bakeoff resume {task.folder}` sends the rest"
    for member in members:
        if member.error:
            raise BakeoffError(f"a client process failed: {member.error}", where=str(task.folder), hint=hint)
    lost = [member.process.exitcode for member in members if not member.ended]
    if lost:
        code = lost[0] or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise BakeoffError(
            f"{len(lost)} of {len(members)} client processes did not finish: the first {how}",
            where=str(task.folder),
            hint=hint,
        )
