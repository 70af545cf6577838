"""`bakeoff serve`: the application on a port, with its workers beside it."""

import gc
import signal
import socket
import types
from pathlib import Path

import msgspec
import uvicorn

from bakeoff.errors import UsageError
from bakeoff.server.http.app import create_app
from bakeoff.server.http.connections import BoundedProtocol
from bakeoff.server.logs import log
from bakeoff.server.service import Service
from bakeoff.server.settings import DEFAULT_ENDPOINTS, Settings
from bakeoff.server.workers.processes import Workers
from bakeoff.wire.route import is_loopback

_GRACE_S = 10


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens, and with which certificate."""

    host: str = "127.0.0.1"
    port: int = 8600
    certificate: Path | None = None
    private_key: Path | None = None


def serve(settings: Settings, place: Place) -> None:
    """Serve until told to stop; workers give back their jobs then.

    Raises:
        UsageError: others than this machine could call without a key, or the port is taken.
    """
    if not is_loopback(place.host):
        settings = msgspec.structs.replace(settings, keys_required=True, endpoints=_without_own(settings))
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
        uvicorn.Server(config).run()
    finally:
        workers.stop()
        log("stopped")


def _without_own(settings: Settings) -> tuple[str, ...]:
    """Return the allowed origins but those of this machine, unless one of them was asked for.

    On loopback its user reaches them anyway. What listens there is not for those who call from elsewhere.
    """
    count = len(DEFAULT_ENDPOINTS)
    own = settings.endpoints[:count] == DEFAULT_ENDPOINTS
    return settings.endpoints[count:] if own else settings.endpoints


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
