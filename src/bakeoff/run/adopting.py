"""Turn other tools' configurations into a spec of ours with its data; results go through `importing`."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, cast

import msgspec
import yaml

from bakeoff import plugins
from bakeoff.datasets.csv import CsvFile
from bakeoff.errors import DataError, SpecErrorGroup, UsageError
from bakeoff.extend import Dataset
from bakeoff.records import Case
from bakeoff.spec import nemo, openai_evals
from bakeoff.spec.adopted import Adopted, mapping, objects
from bakeoff.spec.foreign import Source, plain, slug
from bakeoff.spec.forms import form_of
from bakeoff.spec.tree import Map, parse_yaml

SPEC = "bakeoff.yaml"
_YAML = (".yaml", ".yml", ".json")
_LONGEST = 50_000_000


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What an import of a configuration wrote.

    Attributes:
        tool: whose configuration it was.
        spec: the path of the new spec.
        files: all paths, the spec first.
        notes: what its reader should know.
    """

    tool: str
    spec: Path
    files: list[Path]
    notes: tuple[str, ...] = ()


def is_configuration(paths: Sequence[Path]) -> bool:
    """Say whether the first file that is no plain data is another tool's configuration."""
    return any(_kind(path) is not None for path in paths if path.is_file())


def adopt_files(paths: Sequence[Path], folder: Path | None) -> Written:
    """Write a spec and its data out of other tools' configurations.

    Args:
        paths: one configuration, and the data files that belong to it.
        folder: where to write; one named by the configuration by default.

    Raises:
        UsageError: there are several configurations, or a file to write is there already.
        SpecErrorGroup: something in the configuration cannot be kept.
    """
    named = [(path, kind) for path in paths if (kind := _kind(path)) is not None]
    configurations = [(path, kind) for path, kind in named if kind != "run"]
    if len(configurations) != 1:
        many = ", ".join(str(path) for path, _ in configurations) or "none"
        raise UsageError("one configuration is imported at a time", where=many)
    path, kind = configurations[0]
    others = [each for each in paths if each != path]
    if kind == "OpenAI Evals":
        adopted = _openai(path, others)
    elif kind == "NeMo Evaluator":
        adopted = _nemo(path, others)
    else:
        folder = folder or Path(slug(path.stem, "imported"))
        adopted = _tree(path, folder)
    return _write(adopted, folder or Path(str(adopted.document["name"])))


def _kind(path: Path) -> str | None:
    """Return whose configuration a file is, "run" for a run of OpenAI's Evals, None for anything else."""
    if path.suffix.lower() not in _YAML:
        return None
    value = _json(path) if path.suffix.lower() == ".json" else None
    values = [value, *objects(mapping(value).get("data"))]
    for name, known in (
        ("OpenAI Evals", openai_evals.is_eval),
        ("run", openai_evals.is_run),
        ("NeMo Evaluator", nemo.is_nemo),
    ):
        if any(known(each) for each in values):
            return name
    root = _root(path)
    form = form_of(root) if root is not None else None
    return form.name if form is not None else None


def _json(path: Path) -> Any:  # noqa: ANN401  any JSON, or None
    try:
        return msgspec.json.decode(path.read_bytes()[:_LONGEST])
    except (OSError, msgspec.DecodeError):
        return None


def _root(path: Path) -> Map | None:
    try:
        return parse_yaml(path.read_bytes()[:_LONGEST].decode("utf-8-sig"), path.name)
    except (OSError, UnicodeDecodeError, UsageError):
        return None


def _openai(path: Path, others: Sequence[Path]) -> Adopted:
    value = _json(path)
    found = [each for each in [value, *objects(mapping(value).get("data"))] if openai_evals.is_eval(each)]
    if len(found) > 1:
        hint = "keep one of them in the file: `jq '.data[0]' FILE`"
        raise UsageError(f"the file holds {len(found)} evals", where=str(path), hint=hint)
    runs: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for other in others:
        whole = _json(other) if other.suffix.lower() == ".json" else None
        given = [
            each
            for each in [mapping(whole), *objects(mapping(whole).get("data"))]
            if openai_evals.is_run(each)
        ]
        if given:
            runs += given
        else:
            rows += _rows(other)
    export = openai_evals.Export(evaluation=found[0], runs=tuple(runs), rows=tuple(rows), where=str(path))
    return openai_evals.adopt(export)


def _nemo(path: Path, others: Sequence[Path]) -> Adopted:
    value = mapping(_json(path))
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, url in nemo.data_names(value).items():
        wanted = url.rpartition("/")[2]
        file = next((other for other in others if other.name == wanted or len(others) == 1), None)
        if file is None:
            local = path.parent / url.removeprefix("file://")
            if "://" in url.removeprefix("file://") or not local.is_file():
                hint = (
                    f"download it, and name it as well: `bakeoff import {path.name} {wanted or 'data.jsonl'}`"
                )
                raise DataError(
                    f"the data of the task `{name}` (`{url}`) is not here", where=str(path), hint=hint
                )
            file = local
        rows[name] = _rows(file)
    return nemo.adopt(value, rows, str(path))


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a data file: CSV, JSON Lines, or one JSON list."""
    kind = "csv" if path.suffix.lower() in {".csv", ".tsv"} else "llama_stack"
    dataset: Dataset = (
        CsvFile(path=path.name) if kind == "csv" else plugins.create("datasets", kind, {"path": path.name})
    )
    return [case.fields for case in dataset.cases(path.absolute().parent, Random(0))]


def _tree(path: Path, folder: Path) -> Adopted:
    """Read a configuration that `bakeoff run` reads too; its tests become a data file."""
    root = _root(path)
    form = form_of(root) if root is not None else None
    assert root is not None
    assert form is not None
    base = path.absolute().parent
    converted = form.convert(root, Source(path=path.absolute(), base=base))
    if converted.errors:
        raise SpecErrorGroup(list(converted.errors))
    document = cast("dict[str, Any]", plain(converted.root))
    notes = tuple(_without_keys(document))
    rows: dict[str, list[dict[str, Any]]] = {}
    for benchmark in objects(document.get("benchmarks")):
        dataset = mapping(benchmark["dataset"])
        if dataset.get("type") == "promptfoo":
            options = {key: value.replace("$${", "${") for key, value in dataset.items() if key != "type"}
            name = f"data/{benchmark['name']}.jsonl"
            made: Dataset = plugins.create("datasets", "promptfoo", options)
            rows[name] = [_row(case) for case in made.cases(base, Random(0))]
            benchmark["dataset"] = name
            benchmark["fields"] = {"id": "__id", "slices": ["__category", "__difficulty"]}
            for scorer in objects(benchmark.get("scorers")):
                if any("file://" in msgspec.json.encode(row["assert"]).decode() for row in rows[name]):
                    scorer["base"] = str(base)
        elif isinstance(dataset.get("path"), str):
            benchmark["dataset"] = dataset | {
                "path": os.path.relpath(base / dataset["path"], folder.absolute())
            }
    for benchmark in objects(document.get("benchmarks")):
        if "fields" in benchmark:
            _only_known_slices(benchmark, rows[benchmark["dataset"]])
    return Adopted(tool=form.name, document=document, rows=rows, notes=notes)


def _without_keys(document: dict[str, Any]) -> Iterator[str]:
    """Take keys that were written out of the document, and yield what to do about each."""
    for model in objects(document.get("models")):
        holders = [
            (model, "api_key"),
            *((mapping(model.get("headers")), name) for name in mapping(model.get("headers"))),
        ]
        for holder, name in holders:
            secret = name == "api_key" or re.search(r"auth|key|token|secret", name, re.IGNORECASE)
            if secret and isinstance(holder.get(name), str) and "${" not in holder[name]:
                variable = re.sub(r"[^A-Z0-9]+", "_", f"{model['name']}_{name}".upper())
                holder[name] = f"${{{variable}}}"
                yield f"the key of `{model['name']}` was left out: put it into the variable {variable}"


def _row(case: Case) -> dict[str, Any]:
    return {"__id": case.id, **case.fields} | {f"__{name}": value for name, value in case.slices.items()}


def _only_known_slices(benchmark: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Name only the slices that some row has; a spec refuses the others."""
    names = [name for name in benchmark["fields"]["slices"] if any(name in row for row in rows)]
    benchmark["fields"] = {"id": "__id"} | ({"slices": names} if names else {})


def _write(adopted: Adopted, folder: Path) -> Written:
    texts = {SPEC: yaml.safe_dump(adopted.document, sort_keys=False, allow_unicode=True, width=110)}
    for name, rows in adopted.rows.items():
        texts[name] = "".join(msgspec.json.encode(row).decode() + "\n" for row in rows)
    taken = [name for name in texts if (folder / name).exists()]
    if taken:
        raise UsageError(
            f"`{folder / taken[0]}` is there already", hint="choose another folder with `--into`"
        )
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    files = [folder / name for name in texts]
    return Written(tool=adopted.tool, spec=files[0], files=files, notes=adopted.notes)
