"""Bodies of calls: bounded in size and time, and JSON that every part of the service can hold."""

import asyncio
import hashlib
import re

import msgspec
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from bakeoff.server.faults import InvalidError, RefusedError, TooLargeError

_SLACK = 1_000_000
SILENCE_S = 60.0
_SMALL = 100_000
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_BODIES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def check_path(request: Request) -> None:
    """Refuse a path or a query with a character that no database takes.

    Raises:
        RefusedError: it holds one.
    """
    path, query = request.scope["path"], request.scope.get("query_string", b"")
    if "\0" in path or b"%00" in query or b"\0" in query:
        raise RefusedError("the address holds the character NUL")


def bounded(request: Request, receive: Receive, most: int) -> Receive:
    """Return a receive that stops a body over the limit, or one that does not come.

    Raises:
        TooLargeError: its head says already that it is over.
    """
    most += _SLACK
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most:
        raise TooLargeError(f"the body has {int(told):,} bytes; at most {most:,} are taken")
    taken, whole = 0, False

    async def taking() -> Message:
        nonlocal taken, whole
        if whole:
            # What comes after the body is that the client goes, in its own time.
            return await receive()
        try:
            async with asyncio.timeout(SILENCE_S):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, f"nothing came for {SILENCE_S:g} s") from error
        taken += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if taken > most:
            # The framework takes any other error here for a body that cannot be parsed.
            raise HTTPException(413, f"the body has more than {most:,} bytes")
        return message

    return taking


async def strict(request: Request, receive: Receive) -> Receive:
    """Read a JSON body and return a receive that gives it again; any other body is left alone.

    Raises:
        InvalidError: it is no JSON by the letter of the standard, or holds what no database takes.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method not in _BODIES or not (kind == "application/json" or kind.endswith("+json")):
        return receive
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            # The client is gone: the route finds out by itself.
            return _again([message], receive)
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(parts)
    request.scope["state"]["sent"] = sent_digest(request.method, request.scope["path"], body)
    if len(body) <= _SMALL:
        _check(body)
    else:
        await to_thread.run_sync(_check, body)
    return _again([{"type": "http.request", "body": body, "more_body": False}], receive)


def sent_digest(method: str, path: str, body: bytes) -> str:
    """Return a digest of a call as it was sent: the same call with the same key is no second job."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


def _check(body: bytes) -> None:
    if not body:
        return
    problem = ""
    try:
        msgspec.json.decode(body)
    except RecursionError:
        problem = "the JSON is nested too deeply"
    except (msgspec.DecodeError, ValueError) as error:
        # Of half a surrogate pair the decoder says that the data is truncated.
        problem = f"the body is no JSON that can be kept: {error}"
    if not problem and _NUL.search(body):
        problem = "a text holds the character NUL"
    if problem:
        raise InvalidError([{"loc": ["body"], "msg": problem, "type": "json_invalid"}])


def _again(messages: list[Message], receive: Receive) -> Receive:
    async def replayed() -> Message:
        return messages.pop(0) if messages else await receive()

    return replayed
