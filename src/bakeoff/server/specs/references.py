"""Put registered models, benchmarks and data sets in the place of their names in a submitted spec."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from bakeoff.plugins import suggest
from bakeoff.server.faults import MissingError, RefusedError
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.specs.builtin import BUILTIN
from bakeoff.server.store.filestore import Files
from bakeoff.server.store.objects import Objects, Thing
from bakeoff.server.values import check_values

TARGET, DATASET, BENCHMARK = "target", "dataset", "benchmark"
FORMATS = {"jsonl": "jsonl", "csv": "csv", "json": "jsonl", "text": "text"}
"""Which plugin reads a data set of a format."""
_MOST_VERSION = 2**31 - 1


class _Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """Where names are looked up, and the files that the job gets by them."""

    objects: Objects
    files: Files
    project: str
    content: dict[str, bytes]

    def missing(self, kind: str, name: str, more: Iterable[str] = ()) -> MissingError:
        """Return the error of a name that is not registered, with the nearest one that is."""
        known = [*more, *(each.name for each in self.objects.all(kind, project=self.project))]
        error = MissingError(kind, name)
        error.hint = suggest(name, known).strip() or f"registered: {', '.join(known[:10]) or 'none'}"
        return error


def resolved(new: NewJob, objects: Objects, files: Files, *, project: str) -> NewJob:
    """Return a job without names.

    These are `models: [NAME]`, `benchmarks: [NAME]` or `[NAME@VERSION]`, and
    `dataset: {type: stored, name: NAME, version: N}`.

    Raises:
        MissingError: nothing of that name is registered.
        RefusedError: the document holds what cannot be stored.
    """
    check_values(new.document, "spec")
    document = dict(new.document)
    shelf = _Shelf(objects=objects, files=files, project=project, content=dict(new.files))
    if isinstance(document.get("models"), list):
        document["models"] = [_model(each, shelf) for each in document["models"]]
    if isinstance(document.get("benchmarks"), list):
        document["benchmarks"] = [_benchmark(each, shelf) for each in document["benchmarks"]]
    return msgspec.structs.replace(new, document=document, files=shelf.content)


def dataset_rows(thing: Thing, files: Files, *, project: str) -> tuple[str, bytes]:
    """Return the file name and content of a registered data set."""
    kind, file = thing.body["format"], thing.body["file"]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", thing.name).strip("-.") or "rows"
    return f"datasets/{stem}-v{thing.version}.{kind}", files.content(file, project=project)


def _model(given: object, shelf: _Shelf) -> object:
    if not isinstance(given, str):
        return given
    found = shelf.objects.find(TARGET, given, project=shelf.project)
    if found is None:
        raise shelf.missing(TARGET, given)
    return {"name": given, **found.body}


def _benchmark(given: object, shelf: _Shelf) -> object:
    if isinstance(given, str):
        given = _section(given, shelf)
    if not isinstance(given, Mapping):
        return given
    benchmark = dict(cast("Mapping[str, Any]", given))
    dataset = benchmark.get("dataset")
    if isinstance(dataset, Mapping):
        asked = cast("Mapping[str, Any]", dataset)
        if asked.get("type") == "stored":
            benchmark["dataset"] = _stored(asked, shelf)
    return benchmark


def _section(given: str, shelf: _Shelf) -> Mapping[str, Any]:
    """Return the section that `NAME` or `NAME@2` stands for; its version goes into the plan."""
    name, at, text = given.partition("@")
    version = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if at and not 0 < version <= _MOST_VERSION:
        raise RefusedError(
            f"`{given}` names no version of a benchmark", hint="write `NAME@2`, or `NAME` for the latest"
        )
    found = shelf.objects.find(BENCHMARK, name, project=shelf.project, version=version if at else None)
    if found is not None:
        return {"version": str(found.version), **found.body, "name": name}
    built_in = BUILTIN.get(name)
    if built_in is None or (at and text != built_in.version):
        raise shelf.missing(BENCHMARK, given, BUILTIN)
    shelf.content.update(built_in.files())
    return {**built_in.section, "name": name, "version": built_in.version}


def _stored(asked: Mapping[str, Any], shelf: _Shelf) -> dict[str, str]:
    """Return the data set that the job gets as a file of its own."""
    if unknown := set(asked) - {"type", "name", "version"}:
        raise RefusedError(f"`{min(unknown)}` is no option of a stored data set")
    name, version = asked.get("name"), asked.get("version")
    if not isinstance(name, str):
        raise RefusedError("a stored data set needs a `name`")
    whole = isinstance(version, int) and not isinstance(version, bool)
    if version is not None and not (whole and 0 < cast("int", version) <= _MOST_VERSION):
        raise RefusedError(f"`{version}` is no version of the data set `{name}`")
    thing = shelf.objects.find(DATASET, name, project=shelf.project, version=version)
    if thing is None:
        raise shelf.missing(DATASET, name if version is None else f"{name}@{version}")
    path, rows = dataset_rows(thing, shelf.files, project=shelf.project)
    shelf.content[path] = rows
    return {"type": FORMATS[thing.body["format"]], "path": path}
