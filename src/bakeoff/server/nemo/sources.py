"""Where the rows of a NeMo evaluation come from: stored data sets, uploaded files, allowed addresses."""

import csv
import io
import re
from typing import Any, cast

import msgspec

from bakeoff.server.endpoints import check_endpoint
from bakeoff.server.faults import RefusedError
from bakeoff.server.nemo.shapes import DataFiles, invalid
from bakeoff.server.outgoing import opener
from bakeoff.server.service import Service
from bakeoff.server.specs.references import DATASET, dataset_rows

Row = dict[str, Any]
_FETCH_S = 30.0
_HUB = re.compile(r"(?:hf|nds)(?::(?://)?)(?:datasets/)?(?P<name>[^/]+/[^/]+)(?:/(?P<path>.*))?")
_FORMATS = ("json", "jsonl", "csv")


class Rows:
    """Reads rows for one project."""

    def __init__(self, service: Service, project: str) -> None:
        self._service = service
        self._project = project

    def read(self, source: str | DataFiles, where: str) -> list[Row]:
        """Return all rows of a source, at most its own `limit`.

        Raises:
            InvalidError: they are not here, or cannot be read.
        """
        if isinstance(source, str):
            return self._stored(source, where)
        for name in ("split", "hf_endpoint"):
            if getattr(source, name) is not None:
                raise invalid(
                    f"{where}.{name}", f"`{name}` is not offered: rows are never fetched from a hub"
                )
        if source.format not in {None, *_FORMATS}:
            raise invalid(f"{where}.format", f"`{source.format}` is no known format: {', '.join(_FORMATS)}")
        rows = self._of_url(source.files_url, source.format, f"{where}.files_url")
        return rows[: source.limit]

    def find(self, name: str) -> list[Row] | None:
        """Return the rows of a registered data set, None where there is none of that name."""
        found = self._service.objects.find(DATASET, name, project=self._project)
        if found is None:
            return None
        path, content = dataset_rows(found, self._service.files, project=self._project)
        return self._parsed(content, path.rpartition(".")[2], f"data set {name}")

    def _of_url(self, url: str, kind: str | None, where: str) -> list[Row]:
        hub = _HUB.fullmatch(url)
        if hub is not None:
            return self._stored(hub["name"], where)
        if url.startswith(("http://", "https://")):
            return self._parsed(self._fetched(url, where), kind or _suffix(url), where)
        name = url.removeprefix("file://")
        if name.startswith("file-"):
            stored = self._service.files.get(name, project=self._project)
            content = self._service.files.content(name, project=self._project)
            return self._parsed(content, kind or _suffix(stored.name), where)
        if "://" in url or url.startswith(("/", "file:")):
            raise invalid(
                where, f"`{url[:200]}` is no source of rows here: name a stored data set or a file id"
            )
        return self._stored(url, where)

    def _stored(self, name: str, where: str) -> list[Row]:
        for each in (name, name.rpartition("/")[2]):
            rows = self.find(each)
            if rows is not None:
                return rows
        message = (
            f"the data set `{name[:200]}` is not stored here, and nothing is fetched from a hub: "
            "upload its rows under this name"
        )
        raise invalid(where, message)

    def _fetched(self, url: str, where: str) -> bytes:
        check_endpoint(url, self._service.settings.endpoints, where=where)
        most = self._service.settings.most_upload
        try:
            with opener().open(url, timeout=_FETCH_S) as answer:
                content: bytes = answer.read(most + 1)
        except (OSError, ValueError) as error:
            raise invalid(where, f"`{url[:200]}` cannot be read: {error}") from error
        if len(content) > most:
            raise invalid(where, f"`{url[:200]}` has more than {most:,} bytes")
        return content

    def _parsed(self, content: bytes, kind: str, where: str) -> list[Row]:
        try:
            rows = _rows(content.decode("utf-8-sig"), kind)
        except (ValueError, csv.Error) as error:
            raise invalid(where, f"the rows cannot be read: {error}") from error
        if not rows:
            raise invalid(where, "there are no rows")
        if len(rows) > self._service.settings.most_rows:
            raise RefusedError(f"{where}: more than {self._service.settings.most_rows:,} rows")
        return rows


def _suffix(name: str) -> str:
    found = name.partition("?")[0].rpartition(".")[2].lower()
    return found if found in _FORMATS else ""


def _rows(text: str, kind: str) -> list[Row]:
    """Read an array of objects, a line for each, or a table with a head; by content where nothing is said."""
    if kind == "csv":
        return [
            {str(name): value for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))
        ]
    if kind in {"", "json"} and text.lstrip()[:1] == "[":
        found: object = msgspec.json.decode(text)
    elif kind == "text":
        found = [{"prompt": line} for line in text.splitlines() if line.strip()]
    else:
        found = [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
    rows = cast("list[object]", found)
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a row is no object")
    return cast("list[Row]", rows)
