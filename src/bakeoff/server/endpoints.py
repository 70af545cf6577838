"""Which addresses the service may ask for its users: allowed origins, nothing else."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from bakeoff.server.faults import RefusedError

NOBODY = "http://nobody.invalid/v1"
"""The address of a model that is never asked, where a spec wants one; no such host can be registered."""
_PORTS = {"http": 80, "https": 443}


def allowed(url: str, origins: Iterable[str]) -> bool:
    """Tell whether a URL lies on an allowed origin; one without a port allows all ports of its host."""
    asked = _origin(url)
    if asked is None:
        return False
    for each in origins:
        origin = _origin(each)
        if origin is None or origin[:2] != asked[:2]:
            continue
        if origin[2] is None or origin[2] == (asked[2] or _PORTS[asked[0]]):
            return True
    return False


def is_origin(text: str) -> bool:
    """Tell whether a text can stand on the list: `https://host[:port]`."""
    return _origin(text) is not None


def check_endpoint(url: str, origins: Iterable[str], *, where: str) -> None:
    """Refuse an address that is not allowed.

    Raises:
        RefusedError: it is not on the list.
    """
    if url != NOBODY and not allowed(url, origins):
        raise RefusedError(
            f"{where}: this server may not ask `{url}`",
            hint="whoever runs it can allow the address with `bakeoff serve --allow-endpoint ORIGIN`",
        )


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        return None
    # `user@host` and the like make one host look like another, and readers of URLs differ over the rest.
    # Other spellings of an address (0x7f000001, a dot at the end) are other texts, and so not on the list.
    if not url.isascii() or not url.isprintable() or any(mark in url for mark in " \\") or "#" in url:
        return None
    if "@" in parts.netloc or "%" in parts.netloc:
        return None
    return parts.scheme, parts.hostname.lower(), port
