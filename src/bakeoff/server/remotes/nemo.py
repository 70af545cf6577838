"""A NeMo Evaluator server as a client sees it: register, submit, look, cancel, fetch. It keeps nothing."""

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from typing import Annotated, Any, cast
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta

from bakeoff.server.endpoints import check_endpoint
from bakeoff.server.faults import RefusedError
from bakeoff.server.outgoing import opener
from bakeoff.server.remotes.faults import RemoteError
from bakeoff.server.secret_values import REFERENCE

Body = dict[str, Any]
MARK = "bakeoff_job"
"""The custom field by which a job is found again whose submission was not answered."""
_MOST_BYTES = 50_000_000
_MOST_WAIT_S = 5.0
_ROOT = "/v1/evaluation"


class Remote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a NeMo server is, and how it is asked.

    Attributes:
        url: without a path; its origin must be allowed.
        api_key: `${NAME}` of a secret of this server, sent as a bearer token.
        namespace: of the configurations that are registered there.
        timeout: seconds for one call.
        attempts: tries of a call that may be tried again.
        patience: seconds for which a server that does not take a job is asked again, a submission without an
            answer is looked for, and the end of a cancelled job is waited for.
    """

    url: Annotated[str, Meta(min_length=1, max_length=2000)]
    api_key: Annotated[str, Meta(pattern=f"^{REFERENCE.pattern}$")] | None = None
    namespace: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")] = "bakeoff"
    timeout: Annotated[float, Meta(gt=0, le=60)] = 10.0
    attempts: Annotated[int, Meta(ge=1, le=5)] = 3
    patience: Annotated[float, Meta(gt=0, le=3600)] = 120.0


class RemoteState(msgspec.Struct, frozen=True, kw_only=True):
    """How a remote job is; short answers are read with defaults."""

    id: str
    status: str = "unknown"
    status_details: Body | None = None


class NemoServer:
    """Calls a NeMo Evaluator server. Blocking; every call ends within its timeouts."""

    def __init__(self, remote: Remote, *, endpoints: Iterable[str], secrets: Mapping[str, str]) -> None:
        """Check address and key.

        Args:
            remote: the server.
            endpoints: origins that may be asked.
            secrets: by name.

        Raises:
            RefusedError: the address is not allowed, or the key is none of the secrets.
        """
        check_endpoint(remote.url, endpoints, where="remote.url")
        self._remote = remote
        self._key: str | None = None
        if remote.api_key is not None:
            name = remote.api_key[2:-1]
            self._key = secrets.get(name)
            if self._key is None:
                raise RefusedError(
                    f"remote.api_key: this server offers no variable `{name}`",
                    hint="whoever runs it can offer one with `bakeoff serve --secret NAME`",
                )

    @property
    def key(self) -> str | None:
        """Return the key that goes with each call."""
        return self._key

    def register(self, name: str, config: Mapping[str, Any]) -> str:
        """Store a configuration under a name of ours; again does no harm. Return `namespace/name`."""
        space = self._remote.namespace
        body = {**config, "namespace": space, "name": name}
        try:
            self._call("POST", "/configs", body, again=True)
        except RemoteError as error:
            if error.answered != 409:  # a try before this one was heard, and its answer lost
                raise
        return f"{space}/{name}"

    def submit(self, config: str, target: object, mark: str) -> RemoteState:
        """Create a job. It is asked for again only where the server surely has not created it.

        Raises:
            RemoteError: it did not say that it has; `maybe` tells whether it may have.
        """
        body = {"config": config, "target": target, "custom_fields": {MARK: mark}}
        for left in reversed(range(self._remote.attempts)):
            try:
                return self._state(self._call("POST", "/jobs", body))
            except RemoteError as error:
                if error.maybe:
                    with contextlib.suppress(RemoteError):
                        if (found := self.find(mark)) is not None:
                            return found
                if error.maybe or not error.passing or not left:
                    raise
                time.sleep(0.2 * (self._remote.attempts - left))
        raise AssertionError("unreachable")

    def find(self, mark: str) -> RemoteState | None:
        """Return the job that was created with a mark, None where there is none."""
        # Newest first: a server that ignores the filter lists the jobs of others, and not all of them.
        query = urlencode({f"filter[custom_fields][{MARK}]": mark, "sort": "-created_at", "page_size": 100})
        rows: Any = self._call("GET", f"/jobs?{query}").get("data")
        for row in cast("list[object]", rows) if isinstance(rows, list) else []:
            found = _mapping(row)
            if _mapping(found.get("custom_fields")).get(MARK) == mark:
                return self._state(found)
        return None

    def look(self, job: str) -> RemoteState:
        """Return how a job is."""
        return self._state(self._call("GET", f"/jobs/{quote(job, safe='')}"))

    def results(self, job: str) -> Body:
        """Return `{tasks, groups}` of a job."""
        found = self._call("GET", f"/jobs/{quote(job, safe='')}/results")
        return {"tasks": _mapping(found.get("tasks")), "groups": _mapping(found.get("groups"))}

    def cancel(self, job: str) -> None:
        """Ask a job to end; again does no harm."""
        self._call("POST", f"/jobs/{quote(job, safe='')}/cancel", {}, again=True)

    def forget(self, config: str) -> None:
        """Delete a configuration; one that is gone is no error."""
        try:
            self._call("DELETE", f"/configs/{quote(config)}", again=True)
        except RemoteError as error:
            if error.answered != 404:
                raise

    def _state(self, body: Body) -> RemoteState:
        try:
            return msgspec.convert(body, RemoteState)
        except msgspec.ValidationError as error:
            raise RemoteError(f"the NeMo server's answer is no job: {error}") from error

    def _call(self, method: str, path: str, body: object = None, *, again: bool = False) -> Body:
        """Return the JSON of an answer; only what does no harm twice is tried twice."""
        tries = self._remote.attempts if again or method == "GET" else 1
        for left in reversed(range(tries)):
            try:
                return self._once(method, path, body)
            except RemoteError as error:
                if not left or not error.passing:
                    raise
                time.sleep(min(_MOST_WAIT_S, 0.2 * 2 ** (tries - left - 1)))
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, body: object) -> Body:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None if body is None else msgspec.json.encode(body)
        url = self._remote.url.rstrip("/") + _ROOT + path
        request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310  an allowed origin
        try:
            with opener().open(request, timeout=self._remote.timeout) as answer:
                content: bytes = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(2000).decode("utf-8", "replace")
            raise RemoteError(
                f"the NeMo server answers {error.code} to {method} {path.partition('?')[0]}: {said[:500]}",
                answered=error.code,
            ) from error
        except (OSError, HTTPException) as error:
            reason: object = getattr(error, "reason", error)
            refused = isinstance(reason, ConnectionRefusedError)
            raise RemoteError(f"the NeMo server does not answer: {reason}", sent=not refused) from error
        return _read(content)


def _read(content: bytes) -> Body:
    if not content.strip():
        return {}
    if len(content) > _MOST_BYTES:
        raise RemoteError(f"the NeMo server's answer has more than {_MOST_BYTES:,} bytes")
    try:
        return _mapping(msgspec.json.decode(content))
    except msgspec.DecodeError as error:
        raise RemoteError(f"the NeMo server's answer is no JSON: {error}") from error


def _mapping(value: object) -> Body:
    return cast("Body", value) if isinstance(value, dict) else {}
