"""Put registered models and data sets in the place of their names in a submitted spec."""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from bakeoff.plugins import suggest
from bakeoff.server.faults import MissingError, RefusedError
from bakeoff.server.filestore import Files
from bakeoff.server.job import NewJob
from bakeoff.server.objects import Objects, Thing

TARGET, DATASET = "target", "dataset"
_FORMATS = {"jsonl": "jsonl", "csv": "csv", "json": "jsonl", "text": "text"}


def resolved(new: NewJob, objects: Objects, files: Files, *, project: str) -> NewJob:
    """Return a job without names: `models: [NAME]` and `dataset: {type: stored, name: NAME, version: N}`.

    Raises:
        MissingError: nothing of that name is registered.
    """
    document = dict(new.document)
    if isinstance(document.get("models"), list):
        document["models"] = [_model(each, objects, project) for each in document["models"]]
    content = dict(new.files)
    if isinstance(document.get("benchmarks"), list):
        document["benchmarks"] = [
            _benchmark(each, objects, files, content, project) for each in document["benchmarks"]
        ]
    return msgspec.structs.replace(new, document=document, files=content)


def dataset_rows(thing: Thing, files: Files, *, project: str) -> tuple[str, bytes]:
    """Return the file name and content of a registered data set."""
    kind, file = thing.body["format"], thing.body["file"]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", thing.name).strip("-.") or "rows"
    return f"datasets/{stem}-v{thing.version}.{kind}", files.content(file, project=project)


def _model(given: object, objects: Objects, project: str) -> object:
    if isinstance(given, str):
        found = objects.find(TARGET, given, project=project)
        if found is None:
            known = [each.name for each in objects.all(TARGET, project=project)]
            raise MissingError(TARGET, given) from RefusedError(suggest(given, known))
        return {"name": given, **found.body}
    return given


def _benchmark(
    given: object, objects: Objects, files: Files, content: dict[str, bytes], project: str
) -> object:
    if not isinstance(given, Mapping):
        return given
    benchmark = dict(cast("Mapping[str, Any]", given))
    dataset = benchmark.get("dataset")
    if not isinstance(dataset, Mapping):
        return benchmark
    asked = cast("Mapping[str, Any]", dataset)
    if asked.get("type") != "stored":
        return benchmark
    if unknown := set(asked) - {"type", "name", "version"}:
        raise RefusedError(f"`{min(unknown)}` is no option of a stored data set")
    thing = objects.get(DATASET, str(asked.get("name")), project=project, version=asked.get("version"))
    path, rows = dataset_rows(thing, files, project=project)
    content[path] = rows
    benchmark["dataset"] = {"type": _FORMATS[thing.body["format"]], "path": path}
    return benchmark
