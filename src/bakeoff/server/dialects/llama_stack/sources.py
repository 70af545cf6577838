"""Rows of data sets: from a call, a `data:` text, an uploaded file, or an address that is allowed."""

import base64
import binascii
import csv
import io
import secrets
from http.client import HTTPException
from typing import Any, cast
from urllib.error import URLError
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.endpoints import check_endpoint
from bakeoff.server.faults import MissingError, RefusedError, TooLargeError
from bakeoff.server.http.uploads import Upload
from bakeoff.server.outgoing import opener
from bakeoff.server.service import Service
from bakeoff.server.specs.datasets import put_dataset, rows_of
from bakeoff.server.specs.references import DATASET
from bakeoff.server.store.objects import Thing
from bakeoff.server.values import check_values

Row = dict[str, Any]
_JSONL = "application/jsonl"
_FETCH_S = 30.0
_FILE = "file-"


def get_dataset(service: Service, name: str, caller: Principal) -> Thing:
    """Return a data set.

    Raises:
        MissingError: there is none.
    """
    if (found := service.objects.find(DATASET, name, project=caller.project)) is None:
        raise MissingError("dataset", name)
    return found


def all_rows(service: Service, name: str, caller: Principal) -> list[Row]:
    """Return the rows of a data set in their order."""
    thing = get_dataset(service, name, caller)
    found = rows_of(service, thing, offset=0, limit=service.settings.most_rows)
    return [case.fields for case in found]


def keep_rows(service: Service, name: str, rows: list[Row], caller: Principal) -> Thing:
    """Store rows as the newest version of a data set."""
    content = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    return put_dataset(service, name, Upload(content=content, media_type=_JSONL), caller, "jsonl")[0]


def new_name(start: str) -> str:
    """Return a name that nothing has."""
    return f"{start}-{secrets.token_hex(6)}"


def rows_at(service: Service, uri: str, caller: Principal) -> list[Row]:
    """Return the rows that an address holds.

    Raises:
        RefusedError: the address may not be asked, or holds no rows.
        MissingError: there is no such file.
    """
    if uri.startswith("data:"):
        head, _, body = uri[len("data:") :].partition(",")
        return _rows(_data(head, body), csv_like="csv" in head)
    name = uri.rpartition("/")[2].removeprefix("file:")
    if uri.startswith((_FILE, "file:", "bakeoff:")):
        file = service.files.get(name, project=caller.project)
        content = service.files.content(file.id, project=caller.project)
        return _rows(content, csv_like=file.name.endswith(".csv"))
    scheme = urlsplit(uri).scheme if "\\" not in uri else ""
    if scheme not in {"http", "https"}:
        raise RefusedError(
            f"source.uri: `{uri[:100]}` is no address that this server reads",
            hint="send `rows`, a `data:` text, the id of an uploaded file, or an allowed https address",
        )
    check_endpoint(uri, service.settings.endpoints, where="source.uri")
    return _rows(_fetched(uri, service.settings.most_upload), csv_like=urlsplit(uri).path.endswith(".csv"))


def _data(head: str, body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(f"source.uri: the `data:` text cannot be read: {error}") from error


def _fetched(uri: str, most: int) -> bytes:
    try:
        with opener().open(uri, timeout=_FETCH_S) as answer:
            content: bytes = answer.read(most + 1)
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise RefusedError(f"source.uri: `{uri[:100]}` does not answer with a file: {error}") from error
    if len(content) > most:
        raise TooLargeError(f"source.uri: more than {most:,} bytes")
    return content


def _rows(content: bytes, *, csv_like: bool) -> list[Row]:
    """Return rows out of CSV, a JSON list, an object with `data` or `rows`, or JSON Lines."""
    try:
        text = content.decode("utf-8-sig")
        found = list(csv.DictReader(io.StringIO(text), strict=True)) if csv_like else _json_rows(text)
    except (UnicodeDecodeError, csv.Error, msgspec.DecodeError, RecursionError) as error:
        raise RefusedError(f"source.uri: the rows cannot be read: {error}") from error
    rows = cast("list[object]", found)
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise RefusedError("source.uri: there are no rows; each must be an object")
    # The reader of CSV files surplus cells under None, and None in the place of missing ones.
    if csv_like and any(None in {*cast("dict[object, object]", row), *_cells(row)} for row in rows):
        raise RefusedError("source.uri: a row has more or fewer cells than the header")
    check_values(rows, "rows")
    return cast("list[Row]", rows)


def _cells(row: object) -> list[object]:
    # Surplus cells are a list; what matters is whether one is missing.
    return [each for each in cast("dict[object, object]", row).values() if each is None]


def _json_rows(text: str) -> list[object]:
    try:
        whole: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
    if isinstance(whole, dict):
        held = cast("dict[str, object]", whole)
        whole = next((held[name] for name in ("data", "rows") if isinstance(held.get(name), list)), [held])
    return cast("list[object]", whole) if isinstance(whole, list) else [whole]
