"""Whether a call to a server without keys comes from this machine's user, and not from a page in a browser.

A web page may send requests to a loopback port, and by a name of its own that resolves to it. So the host
that the call names must be loopback, and what a browser says of where it comes from must be this server.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request

from bakeoff.server.faults import ForbiddenError, PlainError

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SIMPLE = frozenset({"text/plain", "application/x-www-form-urlencoded"})
"""What a page may POST anywhere without the browser asking first. It may a form with files too, but says then
where it comes from."""
_HINT = "programs on this machine need no key; others do: bakeoff serve --require-keys"


def check_local(request: Request) -> None:
    """Refuse what a web page of somebody else could have a browser send.

    Raises:
        PlainError: the host is no name of this machine.
        ForbiddenError: the call comes from another origin.
    """
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or not _is_here(hosts[0]):
        raise PlainError(421, f"a server without keys is called by its loopback name only ({_HINT})")
    for origin in request.headers.getlist("origin"):
        if _netloc(origin) != hosts[0].lower():
            raise ForbiddenError("a server without keys takes no calls from other origins", hint=_HINT)
    if request.method in _READS:
        return
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise ForbiddenError("a server without keys takes no calls from other sites", hint=_HINT)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind in _SIMPLE:
        raise ForbiddenError(
            f"a server without keys takes no body of the type `{kind}`",
            hint="send `Content-Type: application/json`",
        )


def _is_here(host: str) -> bool:
    """Tell whether a `Host` header names loopback: `localhost`, or an address that is."""
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.netloc != host or "@" in host or name is None:
        return False
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _netloc(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in {"http", "https"} else None
