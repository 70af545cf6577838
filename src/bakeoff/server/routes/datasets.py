"""Data sets: upload, versions, cards, rows."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from starlette.responses import FileResponse

from bakeoff.server.http.asking import Limit, Name, Offset, Version, json_answer, refusals
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService
from bakeoff.server.http.shown import Shape
from bakeoff.server.http.uploads import BODIES, Uploaded
from bakeoff.server.specs.datasets import card_of, delete_dataset, put_dataset, rows_of
from bakeoff.server.specs.references import DATASET
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso

ROUTER = APIRouter(prefix="/api/v1/datasets", tags=["datasets"], responses=refusals(404, 409, 422))
_TEXT = {"schema": {"type": "string"}}
_ROWS = {
    "type": "object",
    "required": ["rows"],
    "properties": {"rows": {"type": "array", "items": {"type": "object"}}},
    "additionalProperties": False,
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/jsonl": _TEXT,
            "text/csv": _TEXT,
            "text/plain": _TEXT,
            "application/json": {"schema": _ROWS},
            "multipart/form-data": BODIES["multipart/form-data"],
        },
    }
}


class DatasetShown(Shape):
    """One version of a data set; lists leave the card out.

    The card says what a reader of scores on it must know: fields, duplicates, balance, warnings.
    """

    name: str
    object: str = "dataset"
    version: int
    latest: bool
    format: str
    rows: int | None
    bytes: int | None
    sha256: str | None
    owner: str
    created_at: str | None
    card: dict[str, Any] | None = None


class DatasetList(Shape):
    """A page of data sets, or of versions of one, oldest first."""

    object: str = "list"
    data: list[DatasetShown]
    next_offset: int | None = None


@ROUTER.put(
    "/{name}",
    summary="Upload a data set, or a version of it",
    responses={201: {"description": "a new version"}, **refusals(413)},
    openapi_extra=_BODY,
)
def put(
    name: Name,
    service: TheService,
    caller: Runner,
    given: Uploaded,
    response: Response,
    kind: Annotated[
        Literal["jsonl", "csv", "text"] | None,
        Query(alias="format", description="by type or name if left out"),
    ] = None,
) -> DatasetShown:
    """Read all rows, and keep them as a version (201); content of the latest one changes nothing (200)."""
    thing, new = put_dataset(service, name, given, caller, kind)
    response.status_code = 201 if new else 200
    return DatasetShown(**_facts(thing), card=card_of(service, thing))


@ROUTER.get("", summary="List data sets")
def list_datasets(service: TheService, caller: Reader, limit: Limit = 100, offset: Offset = 0) -> DatasetList:
    """Return a page of the project's data sets in their latest versions."""
    found = service.objects.all(DATASET, project=caller.project, limit=limit + 1, offset=offset)
    more = offset + limit if len(found) > limit else None
    return DatasetList(data=[_shown(each) for each in found[:limit]], next_offset=more)


@ROUTER.get("/{name}", summary="A data set with its card")
def get(name: Name, service: TheService, caller: Reader, version: Version = None) -> DatasetShown:
    """Return a version of a data set, the latest by default."""
    thing = service.objects.get(DATASET, name, project=caller.project, version=version)
    return DatasetShown(**_facts(thing), card=card_of(service, thing))


@ROUTER.get("/{name}/versions", summary="Versions of a data set")
def versions(name: Name, service: TheService, caller: Reader) -> DatasetList:
    """Return all versions of a data set, oldest first."""
    service.objects.get(DATASET, name, project=caller.project)
    found = service.objects.versions(DATASET, name, project=caller.project)
    return DatasetList(data=[_shown(each) for each in found])


@ROUTER.get("/{name}/rows", summary="Rows of a data set")
def rows(
    name: Name,
    service: TheService,
    caller: Reader,
    version: Version = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """Return a page of rows in their order, each with its line in the file."""
    thing = service.objects.get(DATASET, name, project=caller.project, version=version)
    found = rows_of(service, thing, offset=offset, limit=limit + 1)
    data = [{"line": each.line, "fields": each.fields} for each in found[:limit]]
    more = offset + limit if len(found) > limit else None
    return json_answer({"object": "list", "data": data, "next_offset": more})


@ROUTER.get("/{name}/content", summary="Download a data set", response_class=FileResponse)
def content(name: Name, service: TheService, caller: Reader, version: Version = None) -> Response:
    """Return the file as it was uploaded."""
    thing = service.objects.get(DATASET, name, project=caller.project, version=version)
    path = service.files.path(thing.body["file"], project=caller.project)
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=f"{thing.name}-v{thing.version}.{thing.body['format']}",
        headers={"X-Content-Type-Options": "nosniff"},
    )


@ROUTER.delete("/{name}", status_code=204, summary="Forget a data set")
def delete(name: Name, service: TheService, caller: Manager) -> Response:
    """Forget a data set with all its versions; runs keep the copies that they were submitted with."""
    delete_dataset(service, name, caller)
    return Response(status_code=204)


def _facts(thing: Thing) -> dict[str, Any]:
    return {
        "name": thing.name,
        "version": thing.version,
        "latest": thing.latest,
        "format": thing.body["format"],
        "rows": thing.body.get("rows"),
        "bytes": thing.body.get("bytes"),
        "sha256": thing.body.get("sha256"),
        "owner": thing.owner,
        "created_at": iso(thing.created_at),
    }


def _shown(thing: Thing) -> DatasetShown:
    return DatasetShown(**_facts(thing))
