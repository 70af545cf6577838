"""What the routes of the EvalHub dialect share: where benchmarks are found, links of lists, refusals."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Path, Request
from pydantic import BaseModel

from bakeoff.server.access import Principal
from bakeoff.server.dialects.evalhub.native import Shelf
from bakeoff.server.dialects.evalhub.shown import Link
from bakeoff.server.service import Service

HERE = "/api/v1/evaluations"
Ident = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._:-]+$")]


class Refusal(BaseModel):
    """The body of an error; `trace` is the call's id, as in the header `X-Global-Transaction-Id`."""

    message_code: str
    message: str
    trace: str


_WHY = {
    400: "refused, with the reason",
    401: "no key, or one that is not known",
    403: "the key's role may not do this",
    404: "there is no such thing in the key's project",
    409: "the thing is in a state in which this cannot be done",
    413: "the body is too large",
    429: "too many calls",
    503: "the database does not answer",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": why} for status, why in _WHY.items()
}


def shelf_of(request: Request, service: Service, caller: Principal) -> Shelf:
    """Return where the caller's benchmarks are found."""
    lenders = getattr(request.app.state, "lenders", ())
    return Shelf(service=service, project=caller.project, lenders=lenders)


def links(kind: str, query: BaseModel, total: int) -> dict[str, Link]:
    """Return the links of a page of a list: to its first page, and to the next one where there is one."""
    asked: dict[str, Any] = query.model_dump(exclude_none=True, exclude_unset=True)
    limit, offset = getattr(query, "limit", 0), getattr(query, "offset", 0)

    def at(start: int) -> Link:
        shown = {**asked, "limit": limit, "offset": start}
        return Link(href=f"{HERE}/{kind}?{urlencode(shown)}")

    found = {"first": at(0)}
    if offset + limit < total:
        found["next"] = at(offset + limit)
    return found
