"""One of several client processes, run within this one, with a stand-in for the process that leads it."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest

from bakeoff import clock
from bakeoff.clock import Anchor
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.memory import Memory
from bakeoff.engine.stage import Share
from bakeoff.errors import BakeoffError
from bakeoff.records import Deployment, Event, Sample, Stage
from bakeoff.run.execute import Prepared, prepare_run
from bakeoff.run.fanout import send_together
from bakeoff.run.loop import run_async
from bakeoff.run.perf import PerfAsked, load_perf_spec
from bakeoff.run.worker import Counted, Drain, Ended, Failed, Ready, Reporter, Said, Start, Task, Told, work
from bakeoff.stores.jsonl import JsonlStore, read_records
from bakeoff.testing.truth import TruthProcess

_said = msgspec.msgpack.Decoder(Said)
_encode = msgspec.msgpack.Encoder().encode


@pytest.fixture(autouse=True)
def own_interrupts() -> Iterator[None]:
    """Give back Ctrl-C, which a worker leaves to its leader."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def task(load_server: TruthProcess, tmp_path: Path) -> Iterator[Task]:
    """Yield the whole of a small load test as one share, in a run that is open for writing."""
    load_server.reset()
    (tmp_path / "own.txt").write_text("one\ntwo\n")
    asked = PerfAsked(endpoint=load_server.url, model="m", requests=12, dataset="own.txt", output_tokens="3")
    prepared: Prepared = run_async(prepare_run(load_perf_spec(asked, {}, tmp_path), print))
    task = Task(
        folder=tmp_path / "run",
        loaded=prepared.loaded,
        candidates=prepared.candidates,
        plan=prepared.plan,
        cases=prepared.cases,
        forms=prepared.forms,
        deployments={"m": Deployment(target="m", endpoint=load_server.url)},
        secrets=(),
        zero=Anchor.take().mono_ns,
        segment=0,
        memory=Memory(),
        share=Share(),
        heard=True,
    )
    with closing(JsonlStore(task.folder)):
        yield task


class Leader(threading.Thread):
    """Answers a worker's messages until the pipe ends, and keeps them."""

    def __init__(self, pipe: Connection, answer: Told | None) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._answer = answer
        self.heard: list[Said] = []

    def run(self) -> None:
        while True:
            try:
                message: Said = _said.decode(self._pipe.recv_bytes())
            except (EOFError, OSError):
                return
            self.heard.append(message)
            if isinstance(message, Ready):
                if self._answer is None:
                    self._pipe.close()
                    return
                told = Start(at=clock.now_ns()) if isinstance(self._answer, Start) else self._answer
                self._pipe.send_bytes(_encode(told))


def led(task: Task, answer: Told | None) -> list[Said]:
    """Run a worker under a leader that answers so; return what the worker said."""
    ours, theirs = Pipe()
    leader = Leader(ours, answer)
    leader.start()
    work(task, theirs)
    leader.join(10)
    ours.close()
    return leader.heard


def test_a_worker_waits_for_the_start_and_tells_what_it_did(task: Task) -> None:
    heard = led(task, Start(at=0))
    assert [type(message) for message in heard[:1] + heard[-1:]] == [Ready, Ended]
    counts = [message.counts for message in heard if isinstance(message, Counted)]
    assert counts[-1].outcomes == {"ok": 12}
    assert counts[-1].sent == 12
    assert len(list(read_records(task.folder, Sample))) == 12


def test_a_share_is_each_so_manieth_request(task: Task) -> None:
    led(msgspec.structs.replace(task, share=Share(index=1, of=3), heard=False), Start(at=0))
    samples = list(read_records(task.folder, Sample))
    assert Counter((s.case, s.repeat) for s in samples).total() == 4
    (ended,) = [e for e in read_records(task.folder, Event) if e.kind == "stage_ended"]
    assert ended.facts["process"] == 1


@pytest.mark.parametrize("answer", [Drain(), None], ids=["told to stop", "the leader is gone"])
def test_a_worker_stops_before_it_sent_anything(task: Task, answer: Told | None) -> None:
    heard = led(task, answer)
    assert list(read_records(task.folder, Sample)) == []
    assert heard[0] == Ready()
    assert (heard[-1] == Ended()) == (answer is not None)


def test_a_worker_tells_the_error_that_ended_it(task: Task) -> None:
    deployments = {"m": Deployment(target="m", endpoint="ftp://127.0.0.1/v1")}
    heard = led(msgspec.structs.replace(task, deployments=deployments), Start(at=0))
    (failed,) = [message for message in heard if isinstance(message, Failed)]
    assert "ftp://" in failed.message


def test_an_error_of_a_worker_is_the_runs(task: Task) -> None:
    deployments = {"m": Deployment(target="m", endpoint="ftp://127.0.0.1/v1")}
    with pytest.raises(BakeoffError, match=r"a client process failed: .*ftp://") as caught:
        run_async(send_together(msgspec.structs.replace(task, deployments=deployments), 2, Control()))
    assert "bakeoff resume" in caught.value.hint


def test_draining_the_lead_drains_the_workers(task: Task) -> None:
    control = Control(lambda step: control.drain() if step.kind == "tick" else None)
    run_async(send_together(task, 2, control))
    assert len(list(read_records(task.folder, Sample))) <= 12


def test_what_nobody_began_is_not_reported() -> None:
    told: list[object] = []
    reporter = Reporter(told.append)
    reporter(Progress(kind="tick"))
    stage = Stage(name="main", benchmark="b", target="t", cases=["c"], requests=1, load={})
    reporter(Progress(kind="stage", stage=stage, total=1))
    reporter(Progress(kind="tick"))
    assert told == []
    reporter(Progress(kind="done", stage=stage))
    assert len(told) == 1
