"""The process of one job, as its worker sees it: start, hear, keep alive, stop."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from bakeoff.errors import RunLockedError
from bakeoff.server.jobs.job import Job, JobState
from bakeoff.server.secret_values import secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.workers.told import LEAVE, Told

_KEPT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV"),
    # Where data sets of the hub lie on this machine.
    *("HF_HOME", "HF_DATASETS_CACHE", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"),
)
_INTERRUPTED = "KeyboardInterrupt"


class Running:
    """A child process and what it told last."""

    def __init__(self, settings: Settings, job: Job) -> None:
        """Start the process; it lives until `keep` was not called for too long."""
        self.told = Told(done=job.done, total=job.total, failed=job.failed)
        self._gone = threading.Event()
        self._folder = (settings.jobs / job.id).resolve()
        self._errors = (self._folder / "log.txt").open("ab")
        self._away = job.away
        told = settings.endpoints if job.away else job.limits
        module = f"bakeoff.server.workers.{'away' if job.away else 'child'}"
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-m", module, str(self._folder), msgspec.json.encode(told).decode()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_environment(settings),
                start_new_session=True,
            )
        except OSError:
            self._errors.close()
            raise
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def keep(self, until: int) -> None:
        """Let the process live until a moment in monotonic ns."""
        self._write(b"%d" % until)

    def wait(self, seconds: float) -> bool:
        """Wait for the end at most so long; tell whether it is there, with all that was said read."""
        return self._gone.wait(seconds)

    def interrupt(self) -> None:
        """Ask the run to stop after the requests in flight; what another server does goes on there."""
        self._signal(signal.SIGINT)

    def cancel(self) -> None:
        """Ask the process to end its job; what another server does is ended there."""
        if self._away:
            self._write(LEAVE)
        else:
            self.interrupt()

    def kill(self) -> None:
        """End the process at once, if it lives, and what it has started."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self._errors.close()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue

    def ended_as(self, *, cancelled: bool) -> JobState | None:
        """Return the state of the job after its process; None where another attempt is to go on."""
        if self.told.outcome is not None:
            return "completed"
        if self.told.cancelled or (cancelled and not self._away):
            return "cancelled"
        error = self.told.error
        if error is not None and error.kind not in {RunLockedError.__name__, _INTERRUPTED}:
            return "failed"
        return None

    def last_words(self) -> str:
        """Return the end of what the process wrote as errors."""
        try:
            return Path(self._folder, "log.txt").read_bytes()[-500:].decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return

    def _signal(self, number: int) -> None:
        if self._process.returncode is not None:
            return
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                told = msgspec.json.decode(line, type=Told)
            except msgspec.DecodeError:
                continue
            if told.ended and not told.total:  # an error has no counts of its own
                last = self.told
                told = msgspec.structs.replace(told, done=last.done, total=last.total, failed=last.failed)
            self.told = told
        self._process.wait()
        self._gone.set()


def _environment(settings: Settings) -> dict[str, str]:
    """Return what the child may see: what a process needs, and the secrets that specs may name."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | secret_values(settings)
