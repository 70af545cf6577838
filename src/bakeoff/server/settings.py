"""What a server is told when it starts."""

from pathlib import Path

import msgspec

from bakeoff.records.units import Count, Seconds

DEFAULT_ENDPOINTS = ("http://127.0.0.1", "http://localhost", "http://[::1]")
DEFAULT_RATE = 6_000


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How one server works; its workers get the same.

    Attributes:
        data: folder of jobs and uploaded files, which server and workers share.
        database_url: where jobs, objects and keys are kept; an SQLite file in `data` by default.
        keys_required: refuse calls without an API key; false only on loopback.
        endpoints: origins (`https://host[:port]`) that runs, judges and webhooks may ask; one without a port
            stands for all its ports.
        secrets: names of environment variables that a spec may use as `${NAME}`.
        secret_files: a folder whose files are secrets by name, as Kubernetes mounts them.
        allow_code: run scripts that users send, in a sandbox.
        allow_deploy: let a job start model servers on this machine.
        workers: worker processes beside the server.
        lease: seconds after which the job of a silent worker is given to another one.
        most_attempts: how many workers may die over one job before it counts as failed.
        most_upload: bytes of one uploaded file.
        most_rows: rows of one data set or request.
        rate: calls per minute of one key; 0 for no limit. None is 6,000 where keys are required: more than
            any client needs that polls, and less than what the server can answer.
        mcp: offer the tools for agents at `/mcp`.
        wait: seconds that a call waits at most for a job that its dialect wants done at once.
    """

    data: Path
    database_url: str | None = None
    keys_required: bool = False
    endpoints: tuple[str, ...] = DEFAULT_ENDPOINTS
    secrets: tuple[str, ...] = ()
    secret_files: Path | None = None
    allow_code: bool = False
    allow_deploy: bool = False
    workers: int = 1
    lease: Seconds = 15.0
    most_attempts: Count = 20
    most_upload: Count = 100_000_000
    most_rows: Count = 1_000_000
    rate: int | None = None
    mcp: bool = False
    wait: Seconds = 600.0

    def for_others(self) -> "Settings":
        """Return the settings of a service that others than this machine's user call.

        Keys are required, and of the allowed origins those of this machine are left out unless one of them
        was asked for: its user reaches them anyway, but what listens there is not for those who call from
        elsewhere.
        """
        count = len(DEFAULT_ENDPOINTS)
        own = self.endpoints[:count] == DEFAULT_ENDPOINTS
        asked = self.endpoints[count:] if own else self.endpoints
        return msgspec.structs.replace(self, keys_required=True, endpoints=asked)

    def to_json(self) -> bytes:
        """Return the settings as one line for another process; they may hold a password."""
        return msgspec.json.encode(self, enc_hook=str)

    @classmethod
    def from_json(cls, line: bytes) -> "Settings":
        """Return what `to_json` wrote."""
        return msgspec.json.decode(line, type=cls, dec_hook=lambda kind, value: kind(value))

    @property
    def calls_a_minute(self) -> int:
        """Return how many calls a minute one key may send; 0 for any number."""
        if self.rate is not None:
            return self.rate
        return DEFAULT_RATE if self.keys_required else 0

    @property
    def url(self) -> str:
        """Return the database's URL for SQLAlchemy."""
        if self.database_url is None:
            return f"sqlite:///{(self.data / 'bakeoff.db').resolve()}"
        for scheme in ("postgresql://", "postgres://"):
            if self.database_url.startswith(scheme):
                return "postgresql+psycopg://" + self.database_url.removeprefix(scheme)
        return self.database_url

    @property
    def jobs(self) -> Path:
        """Return the folder of jobs."""
        return self.data / "jobs"

    @property
    def files(self) -> Path:
        """Return the folder of uploaded files."""
        return self.data / "files"
