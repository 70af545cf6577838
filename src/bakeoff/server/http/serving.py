"""`bakeoff serve`: the application on a port, with its workers beside it."""

import gc
import signal
import socket
import types
from pathlib import Path

import msgspec
import uvicorn

from bakeoff.errors import UsageError
from bakeoff.sandbox import confined
from bakeoff.server.ground import check_options
from bakeoff.server.http.app import create_app
from bakeoff.server.http.connections import BoundedProtocol
from bakeoff.server.http.reference import PATH as REFERENCE
from bakeoff.server.logs import log, take_over
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.server.workers.processes import Workers
from bakeoff.wire.route import is_loopback

_GRACE_S = 10


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens, and with which certificate."""

    host: str = "127.0.0.1"
    port: int = 8600
    certificate: Path | None = None
    private_key: Path | None = None


class _Server(uvicorn.Server):
    """Ends what waits or follows before it waits for calls in flight: these would not end by themselves."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where people look."""
        await super().startup(sockets)
        if self.started:
            host = self.config.host
            host = f"[{host}]" if ":" in host else host
            log(
                "ready",
                open=f"{'https' if self.config.is_ssl else 'http'}://{host}:{self.config.port}{REFERENCE}",
            )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in order."""
        self._service.waiting.stopping.set()
        await super().shutdown(sockets)


@confined()  # whatever runs code in this process runs that of its users
def serve(settings: Settings, place: Place) -> None:
    """Serve until told to stop; workers give back their jobs then.

    Raises:
        UsageError: others than this machine could call without a key, or the port is taken.
    """
    check_options(settings)
    if settings.keys_required or not is_loopback(place.host):
        # On loopback too: a proxy that brings others there hides that they come from elsewhere.
        settings = settings.for_others()
    service = Service(settings)
    if settings.keys_required and not service.keys.any():
        raise UsageError(
            f"a server on `{place.host}` needs API keys, and there is none",
            hint="make one: bakeoff access create NAME --role admin",
        )
    if not is_loopback(place.host) and place.certificate is None:
        log(
            "no_tls",
            host=place.host,
            hint="keys travel in the clear; put TLS before this port, or --tls-cert",
        )
    _check_port(place)
    workers = Workers(settings)
    take_over("uvicorn")
    config = uvicorn.Config(
        create_app(service),
        host=place.host,
        port=place.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=BoundedProtocol,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=place.certificate,
        ssl_keyfile=place.private_key,
    )
    log("serving", host=place.host, port=place.port, keys=settings.keys_required, workers=settings.workers)
    # uvicorn stops in order at a signal and then raises it again, which would end us before our workers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _go_on)
    # What is there now stays. Looking it all through again would hold every caller for a quarter of a second.
    gc.collect()
    gc.freeze()
    try:
        _Server(config, service).run()
    finally:
        workers.stop()
        log("stopped")


def _go_on(_number: int, _frame: types.FrameType | None) -> None:
    """Leave it to uvicorn."""


def _check_port(place: Place) -> None:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((place.host, place.port))
    except OSError as error:
        raise UsageError(
            f"cannot listen on {place.host}:{place.port}: {error.strerror}", hint="choose another --port"
        ) from error
