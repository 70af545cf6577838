"""The files of one job's folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, cast

import msgspec

from bakeoff.server.faults import RefusedError
from bakeoff.server.jobs.job import NewJob

_NAMING = frozenset({"llama_stack", "kit"})
"""Data sets whose rows can name further files."""


def write_files(folder: Path, new: NewJob) -> None:
    """Write a job's spec and files into its folder.

    Raises:
        RefusedError: a file's name, or a name in its rows, leads out of the folder.
    """
    for name, content in new.files.items():
        path, parts = folder / name, PurePosixPath(name).parts
        # A name that begins with a dot could be `.env`, which is read for the variables of a spec.
        if PurePosixPath(name).is_absolute() or any(part.startswith(".") for part in parts) or "\0" in name:
            raise RefusedError(f"`{name}` leads out of the job's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name in _naming_files(new.document):
        _check_rows(name, new.files.get(name, b""))
    spec = msgspec.json.format(msgspec.json.encode(new.document), indent=1)
    (folder / "spec.json").write_bytes(spec)


def _naming_files(document: Mapping[str, Any]) -> Iterator[str]:
    benchmarks: object = document.get("benchmarks")
    for benchmark in cast("list[object]", benchmarks) if isinstance(benchmarks, list) else ():
        dataset = _mapping(_mapping(benchmark).get("dataset"))
        if dataset.get("type") in _NAMING:
            yield str(dataset.get("path", ""))


def _check_rows(name: str, content: bytes) -> None:
    """Refuse rows that name files: what the server can read is not for its users."""
    if PurePosixPath(name).suffix.lower() == ".csv":
        return  # a table names none
    if PurePosixPath(name).suffix.lower() not in {".json", ".jsonl"}:
        raise RefusedError(f"`{name[:80]}`: such rows are taken from `.json`, `.jsonl` and `.csv` files only")
    for row in _rows(name, content):
        uri = _mapping(_mapping(row).get("source")).get("uri")
        if uri is not None and not str(uri).startswith("data:"):
            raise RefusedError(f"`{name}`: `{str(uri)[:80]}` is no file of this job", hint="send the rows")
        if _mapping(row).get("image_path"):
            raise RefusedError(f"`{name}`: a row's `image_path` is no file of this job")


def _rows(name: str, content: bytes) -> list[object]:
    try:
        try:
            found: object = msgspec.json.decode(content)
        except msgspec.DecodeError:
            found = [msgspec.json.decode(line) for line in content.splitlines() if line.strip()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(f"`{name}` is no JSON: {error}") from error
    return cast("list[object]", found) if isinstance(found, list) else [found]


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
