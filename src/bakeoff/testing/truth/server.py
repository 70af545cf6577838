"""A truth server within the running event loop, for tests that need no exact times."""

import asyncio
from types import TracebackType

from bakeoff.errors import UsageError
from bakeoff.testing.truth.app import App
from bakeoff.testing.truth.connection import Connection
from bakeoff.testing.truth.records import TruthRecord, TruthSummary
from bakeoff.testing.truth.settings import TruthSettings

_BACKLOG = 4096


class TruthServer:
    """`async with TruthServer(settings) as server:` listens on a free port of 127.0.0.1.

    A busy test loop delays its writes; `TruthProcess` has a process of its own.
    """

    def __init__(self, settings: TruthSettings | None = None, *, port: int = 0) -> None:
        self._settings = settings or TruthSettings()
        self._port = port
        self._app: App | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "TruthServer":
        """Start to listen."""
        loop = asyncio.get_running_loop()
        app = App(self._settings, loop)
        try:
            self._server = await loop.create_server(
                lambda: Connection(app), "127.0.0.1", self._port, backlog=_BACKLOG
            )
        except OSError as error:
            raise UsageError(f"cannot listen on 127.0.0.1:{self._port}: {error.strerror}") from error
        self._app = app
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        self.app.close()
        if self._server is not None:
            await self._server.wait_closed()

    @property
    def app(self) -> App:
        """Return the application, which exists while the server listens."""
        assert self._app is not None, "the server is not started"
        return self._app

    @property
    def port(self) -> int:
        """Return the port."""
        return self._port

    @property
    def url(self) -> str:
        """Return the base URL of the API, with `/v1`."""
        return self.url_with("")

    def url_with(self, settings: str) -> str:
        """Return a base URL whose requests are answered by other settings: `ttft=50ms,itl=10ms`."""
        return base_url(self._port, settings)

    def truth(self) -> list[TruthRecord]:
        """Return the record of each request since start or reset."""
        return self.app.recorder.records()

    def summary(self) -> TruthSummary:
        """Return the figures over all requests."""
        return self.app.recorder.summary()

    def reset(self) -> None:
        """Forget the records."""
        self.app.reset()

    def configure(self, settings: TruthSettings) -> None:
        """Change the settings for the requests that come from now on."""
        self.app.configure(settings)


def base_url(port: int, settings: str = "") -> str:
    """Return the base URL of the API on a port, optionally with settings in its path."""
    prefix = f"/~{settings}" if settings else ""
    return f"http://127.0.0.1:{port}{prefix}/v1"
