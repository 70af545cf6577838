"""What every body of the dialect shares: strict keys, bounded texts, pages, errors."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from bakeoff.server.faults import MissingError
from bakeoff.server.values import check_values

_T = TypeVar("_T")
_MOST_INT = 2**53

Name = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(max_length=1_000_000)]
Whole = Annotated[int, Field(ge=-_MOST_INT, le=_MOST_INT)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Ident = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]


class ErrorTold(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """An answer to a call that cannot be answered as asked."""

    error: ErrorTold


REFUSED: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorBody, "description": "what is wrong"}}


class Body(BaseModel):
    """A body; an unknown key is a mistake, not a wish that is ignored, and `true` is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _can_be_kept(value: object) -> object:
    check_values(value)
    return value


KEPT = BeforeValidator(_can_be_kept)
"""Refuses a body with what no database takes."""


class Page(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str | None, Query(max_length=100, pattern=r"^[A-Za-z0-9._-]*$")] = None
    limit: Annotated[int, Query(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "asc"


def paged(things: Sequence[_T], page: Page, *, ident: Callable[[_T], str]) -> tuple[list[_T], bool]:
    """Return the things after `page.after` in their order, and whether more follow.

    Raises:
        MissingError: there is nothing of that id.
    """
    start = 0
    if page.after:
        places = [at for at, thing in enumerate(things) if ident(thing) == page.after]
        if not places:
            raise MissingError("`after`", page.after)
        start = places[0] + 1
    end = start + page.limit
    return list(things[start:end]), end < len(things)


def one_of(*names: str) -> AfterValidator:
    """Return what refuses a text that is none of some names, by its name."""

    def checked(value: str) -> str:
        if value not in names:
            raise ValueError(f"`{value[:80]}` is not offered; known: {', '.join(names)}")
        return value

    return AfterValidator(checked)


def listed(*names: str) -> WithJsonSchema:
    """Return how the choice of some names is told in OpenAPI."""
    return WithJsonSchema({"type": "string", "enum": [*names]})
