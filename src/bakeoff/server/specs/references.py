"""Put registered models, benchmarks and data sets in the place of their names in a submitted spec."""

import itertools
import re
from collections.abc import Container, Iterable, Mapping
from typing import Any, cast

import msgspec

from bakeoff.plugins import suggest
from bakeoff.server.faults import MissingError, RefusedError
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.specs.builtin import BUILTIN
from bakeoff.server.store.filestore import Files
from bakeoff.server.store.objects import Objects, Thing
from bakeoff.server.values import check_values
from bakeoff.spec.checks import is_name
from bakeoff.spec.foreign import slug

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
    `dataset: {type: stored, name: NAME, version: N}`. A model whose name cannot be part of a file name,
    such as `org/model`, gets another one in the whole spec, and is asked by its own.

    Raises:
        MissingError: nothing of that name is registered.
        RefusedError: the document holds what cannot be stored.
    """
    check_values(new.document, "spec")
    document = dict(new.document)
    shelf = _Shelf(objects=objects, files=files, project=project, content=dict(new.files))
    names = spec_names(document)
    if isinstance(document.get("models"), list):
        document["models"] = [_model(each, names, shelf) for each in document["models"]]
    if isinstance(document.get("benchmarks"), list):
        document["benchmarks"] = [_benchmark(each, shelf) for each in document["benchmarks"]]
    if names:
        _rename(document, names)
    return msgspec.structs.replace(new, document=document, files=shelf.content)


def spec_name(name: str, taken: Container[str] = ()) -> str:
    """Return what a registered model is called in a spec: its name, or the nearest that a spec can have.

    Args:
        name: as registered.
        taken: names of other models in lower case, as a spec does not tell them apart by case.
    """
    if is_name(name):
        return name
    near = slug(name, "model")
    numbered = (f"{near}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([near], numbered) if each.lower() not in taken)


def spec_names(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what the registered models of a spec are called in it, of those that no spec takes by name."""
    models: object = document.get("models")
    given = cast("list[object]", models) if isinstance(models, list) else []
    named = [each for each in given if isinstance(each, str)]
    own = [cast("Mapping[str, Any]", each).get("name") for each in given if isinstance(each, Mapping)]
    taken = {str(each).lower() for each in [*own, *named]}
    found: dict[str, str] = {}
    for name in named:
        if name not in found and not is_name(name):
            found[name] = spec_name(name, taken)
            taken.add(found[name].lower())
    return found


def spec_model(name: str, body: Mapping[str, Any], called: str) -> dict[str, Any]:
    """Return a registered model as an entry of a spec, by what it is called there."""
    # Without a name of its own at the endpoint, a model is asked by the one that it is registered by.
    asked = {"model": name} if called != name and body.get("endpoint") else {}
    return {"name": called, **asked, **body}


def dataset_rows(thing: Thing, files: Files, *, project: str) -> tuple[str, bytes]:
    """Return the file name and content of a registered data set."""
    kind, file = thing.body["format"], thing.body["file"]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", thing.name).strip("-.") or "rows"
    return f"datasets/{stem}-v{thing.version}.{kind}", files.content(file, project=project)


def _rename(document: dict[str, Any], names: Mapping[str, str]) -> None:
    """Put what models are called in the place of their names in the rest of a spec."""
    decide: object = document.get("decide")
    if isinstance(decide, Mapping):
        rule = dict(cast("Mapping[str, Any]", decide))
        if isinstance(rule.get("incumbent"), str):
            rule["incumbent"] = names.get(rule["incumbent"], rule["incumbent"])
        document["decide"] = rule
    benchmarks: object = document.get("benchmarks")
    for benchmark in cast("list[object]", benchmarks) if isinstance(benchmarks, list) else ():
        # Ours already: a copy of what was submitted or registered.
        section = cast("dict[str, Any]", benchmark) if isinstance(benchmark, dict) else {}
        if isinstance(section.get("models"), list):
            asked = cast("list[object]", section["models"])
            section["models"] = [names.get(each, each) if isinstance(each, str) else each for each in asked]


def _model(given: object, names: Mapping[str, str], shelf: _Shelf) -> object:
    if not isinstance(given, str):
        return given
    found = shelf.objects.find(TARGET, given, project=shelf.project)
    if found is None:
        raise shelf.missing(TARGET, given)
    return spec_model(given, found.body, names.get(given, given))


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
