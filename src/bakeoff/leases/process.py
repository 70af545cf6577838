"""Name, find and end processes so that a reused process number is never hit.

Knows nothing of models or servers. Linux reads /proc; elsewhere `ps` answers.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bakeoff.clock import boot_id, now_ns

MARK = "BAKEOFF_LEASE"
_POLL_S = 0.02
_REAP_S = 1.0
_PROC = Path("/proc")


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process for good: a number alone may be used again, number and start time may not."""

    pid: int
    started: str


def identify(pid: int) -> Process | None:
    """Return the process that has this number now, or None where none runs (a zombie does not run)."""
    started = _started_linux(pid) if _has_proc() else _started_ps(pid)
    return Process(pid=pid, started=started) if started else None


def alive(process: Process | None) -> bool:
    """Tell whether exactly this process still runs."""
    return process is not None and identify(process.pid) == process


def marked(mark: str) -> list[Process]:
    """Find the running processes that were started with `mark`, whoever their parent is now."""
    pids = _marked_linux(mark) if _has_proc() else _marked_ps(mark)
    found = (identify(pid) for pid in pids if pid != os.getpid())
    return [process for process in found if process is not None]


def end(process: Process, grace_s: float = 10.0) -> bool:
    """Ask the process to end, wait, then kill it with its group; return whether it was running.

    Blocking: waits up to `grace_s` and a moment more.
    """
    if not _send(process, signal.SIGTERM):
        reap(process.pid)
        return False
    if not _gone_within(process, grace_s):
        _kill_group(process)
        _gone_within(process, 5.0)
    reap(process.pid)
    return True


def reap(pid: int) -> int | None:
    """Collect a child that has ended; return its exit code (negative: a signal), None for no such child."""
    deadline = now_ns() + int(_REAP_S * 1e9)
    while now_ns() < deadline:
        try:
            done, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_POLL_S)  # its first thread has ended, the others are about to
    return None


def _has_proc() -> bool:
    return (_PROC / "self" / "stat").exists()


def _started_linux(pid: int) -> str | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The command name may hold spaces and brackets; the fields behind its last bracket are fixed.
    fields = stat.rpartition(")")[2].split()
    state, ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{boot_id()}:{ticks}"


def _started_ps(pid: int) -> str | None:
    line = _ps("-o", "stat=,lstart=", "-p", str(pid)).strip()
    state, _, started = line.partition(" ")
    return None if not line or state.startswith("Z") else started.strip()


def _marked_linux(mark: str) -> list[int]:
    wanted = f"{MARK}={mark}".encode()
    pids: list[int] = []
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # gone meanwhile, or another user's
        if wanted in environment.split(b"\0"):
            pids.append(int(folder.name))
    return pids


def _marked_ps(mark: str) -> list[int]:
    lines = _ps("-axwwo", "pid=,command=").splitlines()
    return [int(line.split()[0]) for line in lines if f"--lease={mark}" in line.split()]


def _ps(*options: str) -> str:
    command = ["ps", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  fixed words and numbers


def _send(process: Process, signum: signal.Signals) -> bool:
    """Signal exactly this process; a handle taken before the check keeps its number from being reused."""
    if sys.platform != "linux":
        if not alive(process):
            return False
        os.kill(process.pid, signum)
        return True
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not alive(process):
            return False
        signal.pidfd_send_signal(handle, signum)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _kill_group(process: Process) -> None:
    try:
        leads = os.getpgid(process.pid) == process.pid
    except ProcessLookupError:
        return
    if leads and alive(process):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        _send(process, signal.SIGKILL)


def _gone_within(process: Process, seconds: float) -> bool:
    deadline = now_ns() + int(seconds * 1e9)
    while alive(process):
        if now_ns() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
