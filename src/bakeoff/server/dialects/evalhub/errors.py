"""Errors in the form that EvalHub clients expect: a code for programs, a message for people, a trace."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from bakeoff.errors import BakeoffError, UsageError
from bakeoff.server.faults import InvalidError, MissingError, NotOfferedError, ServiceError, TooSlowError

_CODES = {
    400: "request_validation_failed",
    401: "unauthorized",
    403: "forbidden",
    404: "resource_not_found",
    405: "method_not_allowed",
    409: "job_can_not_be_updated",
    413: "request_too_large",
    429: "too_many_requests",
    503: "service_unavailable",
}
_KINDS = {"job": "evaluation job", "evalhub.provider": "provider", "evalhub.collection": "collection"}
_NOT_JSON = frozenset({"json_invalid", "list_type", "dict_type", "model_attributes_type", "model_type"})
_FOLDER = re.compile(r"[^\s`:]*/bakeoff-check-[A-Za-z0-9_]+/?")


class HubError(ServiceError):
    """A call that is refused with a code of EvalHub's own."""

    def __init__(self, code: str, message: str, *, status: int = 400, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


def error_answer(error: BakeoffError, *, trace: str) -> tuple[int, dict[str, object]]:
    """Return status and body of an error; 5xx is for failures of the service, for clients retry those."""
    code, message = _told(error)
    return _status(error), {"message_code": code, "message": message, "trace": trace}


def invalid(error: ValidationError) -> InvalidError:
    """Return what is wrong with values that came out of a patch."""
    return InvalidError(
        [
            {"loc": ["body", *each["loc"]], "msg": each["msg"], "type": each["type"]}
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    )


def _status(error: BakeoffError) -> int:
    if isinstance(error, InvalidError | NotOfferedError) or not isinstance(error, ServiceError):
        return 400
    return 409 if isinstance(error, TooSlowError) else error.status


def _told(error: BakeoffError) -> tuple[str, str]:
    if isinstance(error, HubError):
        return error.code, _with_hint(error.message, error.hint)
    if isinstance(error, InvalidError):
        return _invalid(error.problems)
    if isinstance(error, MissingError):
        kind = _KINDS.get(error.kind, error.kind)
        return "resource_not_found", f"The {kind} resource '{error.name}' was not found."
    if isinstance(error, NotOfferedError):
        return "not_supported", _with_hint(error.message, error.hint)
    if isinstance(error, UsageError):
        text = str(error).replace("\nhint:", " hint:")
        return "request_validation_failed", _FOLDER.sub("", text)
    return _CODES.get(_status(error), "internal_server_error"), _with_hint(error.message, error.hint)


def _invalid(problems: Sequence[Mapping[str, object]]) -> tuple[str, str]:
    """Return code and message of a call that does not have the right form, all mistakes in one message."""
    where = [list(cast("Sequence[Any]", each.get("loc") or ())) for each in problems]
    first = str(where[0][0]) if where and where[0] else ""
    if first == "query":
        return _query(problems, where)
    kinds = [(len(path), each["type"]) for path, each in zip(where, problems, strict=True)]
    if any(kind == "json_invalid" or (depth == 1 and kind in _NOT_JSON) for depth, kind in kinds):
        return "invalid_json_request", f"The request JSON is invalid: {problems[0]['msg']}"
    told = "; ".join(
        f"{'.'.join(map(str, path[1:])) or 'body'}: {each['msg']}"
        for path, each in zip(where, problems, strict=True)
    )
    return "request_validation_failed", f"The request validation failed: {told}"


def _query(problems: Sequence[Mapping[str, object]], where: list[list[Any]]) -> tuple[str, str]:
    name = where[0][-1]
    if problems[0]["type"] == "extra_forbidden":
        return "query_bad_parameter", f"The parameter '{name}' is not a valid query parameter."
    return "query_parameter_invalid", f"The query parameter '{name}' is invalid: {problems[0]['msg']}"


def _with_hint(message: str, hint: str) -> str:
    return f"{message}; {hint}" if hint else message
