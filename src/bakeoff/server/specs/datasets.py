"""Registered data sets: read to the last row when they come, kept by content, with a card."""

import contextlib
import hashlib
import itertools
import tempfile
from collections.abc import Generator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bakeoff import plugins
from bakeoff.errors import BakeoffError, DataError
from bakeoff.extend import Dataset
from bakeoff.records import Case
from bakeoff.records.card import DataCard
from bakeoff.run.cards import card_of_file
from bakeoff.server.access import Principal
from bakeoff.server.faults import ConflictError, RefusedError, TooLargeError
from bakeoff.server.http.uploads import Upload
from bakeoff.server.service import Service
from bakeoff.server.specs.references import DATASET, FORMATS
from bakeoff.server.store.objects import Thing

PURPOSE = "dataset"
"""Marks files that belong to a data set and go with it."""
_MEDIA = {
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/json": "rows",
    "text/csv": "csv",
    "text/plain": "text",
}
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".txt": "text"}
_MOST_FIELDS = 1000


class _Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: list[dict[str, Any]]


def put_dataset(
    service: Service, name: str, given: Upload, caller: Principal, kind: str | None = None
) -> tuple[Thing, bool]:
    """Store a version of a data set; return it, and whether it is new. Content of before is that version.

    Args:
        service: keeps it.
        name: of the data set.
        given: its rows.
        caller: whose it is.
        kind: the format; told by the content's type or the file's name by default.

    Raises:
        DataError: a row cannot be read; with its line.
        RefusedError: the format is not told.
        TooLargeError: more rows, fields or bytes than are taken.
    """
    kind, content = _content(given, kind)
    if len(content) > service.settings.most_upload:
        most = service.settings.most_upload
        raise TooLargeError(f"the data set has {len(content):,} bytes; at most {most:,} are taken")
    digest = hashlib.sha256(content).hexdigest()
    last = service.objects.find(DATASET, name, project=caller.project)
    if last is not None and (last.body.get("sha256"), last.body["format"]) == (digest, kind):
        return last, False
    card = _card(name, content, kind, service.settings.most_rows)
    file = service.files.add(
        f"{name}.{kind}", content, purpose=PURPOSE, project=caller.project, owner=caller.name
    )
    body = {
        "format": kind,
        "file": file.id,
        "rows": card.rows,
        "bytes": len(content),
        "sha256": digest,
        "card": _plain(card),
    }
    try:
        return service.objects.put(DATASET, name, body, project=caller.project, owner=caller.name), True
    except ConflictError:
        service.files.delete(file.id, project=caller.project)
        raise


def card_of(service: Service, thing: Thing) -> dict[str, Any]:
    """Return the card of a data set; one that another dialect registered gets its card now."""
    known: dict[str, Any] | None = thing.body.get("card")
    if known is not None:
        return known
    content = service.files.content(thing.body["file"], project=thing.project)
    return _plain(_card(thing.name, content, FORMATS[thing.body["format"]], service.settings.most_rows))


def rows_of(service: Service, thing: Thing, *, offset: int, limit: int) -> list[Case]:
    """Return some rows of a data set, in its order, each with its line."""
    path = service.files.path(thing.body["file"], project=thing.project)
    cases = _reader(path.name, FORMATS[thing.body["format"]]).cases(path.parent, Random(0))
    return list(itertools.islice(cases, offset, offset + limit))


def delete_dataset(service: Service, name: str, caller: Principal) -> None:
    """Forget a data set with all its versions and their content; runs have their own copies.

    Raises:
        MissingError: the project has none of that name.
    """
    versions = service.objects.versions(DATASET, name, project=caller.project)
    service.objects.delete(DATASET, name, project=caller.project)
    for each in versions:
        with contextlib.suppress(BakeoffError):
            file = service.files.get(each.body["file"], project=caller.project)
            if file.purpose == PURPOSE:
                service.files.delete(file.id, project=caller.project)


def _content(given: Upload, kind: str | None) -> tuple[str, bytes]:
    """Return format and content of what was uploaded."""
    told = kind or _SUFFIXES.get(Path(given.name).suffix.lower()) or _MEDIA.get(given.media_type)
    if told is None:
        raise RefusedError(
            f"the format of `{given.media_type or 'an unnamed type'}` is not known",
            hint=f"send one of {', '.join(_MEDIA)}, or say `?format=jsonl`, `csv` or `text`",
        )
    if told != "rows":
        return told, given.content
    try:
        rows = msgspec.json.decode(given.content, type=_Rows).rows
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(
            f"the body is no rows: {error}", hint='send `{"rows": [{"input": "..."}]}`, or JSON Lines'
        ) from error
    return "jsonl", b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def _card(name: str, content: bytes, kind: str, most: int) -> DataCard:
    with tempfile.TemporaryDirectory(prefix="bakeoff-data-") as folder:
        path = Path(folder) / f"rows.{kind}"
        path.write_bytes(content)
        with _placed(path):
            count = sum(
                1 for _ in itertools.islice(_reader(path.name, kind).cases(path.parent, Random(0)), most + 1)
            )
            if count > most:
                raise TooLargeError(f"the data set has more than {most:,} rows")
            card = card_of_file(path, kind)
    if len(card.fields) > _MOST_FIELDS:
        raise TooLargeError(f"the rows have more than {_MOST_FIELDS:,} different fields")
    return msgspec.structs.replace(card, name=name, source=f"{name}.{kind}")


def _reader(path: str, kind: str) -> Dataset:
    reader: Dataset = plugins.create("datasets", kind, {"path": path})
    return reader


@contextlib.contextmanager
def _placed(path: Path) -> Generator[None]:
    """Say the line of a bad row, and not where the server looked at it."""
    try:
        yield
    except DataError as error:
        where = error.where.replace(f"{path}:", "line ").replace(str(path), "the data set")
        message, hint = (text.replace(str(path), "the data set") for text in (error.message, error.hint))
        raise DataError(message, where=where, hint=hint) from error


def _plain(card: DataCard) -> dict[str, Any]:
    # Databases take no NUL, which a row may hold.
    encoded = msgspec.json.encode(card).replace(rb"\u0000", rb"\ufffd")
    plain: dict[str, Any] = msgspec.json.decode(encoded)
    return plain
