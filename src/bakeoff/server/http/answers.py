"""Errors as answers, each in the form of the dialect that was called."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import msgspec
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bakeoff.errors import BakeoffError, UsageError
from bakeoff.server.dialects import evalhub, llama_stack, nemo, openai_evals
from bakeoff.server.faults import (
    InvalidError,
    MistakesError,
    PlainError,
    Problem,
    ServiceError,
    TooManyError,
)
from bakeoff.server.http.methods import methods_of
from bakeoff.server.logs import log
from bakeoff.server.specs.problems import problem_of

ErrorAnswer = Callable[[BakeoffError], tuple[int, dict[str, object]]]
_OURS = ("/api/v1/", "/healthz", "/readyz", "/metrics", "/openapi", "/docs", "/redoc", "/mcp")
_MOST_PROBLEMS = 100
_KINDS = {404: "Missing", 405: "Method", 413: "TooLarge", 503: "Unavailable"}
"""What errors of the framework are called."""


class OwnError(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an error of our own API."""

    kind: str
    message: str
    where: str = ""
    hint: str = ""
    problems: list[dict[str, object]] = []


def own_answer(error: BakeoffError) -> tuple[int, dict[str, object]]:
    """Return status and body of an error of our own API."""
    status = (
        error.status if isinstance(error, ServiceError) else 422 if isinstance(error, UsageError) else 500
    )
    told = OwnError(
        kind=_kind(error),
        message=_message(error),
        where=error.where,
        hint=error.hint,
        problems=_problems(error),
    )
    return status, {"error": msgspec.to_builtins(told)}


def _kind(error: BakeoffError) -> str:
    if isinstance(error, PlainError):
        return _KINDS.get(error.status, "Refused" if error.status < 500 else "Internal")
    return type(error).__name__.removesuffix("Error")


def _message(error: BakeoffError) -> str:
    if isinstance(error, UsageError):
        each: Sequence[BakeoffError] = getattr(error, "errors", (error,))
        return "\n".join(str(one).partition("\nhint:")[0] for one in each)
    return error.message


def _problems(error: BakeoffError) -> list[dict[str, object]]:
    if isinstance(error, InvalidError):
        return error.problems
    found: list[Problem] = []
    if isinstance(error, MistakesError):
        found = error.problems
    elif isinstance(error, UsageError):
        found = [problem_of(each) for each in getattr(error, "errors", (error,))]
    return [cast("dict[str, object]", msgspec.to_builtins(each)) for each in found]


def dialect_of(request: Request) -> ErrorAnswer:
    """Return how errors look at the path of a call."""
    path: str = request.scope["path"]
    if evalhub.is_ours(path):
        return partial(evalhub.error_answer, trace=evalhub.trace_of(request))
    if path.startswith(_OURS):
        return own_answer
    if path.startswith(("/v1/evaluation/", "/v2/evaluation/", "/health")):
        return nemo.error_answer
    if path.startswith(("/v1/evals", "/v1/files", "/evals", "/files")):
        return openai_evals.error_answer
    return llama_stack.error_answer if path.startswith("/v1") else own_answer


def answer(request: Request, error: Exception) -> Response:
    """Return the answer to a call that failed; what nobody expected tells nothing but its request's id."""
    known = _known(request, error)
    status, body = dialect_of(request)(known)
    headers: dict[str, str] = {}
    if isinstance(known, TooManyError):
        headers["Retry-After"] = str(max(1, round(known.after)))
    if status == 409:
        # Clients of this family try a conflict again, which changes nothing.
        headers["x-should-retry"] = "false"
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, HTTPException) and error.headers:
        headers |= error.headers
        if "Allow" in headers:
            headers["Allow"] = ", ".join(methods_of(request))
    return JSONResponse(body, status_code=status, headers=headers)


def _known(request: Request, error: Exception) -> BakeoffError:
    if isinstance(error, RequestValidationError):
        # A short body can have very many mistakes; nobody reads them all.
        told = error.errors()[:_MOST_PROBLEMS]
        return InvalidError(
            [{"loc": list(each["loc"]), "msg": each["msg"], "type": each["type"]} for each in told]
        )
    if isinstance(error, HTTPException):
        return PlainError(error.status_code, str(error.detail))
    if isinstance(error, BakeoffError):
        return error
    if isinstance(error, (DataError, UnicodeEncodeError)):
        # The last fence: what no database takes, such as NUL, half a character or a number without end.
        return PlainError(400, "a value cannot be stored: it is too large, or no plain text")
    ident = request.scope.get("state", {}).get("request_id", "")
    log("error", request=ident, path=request.scope["path"], error=f"{type(error).__name__}: {error}"[:500])
    if isinstance(error, SQLAlchemyError):
        return PlainError(503, "the database does not answer; try again")
    return PlainError(500, f"Internal server error: An unexpected error occurred. (request {ident})")
