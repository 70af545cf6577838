"""Run a command pinned to one core and measure it as a whole process."""

import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

CLIENT_CORE, SERVER_CORE = 0, min(1, (os.cpu_count() or 1) - 1)


class Cost(NamedTuple):
    """CPU and wall seconds of a finished process, its peak memory in MB, and what it printed.

    `began` is the monotonic ns at which it was started.
    """

    cpu_s: float
    wall_s: float
    peak_mb: float
    began: int = 0
    output: bytes = b""


def measured(
    arguments: list[str],
    *,
    cwd: str | None = None,
    env: dict[str, str] | None = None,
    core: int | None = CLIENT_CORE,
    allowed: tuple[int, ...] = (0,),
) -> Cost:
    """Run to the end on a core, the client's by default; raise where the exit code is not an allowed one."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic_ns()
    process = subprocess.Popen(
        arguments,
        cwd=cwd,
        env=os.environ | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if sys.platform == "linux" and core is not None:
        os.sched_setaffinity(process.pid, {core})
    peak = _Peak(process.pid)
    peak.start()
    output, errors = process.communicate()
    peak.done.set()
    peak.join()
    wall = (time.monotonic_ns() - began) / 1e9
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in allowed:
        raise RuntimeError(f"{' '.join(arguments)} exited {process.returncode}: {errors.decode()[-800:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, peak.mb, began, output)


class _Peak(threading.Thread):
    """Read the process's own high-water mark until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.mb = 0.0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.02):
            try:
                for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM"):
                        self.mb = int(line.split()[1]) / 1024
            except OSError:
                return
