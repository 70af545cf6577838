"""HTTP to one service: the key stays with its host, and what may be sent twice is sent again."""

import http.client
import random
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

import msgspec

from bakeoff import __version__
from bakeoff.client.errors import CallError
from bakeoff.errors import UsageError

JSON = "application/json"
_AGAIN = frozenset({429, 502, 503, 504})
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 30.0
_PORTS = {"http": 80, "https": 443}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the API.

    Attributes:
        path: below the service's address.
        query: None values are left out; lists are repeated.
        again: it may be sent twice without harm.
    """

    method: str = "GET"
    path: str
    query: Mapping[str, object] = {}
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    again: bool = True


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back; `headers` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def read(self, kind: Any = Any) -> Any:  # noqa: ANN401  the caller names the type
        """Return the body as a record of a type.

        Raises:
            CallError: it is none.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CallError(
                f"the answer is not what a bakeoff service says: {error}",
                status=self.status,
                hint="is this the address of a service, and of the same version?",
            ) from None


class Connection:
    """Sends calls to one service."""

    def __init__(self, url: str, key: str | None, *, timeout: float, retries: int) -> None:
        """Speak to the service at `url`, with `retries` further tries of what may be sent twice."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UsageError(f"`{url}` is no address of a service", hint="write `http://HOST:PORT`")
        self.url = url.rstrip("/")
        self._key = key
        self._timeout = timeout
        self._retries = retries
        self._opener = _opener(parts.hostname)

    def send(self, call: Call) -> Answer:
        """Send a call and return its answer.

        Raises:
            CallError: it was refused, or nobody answered.
        """
        tries = 1 + (self._retries if call.again else 0)
        for attempt in range(1, tries + 1):
            try:
                with self._opened(call) as found:
                    headers = {name.lower(): value for name, value in found.headers.items()}
                    return Answer(status=found.status, headers=headers, body=found.read())
            except HTTPError as error:
                with error:
                    answered = self._refusal(error)
                if call.method == "DELETE" and error.code == 404 and attempt > 1:
                    return Answer(status=204, headers={}, body=b"")
                if error.code not in _AGAIN or attempt == tries:
                    raise answered from None
                _pause(attempt, error.headers.get("Retry-After"))
            except (OSError, http.client.HTTPException) as error:
                if attempt == tries:
                    raise self._silent(error) from None
                _pause(attempt, None)
        raise AssertionError("the last try returns or raises")

    def lines(self, call: Call) -> Iterator[str]:
        """Yield the lines of an answer as they come.

        Raises:
            CallError: it was refused, or broke off.
        """
        try:
            with self._opened(call) as found:
                for line in found:
                    yield line.decode("utf-8", "replace").rstrip("\r\n")
        except HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from None

    def _opened(self, call: Call) -> Any:  # noqa: ANN401  a response of the standard library
        query = {name: value for name, value in call.query.items() if value is not None}
        address = f"{self.url}{call.path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        headers = {"Accept": JSON, "User-Agent": f"bakeoff/{__version__}", **call.headers}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        request = Request(address, data=call.body, method=call.method, headers=headers)  # noqa: S310  checked above
        return self._opener.open(request, timeout=self._timeout)

    def _silent(self, error: Exception) -> CallError:
        reason = error.reason if isinstance(error, URLError) else error
        return CallError(
            f"no answer from {self.url}: {reason or type(error).__name__}", hint=_hint(self.url, reason)
        )

    def _refusal(self, error: HTTPError) -> CallError:
        told = _told(error)
        if error.code == 401:
            told.hint = (
                "`export BAKEOFF_KEY=…`, a key of this service; there, `bakeoff access create NAME` makes one"
                if self._key is None
                else "is the key in BAKEOFF_KEY, or given as `key`, one of this service, and still good?"
            )
        return told


class _SameHost(HTTPRedirectHandler):
    """Follows a redirect on the same host alone: the key is for nobody else."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,  # noqa: ANN401  as above
        newurl: str,
    ) -> Request | None:
        """Return the request to follow.

        Raises:
            CallError: it leads elsewhere.
        """
        if _origin(req.full_url) != _origin(newurl):
            fp.close()
            raise CallError(
                f"the service sends its callers to {newurl}",
                status=code,
                hint="give that address if you trust it; the key was not sent there",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(host: str) -> OpenerDirector:
    # What runs on this machine is behind no proxy.
    near = host in {"localhost", "::1"} or host.startswith("127.")
    return build_opener(_SameHost(), *([ProxyHandler({})] if near else []))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _hint(url: str, reason: object) -> str:
    """Return what to do about a service that did not answer."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            "if you trust its certificate, name it or its authority: `export SSL_CERT_FILE=FILE.pem`; "
            "the address must have a name that stands in it"
        )
    if isinstance(reason, ssl.SSLError):
        return "the service does not speak TLS there: write `http://`, or the port that does"
    if url.startswith("http:") and isinstance(reason, (ConnectionResetError, http.client.BadStatusLine)):
        return "does the service speak TLS there? then write `https://`"
    return "is the service running there? `bakeoff serve` starts one"


def _told(error: HTTPError) -> CallError:
    """Return what a service said of a call that it did not answer."""
    body = error.read()
    try:
        told = msgspec.json.decode(body, type=_Body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = " ".join(body[:300].decode("utf-8", "replace").split())
        return CallError(f"HTTP {error.code}: {said or error.reason}", status=error.code)
    return CallError(told.message, status=error.code, kind=told.kind, hint=told.hint, where=_where(told))


class _Said(msgspec.Struct, frozen=True):
    message: str
    kind: str = ""
    where: str = ""
    hint: str = ""


class _Body(msgspec.Struct, frozen=True):
    error: _Said


def _where(told: _Said) -> str:
    return "" if told.message.startswith(told.where) else told.where


def _pause(attempt: int, told: str | None) -> None:
    """Wait before the next try: as long as the service said, else longer each time."""
    seconds = _FIRST_PAUSE_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
    if told is not None and told.isdecimal():
        seconds = float(told)
    time.sleep(min(seconds, _LONGEST_PAUSE_S))
