"""The provider `bakeoff`: built-in and registered benchmarks, those of other dialects, and data sets."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from bakeoff.server.borrowed import Lender, Section
from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.parameters import placed
from bakeoff.server.dialects.evalhub.shapes import Benchmark
from bakeoff.server.service import Service
from bakeoff.server.specs.builtin import BUILTIN
from bakeoff.server.specs.references import BENCHMARK, DATASET
from bakeoff.server.store.objects import Thing

NAME = "bakeoff"
_OF_DATA = ("scorers", "prompt", "fields", "metrics")
_LOADS = {"synthetic", "trace"}
_SPEED = ["output_tokens_per_second", "requests_per_second", "mean_ttft_ms", "mean_itl_ms"]


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """Where benchmarks are looked up.

    Attributes:
        lenders: other dialects that have benchmarks.
    """

    service: Service
    project: str
    lenders: Sequence[Lender] = ()


def benchmarks(shelf: Shelf) -> list[Benchmark]:
    """Return everything that can be run here by its name, each name once."""
    objects, project = shelf.service.objects, shelf.project
    found = [_told(each.name, each.body) for each in objects.all(BENCHMARK, project=project)]
    for lender in shelf.lenders:
        names = lender.names(shelf.service, project=project)
        found += [_told(name, {}) for name in names]
    found += [_told(name, each.section, each.text) for name, each in BUILTIN.items()]
    found += [_data(each) for each in objects.all(DATASET, project=project)]
    return list({each.id: each for each in reversed(found)}.values())[::-1]


def section(name: str, parameters: Mapping[str, Any], shelf: Shelf, where: str) -> Section | None:
    """Return a benchmark as a section of a spec, None where there is none of that name.

    Raises:
        HubError: a parameter that has no place here, or is missing.
    """
    found = _registered(name, shelf)
    if found is not None:
        return msgspec.structs.replace(found, section=placed(found.section, parameters, where))
    if shelf.service.objects.find(DATASET, name, project=shelf.project) is None:
        return None
    if not parameters.get("scorers"):
        raise HubError(
            "request_validation_failed",
            f"{where}: '{name}' is a data set, and nothing says how answers to it are graded",
            hint='give `scorers`, such as [{"type": "contains"}], or register a benchmark',
        )
    own = {key: parameters[key] for key in _OF_DATA if parameters.get(key) is not None}
    made = {"dataset": {"type": "stored", "name": name}, **own}
    return Section(section=placed(made, parameters, where, _OF_DATA))


def _registered(name: str, shelf: Shelf) -> Section | None:
    thing = shelf.service.objects.find(BENCHMARK, name, project=shelf.project)
    if thing is not None:
        return Section(section={"version": str(thing.version), **thing.body})
    for lender in shelf.lenders:
        lent = lender.section(shelf.service, name, project=shelf.project)
        if lent is not None:
            return lent
    built_in = BUILTIN.get(name)
    if built_in is None:
        return None
    return Section(section={"version": built_in.version, **built_in.section}, files=built_in.files())


def _told(name: str, made: Mapping[str, Any], text: str = "") -> Benchmark:
    dataset: object = made.get("dataset")
    kind = cast("Mapping[str, object]", dataset).get("type") if isinstance(dataset, Mapping) else None
    speed = kind in _LOADS or "synthetic" in made
    return Benchmark(
        id=name,
        name=name,
        description=text or None,
        category="performance" if speed else "quality",
        metrics=_SPEED if speed else _metrics(made),
        tags=["bakeoff"],
    )


def _data(thing: Thing) -> Benchmark:
    rows = thing.body.get("rows")
    return Benchmark(
        id=thing.name,
        name=thing.name,
        description="a data set: a job says with `parameters.scorers` how answers are graded",
        category="data",
        dataset_size=rows if isinstance(rows, int) else 0,
        tags=["bakeoff", "dataset"],
    )


def _metrics(made: Mapping[str, Any]) -> list[str]:
    scorers: object = made.get("scorers")
    items = cast("list[object]", scorers) if isinstance(scorers, list) else []
    known = [cast("Mapping[str, object]", each) for each in items if isinstance(each, Mapping)]
    return list(dict.fromkeys(str(each.get("metric", "accuracy")) for each in known)) or ["accuracy"]
