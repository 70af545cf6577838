"""Uploaded files, for whatever a spec or a dialect names."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.responses import FileResponse

from bakeoff.server.faults import ConflictError, RefusedError
from bakeoff.server.http.asking import Ident, Limit, refusals
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService
from bakeoff.server.http.shown import Shape
from bakeoff.server.http.uploads import BODIES, Uploaded
from bakeoff.server.specs.datasets import PURPOSE
from bakeoff.server.store.filestore import StoredFile
from bakeoff.server.times import iso

ROUTER = APIRouter(prefix="/api/v1/files", tags=["files"], responses=refusals(404, 409, 422))
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": BODIES}}
_WORD = r"^[A-Za-z0-9_.-]+$"


class FileShown(Shape):
    """An uploaded file."""

    id: str
    object: str = "file"
    name: str
    purpose: str
    bytes: int
    sha256: str
    owner: str
    created_at: str | None


class FileList(Shape):
    """The newest files of a project."""

    object: str = "list"
    data: list[FileShown]


@ROUTER.post("", status_code=201, summary="Upload a file", responses=refusals(413), openapi_extra=_BODY)
def upload(
    service: TheService,
    caller: Runner,
    given: Uploaded,
    name: Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")] = None,
    purpose: Annotated[str, Query(min_length=1, max_length=50, pattern=_WORD)] = "user",
) -> FileShown:
    """Keep a file: the raw body, or the part `file` of a form."""
    if purpose == PURPOSE:
        raise RefusedError("files of data sets come with them", hint="send it to /api/v1/datasets/NAME")
    told = (name or given.name).replace("\0", "").encode("utf-8", "replace").decode()[:200] or "file"
    found = service.files.add(told, given.content, purpose=purpose, project=caller.project, owner=caller.name)
    return _shown(found)


@ROUTER.get("", summary="List files, newest first")
def list_files(
    service: TheService,
    caller: Reader,
    purpose: Annotated[str | None, Query(min_length=1, max_length=50, pattern=_WORD)] = None,
    limit: Limit = 100,
) -> FileList:
    """Return the newest files of the project."""
    found = service.files.all(project=caller.project, purpose=purpose, limit=limit)
    return FileList(data=[_shown(each) for each in found])


@ROUTER.get("/{file}", summary="One file")
def get(file: Ident, service: TheService, caller: Reader) -> FileShown:
    """Return what is known of a file."""
    return _shown(service.files.get(file, project=caller.project))


@ROUTER.get("/{file}/content", summary="Download a file", response_class=FileResponse)
def content(file: Ident, service: TheService, caller: Reader) -> Response:
    """Return a file as it was uploaded."""
    found = service.files.get(file, project=caller.project)
    return FileResponse(
        service.files.path(file, project=caller.project),
        media_type="application/octet-stream",
        filename=found.name,
        headers={"X-Content-Type-Options": "nosniff"},
    )


@ROUTER.delete("/{file}", status_code=204, summary="Delete a file")
def delete(file: Ident, service: TheService, caller: Manager) -> Response:
    """Forget a file; one that belongs to a data set goes with it."""
    if service.files.get(file, project=caller.project).purpose == PURPOSE:
        raise ConflictError(f"the file `{file}` belongs to a data set", hint="delete the data set")
    service.files.delete(file, project=caller.project)
    return Response(status_code=204)


def _shown(file: StoredFile) -> FileShown:
    return FileShown(
        id=file.id,
        name=file.name,
        purpose=file.purpose,
        bytes=file.bytes,
        sha256=file.sha256,
        owner=file.owner,
        created_at=iso(file.created_at),
    )
