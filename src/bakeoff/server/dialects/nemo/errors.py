"""Errors in the form that NeMo Evaluator clients expect: `{"detail": …}`."""

from typing import Any

from bakeoff.errors import BakeoffError, SpecErrorGroup, UsageError
from bakeoff.server.faults import InvalidError, ServiceError


def error_answer(error: BakeoffError) -> tuple[int, dict[str, object]]:
    """Return status and body of an error: a list of places for a mistake in the body, else a text."""
    if isinstance(error, InvalidError):
        return error.status, {"detail": error.problems}
    if isinstance(error, SpecErrorGroup):
        return 422, {"detail": [_place(each) for each in error.errors]}
    text = f"{error.where}: {error.message}" if error.where else error.message
    if error.hint and error.hint not in text:
        text += f" ({error.hint})"
    if isinstance(error, ServiceError):
        return error.status, {"detail": text}
    if isinstance(error, UsageError):
        return 422, {"detail": [_place(error)]}
    return 500, {"detail": text}


def _place(error: BakeoffError) -> dict[str, object]:
    text = f"{error.message} ({error.hint})" if error.hint else error.message
    return {"loc": ["body"], "msg": text, "type": "value_error"}


_PLACE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        "msg": {"type": "string"},
        "type": {"type": "string"},
    },
    "required": ["loc", "msg", "type"],
}
_TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}
_PLACES: dict[str, Any] = {
    "type": "object",
    "properties": {"detail": {"type": "array", "items": _PLACE}},
    "required": ["detail"],
}
_KNOWN = {
    400: "refused, with the reason",
    401: "no key, or none that is known",
    403: "the role may not do this",
    404: "there is no such thing in this project",
    409: "not in this state, or there is one of this name",
    413: "over a limit",
    422: "a mistake in the body or the query, with its place",
    429: "too many calls",
    504: "it takes longer than a call may",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of errors."""
    return {
        status: {
            "description": _KNOWN[status],
            "content": {"application/json": {"schema": _PLACES if status == 422 else _TEXT}},
        }
        for status in (400, 401, 403, 413, 422, 429, *statuses)
    }
