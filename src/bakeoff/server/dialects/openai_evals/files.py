"""Files: upload, list, look, read, delete."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, UploadFile
from pydantic import BaseModel, ConfigDict
from starlette.responses import FileResponse

from bakeoff.server.dialects.openai_evals.plain import REFUSED, Ident, Page, listed, one_of, paged
from bakeoff.server.faults import ConflictError, NotOfferedError, RefusedError
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService
from bakeoff.server.specs.datasets import PURPOSE
from bakeoff.server.store.filestore import StoredFile
from bakeoff.server.values import check_values

ROUTER = APIRouter(tags=["openai-evals"], responses=REFUSED)
PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
Purpose = Annotated[str, one_of(*PURPOSES), listed(*PURPOSES)]


class Upload(BaseModel):
    """A file with what it is for."""

    # Fields beside these are taken in to be refused by name.
    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": False})

    purpose: Purpose
    file: UploadFile


class FileShown(BaseModel):
    """A file."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    expires_at: None = None
    status_details: None = None


class FileList(BaseModel):
    """Some files."""

    object: Literal["list"] = "list"
    data: list[FileShown]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(BaseModel):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class FilePage(Page):
    """Which files; newest first by default, and up to 10,000 of them."""

    purpose: Annotated[str | None, Query(max_length=100, pattern=r"^[A-Za-z0-9._/-]*$")] = None
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000
    order: Literal["asc", "desc"] = "desc"


@ROUTER.post("/files", summary="Upload a file")
def upload(
    body: Annotated[Upload, Form(media_type="multipart/form-data")], service: TheService, caller: Runner
) -> FileShown:
    """Keep a file. `expires_after` is refused: a file stays until it is deleted."""
    extra: dict[str, Any] = body.model_extra or {}
    for name in extra:
        if name.startswith("expires_after"):
            raise NotOfferedError("`expires_after` is not offered: delete the file", where="expires_after")
        raise RefusedError(f"`{name[:80]}` is no field of an upload", where=name[:80])
    name = body.file.filename or "file"
    check_values(name, "the file's name")
    found = service.files.add(
        name[:500],
        body.file.file.read(),
        purpose=body.purpose,
        project=caller.project,
        owner=caller.name,
    )
    return _shown(found)


@ROUTER.get("/files", summary="List files")
def list_files(page: Annotated[FilePage, Query()], service: TheService, caller: Reader) -> FileList:
    """Return a part of the project's files."""
    found = service.files.all(project=caller.project, purpose=page.purpose)
    if page.order == "asc":
        found.reverse()
    kept, more = paged(found, page, ident=lambda each: each.id)
    data = [_shown(each) for each in kept]
    ends = (data[0].id, data[-1].id) if data else (None, None)
    return FileList(data=data, first_id=ends[0], last_id=ends[1], has_more=more)


@ROUTER.get("/files/{file}", summary="One file")
def get(file: Ident, service: TheService, caller: Reader) -> FileShown:
    """Return the facts of a file."""
    return _shown(service.files.get(file, project=caller.project))


@ROUTER.get("/files/{file}/content", summary="What is in a file", response_class=FileResponse)
def content(file: Ident, service: TheService, caller: Reader) -> FileResponse:
    """Return the bytes of a file."""
    path = service.files.path(file, project=caller.project)
    # What users uploaded is data, whatever it looks like: no browser is to run it.
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)


@ROUTER.delete("/files/{file}", summary="Delete a file")
def delete(file: Ident, service: TheService, caller: Manager) -> FileDeleted:
    """Forget a file; runs that have begun keep their rows, and a data set keeps its file."""
    if service.files.get(file, project=caller.project).purpose == PURPOSE:
        raise ConflictError(f"the file `{file}` belongs to a data set", hint="delete the data set")
    service.files.delete(file, project=caller.project)
    return FileDeleted(id=file)


def _shown(file: StoredFile) -> FileShown:
    return FileShown(
        id=file.id,
        bytes=file.bytes,
        created_at=file.created_at // 1_000_000,
        filename=file.name,
        purpose=file.purpose,
    )
