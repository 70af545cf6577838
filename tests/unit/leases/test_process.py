"""Processes are named for good, found by their mark, and ended without hitting anyone else."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.leases import MARK, Process, alive, end, identify, marked, process, reap

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: "test-sleeper"})
    yield child
    child.kill()
    child.wait()


def test_a_process_is_named_by_number_and_start(sleeper: subprocess.Popen[bytes]) -> None:
    known = identify(sleeper.pid)
    assert known is not None
    assert known.pid == sleeper.pid
    assert alive(known)
    assert not alive(Process(pid=sleeper.pid, started="another time"))


def test_a_zombie_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    known = identify(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert identify(sleeper.pid) is None
    assert not alive(known)


def test_a_reused_number_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    assert end(Process(pid=sleeper.pid, started="long ago")) is False
    assert sleeper.poll() is None


def test_a_marked_process_is_found(sleeper: subprocess.Popen[bytes]) -> None:
    assert [process.pid for process in marked("test-sleeper")] == [sleeper.pid]
    assert marked("test-sleep") == []


def test_end_asks_first(sleeper: subprocess.Popen[bytes]) -> None:
    known = identify(sleeper.pid)
    assert known is not None
    assert end(known) is True
    assert not alive(known)
    assert end(known) is False


def test_end_kills_one_that_does_not_listen() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, process_group=0) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        known = identify(child.pid)
        assert known is not None
        assert end(known, grace_s=0.1) is True
        assert not alive(known)


def test_end_kills_one_of_another_group_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        known = identify(child.pid)
        assert known is not None
        assert os.getpgid(child.pid) == os.getpgrp(), "killing its group would kill this test"
        assert end(known, grace_s=0.1) is True
        assert not alive(known)


def test_end_of_a_process_that_is_gone_is_no_error() -> None:
    child = subprocess.Popen(["true"])
    gone = Process(pid=child.pid, started="before")
    child.wait()
    assert end(gone) is False
    process._kill_group(gone)


def test_end_works_without_process_handles(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    known = identify(sleeper.pid)
    assert known is not None
    assert end(Process(pid=sleeper.pid, started="another time")) is False
    assert sleeper.poll() is None
    assert end(known) is True
    assert not alive(known)


def test_reap_gives_the_exit_code() -> None:
    plain = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 7"], os.environ)
    assert reap(plain) == 7
    killed = os.posix_spawn("/bin/sh", ["sh", "-c", "kill -9 $$"], os.environ)
    assert reap(killed) == -signal.SIGKILL


def test_without_proc_the_system_is_asked_by_ps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PROC", tmp_path)
    with subprocess.Popen(["sh", "-c", "read line", "--lease=by-ps"], stdin=subprocess.PIPE) as child:
        (known,) = marked("by-ps")
        assert known.pid == child.pid
        assert alive(known)
        assert not alive(Process(pid=child.pid, started="another time"))
        assert end(known) is True
        assert identify(child.pid) is None


def test_reap_of_a_stranger_is_none() -> None:
    assert reap(os.getppid()) is None
