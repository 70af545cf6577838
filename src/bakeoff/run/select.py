"""Narrow a loaded spec to some of its models and benchmarks."""

from typing import Any

import msgspec

from bakeoff.errors import UsageError
from bakeoff.plugins import suggest
from bakeoff.spec import LoadedSpec


def selected(loaded: LoadedSpec, *, models: str | None = None, benchmarks: str | None = None) -> LoadedSpec:
    """Return the spec with only the named models and benchmarks; names are separated by commas.

    The document that is stored with the run is narrowed too, so that a resumed run plans the same.

    Raises:
        UsageError: a name is not in the spec.
    """
    spec, document = loaded.spec, dict(loaded.document)
    if models is not None:
        names = _names(models, [model.name for model in spec.models], "model")
        spec = msgspec.structs.replace(spec, models=[m for m in spec.models if m.name in names])
        document["models"] = _narrowed(document["models"], names)
    if benchmarks is not None:
        names = _names(benchmarks, [benchmark.name for benchmark in spec.benchmarks], "benchmark")
        spec = msgspec.structs.replace(spec, benchmarks=[b for b in spec.benchmarks if b.name in names])
        document["benchmarks"] = _narrowed(document["benchmarks"], names)
    return msgspec.structs.replace(loaded, spec=spec, document=document)


def _names(given: str, known: list[str], what: str) -> set[str]:
    names = {name.strip() for name in given.split(",") if name.strip()}
    for name in names:
        if name not in known:
            raise UsageError(
                f"the spec has no {what} `{name}`.{suggest(name, known)}", hint=f"it has: {', '.join(known)}"
            )
    return names


def _narrowed(rows: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    return [row for row in rows if row.get("name") in names]
