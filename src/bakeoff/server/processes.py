"""`bakeoff serve` and `bakeoff worker` as processes: start, watch over, stop in order."""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from bakeoff.server.logs import log
from bakeoff.server.settings import Settings

_STOP_S = 10.0
_LOOK_S = 0.5


class Workers:
    """Worker processes beside a server; one that dies is started again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.to_json() + b"\n"
        self._processes = [self._start() for _ in range(settings.workers)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def pids(self) -> Sequence[int]:
        """Return the process ids."""
        return [process.pid for process in self._processes]

    def stop(self) -> None:
        """Have all workers give back their jobs and end; what does not end in time is killed."""
        self._stopping.set()
        self._thread.join()
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process)

    def _start(self) -> "subprocess.Popen[bytes]":
        # Settings may hold a password, which a command line would show. A worker ends when its stdin does.
        process = subprocess.Popen([sys.executable, "-m", "bakeoff.server.work"], stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(self._settings)
        process.stdin.flush()
        return process

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            for at, process in enumerate(self._processes):
                if process.poll() is not None:
                    log("worker_died", pid=process.pid, code=process.returncode)
                    _close(process)
                    self._processes[at] = self._start()


def _close(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
