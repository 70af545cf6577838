"""Parts of calls that several routes of our own API share."""

from typing import Annotated, Any

import msgspec
from fastapi import Path, Query, Response
from pydantic import BaseModel

NAMES = r"^[A-Za-z0-9_][A-Za-z0-9._:-]*$"
Name = Annotated[str, Path(min_length=1, max_length=200, pattern=NAMES)]
Ident = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="the latest by default")]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]
Limit = Annotated[int, Query(ge=1, le=1000)]

_ENCODER = msgspec.json.Encoder(decimal_format="string")


def json_answer(value: Any, status: int = 200) -> Response:  # noqa: ANN401  whatever JSON can say
    """Return records as an answer, without a detour over models."""
    return Response(_ENCODER.encode(value), status_code=status, media_type="application/json")


def as_json(shape: BaseModel) -> Response:
    """Return a shape as an answer, made in this thread: those of coroutines are made on the event loop."""
    return Response(shape.model_dump_json(by_alias=True), media_type="application/json")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of errors."""
    known = {
        400: "refused, with the reason",
        401: "no key, or none that is known",
        403: "the role may not do this",
        404: "there is no such thing in this project",
        409: "not in this state",
        413: "over a limit",
        422: "a mistake, with its place",
        429: "too many calls",
    }
    form = {"type": "object", "properties": {"error": {"type": "object"}}, "required": ["error"]}
    return {
        status: {"description": known[status], "content": {"application/json": {"schema": form}}}
        for status in (400, 401, 403, 429, *statuses)
    }
