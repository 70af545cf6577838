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
    """CPU and wall seconds of a finished process, and its peak memory in MB."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def measured(arguments: list[str], *, cwd: str | None = None, env: dict[str, str] | None = None) -> Cost:
    """Run to the end on the client's core; raise if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    process = subprocess.Popen(
        arguments,
        cwd=cwd,
        env=os.environ | (env or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if sys.platform == "linux":
        os.sched_setaffinity(process.pid, {CLIENT_CORE})
    peak = _Peak(process.pid)
    peak.start()
    _, errors = process.communicate()
    peak.done.set()
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} exited {process.returncode}: {errors.decode()[-800:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, peak.mb)


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
