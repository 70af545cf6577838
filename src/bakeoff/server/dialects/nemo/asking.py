"""Parts of calls that several routes of the dialect share."""

from typing import Annotated, Any

from fastapi import Body, Header, Path

_TEXT = r"^[^\x00-\x1f]+$"
Namespace = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/]+$")]
EntityName = Annotated[str, Path(min_length=1, max_length=200, pattern=_TEXT)]
Ident = Annotated[str, Path(min_length=1, max_length=200, pattern=_TEXT)]
JsonBody = Annotated[dict[str, Any], Body()]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, description="the same key gives the same job"),
]
Told = dict[str, Any]


def deleted(ident: str) -> Told:
    """Return what a deletion is answered with."""
    return {"message": "Resource deleted successfully.", "id": ident, "deleted_at": None}
