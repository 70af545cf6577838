"""Where a call goes: origin, proxy, and the constant part of every request head."""

import base64
import urllib.request
from urllib.parse import unquote, urlsplit

import msgspec

from bakeoff.errors import UsageError
from bakeoff.records import Call

_DEFAULT_PORT = {"http": 80, "https": 443}


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP proxy; `authorization` is a ready header value."""

    host: str
    port: int
    authorization: str | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A base URL split for use, with the head lines that never change."""

    scheme: str
    host: str
    port: int
    base_path: str
    proxy: Proxy | None
    head: bytes

    @property
    def origin(self) -> tuple[str, str, int]:
        """Identify the server: connections are shared per origin."""
        return (self.scheme, self.host, self.port)

    @property
    def label(self) -> str:
        """Name the server in messages, without credentials."""
        return f"{self.scheme}://{_bracket(self.host)}:{self.port}"

    def encode(self, call: Call) -> bytes:
        """Return the bytes of the whole HTTP/1.1 request."""
        base = self.base_path.removesuffix("/v1") if call.at_root else self.base_path
        target = base + call.path
        if self.proxy is not None and self.scheme == "http":
            target = f"{self.label}{target}"
        lines = f"{call.method} {target} HTTP/1.1\r\n".encode("ascii") + self.head
        if call.headers:
            lines += _lines(call.headers)
        return b"%sContent-Length: %d\r\n\r\n%s" % (lines, len(call.body), call.body)


def make_route(url: str, *, headers: dict[str, str] | None = None, environ: bool = True) -> Route:
    """Split a base URL and freeze the constant head lines.

    Args:
        url: base URL such as `https://host:port/v1`.
        headers: sent with every call; may carry the key.
        environ: honour `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. Loopback is never proxied.

    Raises:
        UsageError: the URL is no http or https URL.
    """
    try:
        parts = urlsplit(url)
        asked = parts.port
    except ValueError as error:  # brackets that do not close, a port that is none
        raise _no_url(url) from error
    if parts.scheme not in _DEFAULT_PORT or not parts.hostname:
        raise _no_url(url)
    host = parts.hostname
    port = asked or _DEFAULT_PORT[parts.scheme]
    shown = _bracket(host) + ("" if port == _DEFAULT_PORT[parts.scheme] else f":{port}")
    proxy = _proxy_for(parts.scheme, host) if environ else None
    fixed = {"Host": shown, "User-Agent": "bakeoff", "Accept-Encoding": "identity"}
    if parts.username is not None:
        fixed["Authorization"] = _basic(parts.username, parts.password)
    fixed |= headers or {}
    fixed.setdefault("Content-Type", "application/json")
    if proxy is not None and proxy.authorization and parts.scheme == "http":
        fixed["Proxy-Authorization"] = proxy.authorization
    return Route(
        scheme=parts.scheme,
        host=host,
        port=port,
        base_path=parts.path.rstrip("/"),
        proxy=proxy,
        head=_lines(fixed),
    )


def _no_url(url: str) -> UsageError:
    return UsageError(f"`{url}` is no http or https URL", hint="write it as https://host[:port]/v1")


def _lines(headers: dict[str, str]) -> bytes:
    for name, value in headers.items():
        if any(c in "\r\n\0" for c in name + value):
            raise UsageError(
                f"the header `{name}` holds a line break", hint="remove it; look at the end of the key"
            )
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _basic(user: str, password: str | None) -> str:
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address stays on this machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _proxy_for(scheme: str, host: str) -> Proxy | None:
    if is_loopback(host) or urllib.request.proxy_bypass_environment(host):  # type: ignore[attr-defined]  # missing in typeshed
        return None
    proxies = urllib.request.getproxies_environment()
    url = proxies.get(scheme) or proxies.get("all")
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise UsageError(
            f"the proxy for {scheme} is not an http:// URL", hint=f"correct or unset {scheme.upper()}_PROXY"
        )
    auth = None if parts.username is None else _basic(parts.username, parts.password)
    return Proxy(host=parts.hostname, port=parts.port or 80, authorization=auth)
