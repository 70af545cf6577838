"""A truth server in a process of its own, so that a busy client does not disturb it."""

import contextlib
import http.client
import os
import selectors
import subprocess
import sys
from types import TracebackType
from typing import IO, Any, TypeVar

import msgspec

from bakeoff.errors import DeployError, UsageError
from bakeoff.testing.truth.records import TruthRecord, TruthSummary
from bakeoff.testing.truth.server import base_url
from bakeoff.testing.truth.settings import TruthSettings

_T = TypeVar("_T")
_START_SECONDS = 20
_STOP_SECONDS = 5


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """The first line that the process prints."""

    url: str
    port: int
    pid: int


class TruthProcess:
    """`with TruthProcess(settings, cpu=0) as server:` runs `python -m bakeoff.testing.truth`.

    The process ends with the `with` block, when its parent dies, or after `max_seconds`.

    Args:
        settings: how it answers.
        cpu: the core that it is pinned to, where the system can do that.
        max_seconds: its longest life.
    """

    def __init__(
        self, settings: TruthSettings | None = None, *, cpu: int | None = None, max_seconds: float = 600
    ) -> None:
        self._settings = settings or TruthSettings()
        self._cpu = cpu
        self._max_seconds = max_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._told = Announcement(url="", port=0, pid=0)

    def __enter__(self) -> "TruthProcess":
        """Start the process and wait until it listens."""
        command = [sys.executable, "-m", "bakeoff.testing.truth", "--stdin", "--parent", str(os.getpid())]
        command += ["--max-seconds", str(self._max_seconds)]
        if self._cpu is not None:
            command += ["--cpu", str(self._cpu)]
        self._process = process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  our own program
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with process.stdin as stdin:
                stdin.write(msgspec.json.encode(self._settings))
            self._told = msgspec.json.decode(_first_line(process.stdout), type=Announcement)
        except (OSError, msgspec.DecodeError) as error:
            self._stop()
            raise DeployError(
                "the truth server did not start", hint="its own message stands above"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._stop()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._told.pid

    @property
    def port(self) -> int:
        """Return the port."""
        return self._told.port

    @property
    def url(self) -> str:
        """Return the base URL of the API, with `/v1`."""
        return self._told.url

    def url_with(self, settings: str) -> str:
        """Return a base URL whose requests are answered by other settings: `ttft=50ms,itl=10ms`."""
        return base_url(self.port, settings)

    def truth(self) -> list[TruthRecord]:
        """Return the record of each request since start or reset."""
        return self._ask("GET", "/truth", list[TruthRecord])

    def summary(self) -> TruthSummary:
        """Return the figures over all requests."""
        return self._ask("GET", "/truth/summary", TruthSummary)

    def reset(self) -> None:
        """Forget the records."""
        self._ask("POST", "/truth/reset", dict[str, Any])

    def configure(self, settings: TruthSettings) -> None:
        """Change the settings for the requests that come from now on."""
        self._ask("POST", "/config", dict[str, Any], msgspec.json.encode(settings))

    def _ask(self, method: str, path: str, kind: type[_T], body: bytes | None = None) -> _T:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            data = answer.read()
        if answer.status != 200:
            raise UsageError(f"the truth server refused {method} {path}: {data.decode(errors='replace')}")
        return msgspec.json.decode(data, type=kind)

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _first_line(stdout: IO[bytes]) -> bytes:
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        return stdout.readline() if selector.select(_START_SECONDS) else b""
