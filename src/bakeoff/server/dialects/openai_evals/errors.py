"""Errors in the form that OpenAI Evals clients expect: `{error: {message, type, param, code}}`."""

from collections.abc import Sequence
from typing import cast

import msgspec

from bakeoff.errors import BakeoffError, UsageError
from bakeoff.server.faults import InvalidError, MissingError, NotOfferedError, ServiceError

_CODES = {
    401: "invalid_api_key",
    403: "insufficient_permissions",
    404: "not_found",
    409: "conflict",
    413: "too_large",
    429: "rate_limit_exceeded",
}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_TAGS = frozenset(
    {"string_check", "text_similarity", "score_model", "label_model", "python", "custom", "jsonl"}
    | {"completions", "responses", "file_id", "file_content", "template", "item_reference"}
)
"""Kinds of things in our bodies: they stand in the place of a mistake, and are no key of the body."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


def error_answer(error: BakeoffError) -> tuple[int, dict[str, object]]:
    """Return status and body of an error; what is wrong with a request is always 400."""
    status = _status(error)
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    code = "not_offered" if isinstance(error, NotOfferedError) else _CODES.get(status)
    if isinstance(error, MissingError) and error.kind == "target":
        code = "model_not_found"
    told = Told(message=_message(error), type=kind, param=_param(error), code=code)
    return status, {"error": msgspec.to_builtins(told)}


def _status(error: BakeoffError) -> int:
    if isinstance(error, InvalidError | NotOfferedError | UsageError):
        return 400
    return error.status if isinstance(error, ServiceError) else 500


def _message(error: BakeoffError) -> str:
    if isinstance(error, InvalidError):
        return "; ".join(f"{_place(_loc(each))}: {each['msg']}" for each in error.problems) or "invalid"
    text = str(error).partition("\nhint:")[0] if isinstance(error, UsageError) else error.message
    return f"{text} ({error.hint})" if error.hint else text


def _param(error: BakeoffError) -> str | None:
    if isinstance(error, InvalidError) and error.problems:
        return _place(_loc(error.problems[0])) or None
    return error.where or None


def _loc(problem: dict[str, object]) -> Sequence[object]:
    found = problem.get("loc")
    return cast("Sequence[object]", found) if isinstance(found, (list, tuple)) else ()


def _place(loc: Sequence[object]) -> str:
    """Return a place such as `testing_criteria[0].operation`."""
    text = ""
    for at, part in enumerate(loc):
        if at == 0 and part in {"body", "query", "path", "header"}:
            continue
        if part in _TAGS and at and loc[at - 1] != "properties":
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
