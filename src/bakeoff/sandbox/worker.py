"""One bounded process that answers jobs, one at a time. Blocking: its caller is a thread."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.clock import now_ns

_SCRIPTS = Path(__file__).parent
_START_S = 60.0
_CHUNK = 1 << 16
_MIB = 1 << 20
_KEPT = ("PATH", "LANG", "TZ", "TMPDIR", "SYSTEMROOT")
_KEPT_STARTS = ("LC_", "COVERAGE_")
_KEPT_CONFINED = ("LANG", "TZ")
_TMP = "/tmp"  # noqa: S108  that of the confined process, see `jail.py`
_TMP_BYTES = 64 * _MIB


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a process may use.

    Attributes:
        seconds: for one job, on the clock on the wall.
        memory_mb: of address space in Python, of heap in Node.
        output_bytes: the longest answer, and the largest file it may write.
    """

    seconds: float = 10.0
    memory_mb: int = 512
    output_bytes: int = _MIB


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job.

    Attributes:
        outcome: "ok", "error" (it raised), "timeout", "ended" (the process is gone), "flood" (too long) or
            "refused" (it was to be confined, which this system does not allow).
        value: the result of a job that is ok.
        error: what went wrong, in words.
        isolation: how the process was kept apart.
    """

    outcome: str
    value: Any = None
    error: str = ""
    isolation: str = ""


class Worker:
    """A process for jobs; after any outcome but "ok" and "error" it has been ended and is of no use."""

    def __init__(
        self,
        limits: Limits,
        *,
        program: list[str] | None = None,
        folder: Path | None = None,
        confined: bool = False,
    ) -> None:
        """Start the process.

        Args:
            limits: of each job.
            program: what to run in place of Python's server.
            folder: run code that nobody vouches for, which writes here only, for one job.
            confined: give it a root of its own, without any file of this machine but Python's or the
                program's; where that cannot be, each job is refused.
        """
        self.usable = True
        self.isolation = ""
        self._limits = limits
        place = _TMP if confined else str(folder.resolve()) if folder else ""
        order = {
            "program": program,
            "scripts": str(_SCRIPTS),
            "strict": bool(place),
            "folder": place,
            "confined": confined,
            "tmp_bytes": _TMP_BYTES,
            "memory_bytes": None if program else limits.memory_mb * _MIB,
            "cpu_s": int(limits.seconds) + 2 if folder else None,
            "file_bytes": max(limits.output_bytes, _MIB),
        }
        self._process = subprocess.Popen(  # noqa: S603  our own script, with limits
            [sys.executable, "-I", "-B", str(_SCRIPTS / "launch.py"), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(confined=confined),
            start_new_session=True,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)

    def ask(self, job: dict[str, Any]) -> Reply:
        """Return what became of a job."""
        if not self.isolation:
            hello = self._exchange(b"", _START_S)
            if hello.outcome != "ok":
                return msgspec.structs.replace(hello, error=f"the process did not start: {hello.error}")
            if "refused" in hello.value:
                self.close()
                return Reply(outcome="refused", error=_cannot(str(hello.value["refused"])))
            self.isolation = hello.value["isolation"]
        reply = self._exchange(json.dumps(job).encode() + b"\n", self._limits.seconds)
        if reply.outcome == "ok":
            said: dict[str, Any] = reply.value
            outcome = "error" if "error" in said else "ok"
            reply = Reply(outcome=outcome, value=said.get("value"), error=str(said.get("error", "")))
        return msgspec.structs.replace(reply, isolation=self.isolation)

    def close(self, *, wait_s: float = 0.0) -> None:
        """End the process and all it started; one that is idle ends by itself if it is waited for."""
        self.usable = False
        if wait_s and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_s)
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def _exchange(self, sent: bytes, seconds: float) -> Reply:
        """Send a line and return the next one, read as JSON; ends the process where there is none."""
        received = bytearray()
        outcome = self._transfer(sent, received, now_ns() + int(seconds * 1e9))
        if outcome == "ok":
            try:
                return Reply(outcome="ok", value=json.loads(received))
            except ValueError:
                outcome = "ended"
        self.close()
        why = {
            "timeout": f"it took longer than {seconds:g} s",
            "ended": "the process ended without an answer, as for lack of memory",
            "flood": f"it gave more than {self._limits.output_bytes:,} bytes",
        }
        return Reply(outcome=outcome, error=why[outcome])

    def _transfer(self, sent: bytes, received: bytearray, deadline: int) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        left = memoryview(sent)
        while not received.endswith(b"\n"):
            wait = max(0.0, (deadline - now_ns()) / 1e9)
            readable, writable, _ = select.select([stdout], [stdin] if left else [], [], wait)
            if not readable and not writable:
                return "timeout"
            try:
                if readable:
                    received += (piece := os.read(stdout.fileno(), _CHUNK))
                    if not piece:
                        return "ended"
                else:
                    left = left[os.write(stdin.fileno(), left[:_CHUNK]) :]
            except BrokenPipeError:
                return "ended"
            if len(received) > self._limits.output_bytes:
                return "flood"
        return "ok"


def once(job: dict[str, Any], limits: Limits, *, confined: bool = False) -> Reply:
    """Run one job that nobody vouches for, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bakeoff-", ignore_cleanup_errors=True) as folder:
        try:
            worker = Worker(limits, folder=Path(folder), confined=confined)
        except OSError as error:
            return Reply(outcome="ended", error=f"no process could be started: {error.strerror}")
        try:
            return worker.ask(job)
        finally:
            worker.close()


def node(limits: Limits) -> list[str] | None:
    """Return the command of a server for JavaScript jobs, or None where there is no Node."""
    found = shutil.which("node")
    if found is None:
        return None
    # By its real name, as a confined process sees this file and no folder around it.
    found = os.path.realpath(found)
    return [found, f"--max-old-space-size={limits.memory_mb}", str(_SCRIPTS / "serve.js")]


def _cannot(reason: str) -> str:
    return f"code of others cannot be confined on this machine ({reason})"


def _environment(*, confined: bool) -> dict[str, str]:
    """Return the little of the environment that programs need: keys and passwords stay here."""
    if confined:
        kept = {name: os.environ[name] for name in _KEPT_CONFINED if name in os.environ}
        # A library that takes memory for each processor would be over its limit on a large machine.
        return kept | {"HOME": _TMP, "TMPDIR": _TMP, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return {
        name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_STARTS)
    }
