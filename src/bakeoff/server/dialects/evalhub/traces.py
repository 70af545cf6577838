"""The id of a call: EvalHub's clients may give it in a header, and find it in the answer's and in errors."""

import re

from starlette.requests import Request

HEADER = "X-Global-Transaction-Id"
_PATHS = ("/api/v1/evaluations", "/api/v1/health")
_GIVEN = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def is_ours(path: str) -> bool:
    """Tell whether a path is of this dialect."""
    return path.startswith(_PATHS)


def trace_of(request: Request) -> str:
    """Return the id that a client gave to its call, else the one that the service gave to it.

    What does not look like an id is not taken over: it would stand in logs and headers.
    """
    given = request.headers.get(HEADER, "")
    ident: str = request.scope.get("state", {}).get("request_id", "")
    return given if _GIVEN.fullmatch(given) else ident
