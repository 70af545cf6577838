"""`bakeoff serve` and `bakeoff worker` as processes: start, watch over, stop in order."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from bakeoff import clock
from bakeoff.server.logs import log
from bakeoff.server.settings import Settings

_STOP_S = 10.0
_LOOK_S = 0.5
_LIVED_NS = 5_000_000_000
"""A worker that lived shorter is started again later and later."""
_MOST_WAIT_NS = 30_000_000_000


class Workers:
    """Worker processes beside a server; one that dies is started again."""

    def __init__(self, settings: Settings) -> None:
        self._places = [_Place(settings.to_json() + b"\n") for _ in range(settings.workers)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def pids(self) -> Sequence[int]:
        """Return the process ids."""
        return [place.process.pid for place in self._places]

    def stop(self) -> None:
        """Have all workers give back their jobs and end; what does not end in time is killed."""
        self._stopping.set()
        self._thread.join()
        for place in self._places:
            place.process.send_signal(signal.SIGTERM)
        until = clock.now_ns() + round(_STOP_S * 1e9)
        for place in self._places:
            place.end(max(0.1, (until - clock.now_ns()) / 1e9))

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            for place in self._places:
                place.look()


class _Place:
    """One worker process after the other."""

    def __init__(self, settings: bytes) -> None:
        self._settings = settings
        self._wait_ns = 0
        self._again_at: int | None = None
        self.process = self._start()

    def look(self) -> None:
        """Start again what has died: at once, or after a while where it dies again and again."""
        if self.process.poll() is None:
            return
        now = clock.now_ns()
        if self._again_at is None:
            early = now - self._began < _LIVED_NS
            self._wait_ns = min(max(2 * self._wait_ns, 500_000_000), _MOST_WAIT_NS) if early else 0
            self._again_at = now + self._wait_ns
            log(
                "worker_died",
                pid=self.process.pid,
                code=self.process.returncode,
                again_in_s=self._wait_ns / 1e9,
            )
            _close(self.process)
        if now >= self._again_at:
            self._again_at = None
            self.process = self._start()

    def end(self, seconds: float) -> None:
        """Wait for the end of a process that was told to stop, and kill it where it does not come."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _close(self.process)

    def _start(self) -> "subprocess.Popen[bytes]":
        # Settings may hold a password, which a command line would show. A worker ends when its stdin does.
        self._began = clock.now_ns()
        process = subprocess.Popen(
            [sys.executable, "-m", "bakeoff.server.workers.work"], stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # dead already, which is seen at the next look
            process.stdin.write(self._settings)
            process.stdin.flush()
        return process


def _close(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
