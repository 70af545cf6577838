"""What a call uploads: its raw body, the file of a form, or rows as JSON."""

from typing import Annotated, Any

import msgspec
from fastapi import Depends
from starlette.datastructures import UploadFile
from starlette.requests import Request

from bakeoff.server.faults import RefusedError, TooLargeError
from bakeoff.server.http.calls import service_of

_FORM = "multipart/form-data"
BODIES: dict[str, Any] = {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    _FORM: {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
    },
}
"""What every upload takes, for OpenAPI."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """Content with what was said of it.

    Attributes:
        name: of the file, empty where none was told.
        media_type: in lower case and without parameters.
    """

    content: bytes
    media_type: str
    name: str = ""


async def upload(request: Request) -> Upload:
    """Read the content of a call; the gate bounds its size.

    Raises:
        RefusedError: a form without a file.
    """
    media_type = _plain(request.headers.get("content-type", ""))
    if media_type != _FORM:
        return Upload(content=await request.body(), media_type=media_type)
    most = service_of(request).settings.most_upload
    async with request.form(max_files=1, max_fields=20) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RefusedError("the form has no file", hint="send the content as a part named `file`")
        if (file.size or 0) > most:
            raise TooLargeError(f"the file has {file.size:,} bytes; at most {most:,} are taken")
        return Upload(
            content=await file.read(),
            media_type=_plain(file.content_type or ""),
            name=file.filename or "",
        )


Uploaded = Annotated[Upload, Depends(upload)]


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
