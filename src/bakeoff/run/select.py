"""Narrow a loaded spec to some of its models and benchmarks."""

from typing import Any

import msgspec

from bakeoff.errors import UsageError
from bakeoff.plugins import suggest
from bakeoff.races import planned_race
from bakeoff.records import BenchmarkSpec, DecideSpec, RaceRule, Spec
from bakeoff.spec import LoadedSpec


def selected(loaded: LoadedSpec, *, models: str | None = None, benchmarks: str | None = None) -> LoadedSpec:
    """Return the spec with only the named models and benchmarks; names are separated by commas.

    The document that is stored with the run is narrowed too, so that a resumed run plans the same.

    Raises:
        UsageError: a name is not in the spec.
    """
    spec, document = loaded.spec, dict(loaded.document)
    if models is not None:
        names = chosen(models, [model.name for model in spec.models], "model")
        asking = [_asking(b, names) for b in spec.benchmarks if not b.models or names & {*b.models}]
        kept = [m for m in spec.models if m.name in names]
        spec = msgspec.structs.replace(spec, models=kept, benchmarks=asking)
        document["models"] = _narrowed(document["models"], names)
        rows = {row["name"]: row for row in document["benchmarks"]}
        document["benchmarks"] = [rows[b.name] | {"models": b.models} for b in asking]
    if benchmarks is not None:
        names = chosen(benchmarks, [benchmark.name for benchmark in spec.benchmarks], "benchmark")
        spec = msgspec.structs.replace(spec, benchmarks=[b for b in spec.benchmarks if b.name in names])
        document["benchmarks"] = _narrowed(document["benchmarks"], names)
    decide = _reachable(spec)
    if decide is not spec.decide:
        spec = msgspec.structs.replace(spec, decide=decide)
        metric = decide.quality.metric
        document["decide"] = document["decide"] | {
            "incumbent": decide.incumbent,
            "quality": document["decide"]["quality"] | {"metric": metric},
        }
    return msgspec.structs.replace(loaded, spec=spec, document=document)


def _asking(benchmark: BenchmarkSpec, names: set[str]) -> BenchmarkSpec:
    """Return a benchmark without the models that were left out."""
    return msgspec.structs.replace(benchmark, models=[name for name in benchmark.models if name in names])


def _reachable(spec: Spec) -> DecideSpec:
    """Return the decision rule without the incumbent and the metric that were left out."""
    rule = spec.decide
    if rule.incumbent is not None and rule.incumbent not in {model.name for model in spec.models}:
        rule = msgspec.structs.replace(rule, incumbent=None)
    metric = rule.quality.metric
    if metric is not None and not any(metric.startswith(f"{b.name}.") for b in spec.benchmarks):
        rule = msgspec.structs.replace(rule, quality=msgspec.structs.replace(rule.quality, metric=None))
    return rule


def chosen(given: str, known: list[str], what: str) -> set[str]:
    """Return the names of a list with commas, all of which must be known.

    Raises:
        UsageError: one is not, or there is none.
    """
    names = {name.strip() for name in given.split(",") if name.strip()}
    if not names:
        raise UsageError(f"no {what} is named", hint=f"the spec has: {', '.join(known)}")
    for name in sorted(names):
        if name not in known:
            raise UsageError(
                f"the spec has no {what} `{name}`.{suggest(name, known)}", hint=f"it has: {', '.join(known)}"
            )
    return names


def _narrowed(rows: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    return [row for row in rows if row.get("name") in names]


def raced(loaded: LoadedSpec, method: str) -> LoadedSpec:
    """Return the spec with a race of this method, its other options as the spec has them; `off` for none.

    Raises:
        UsageError: what decides cannot be raced.
    """
    before = loaded.spec.decide.race
    race: bool | RaceRule = False
    if method != "off":
        rule = before if isinstance(before, RaceRule) else RaceRule()
        race = msgspec.convert(msgspec.to_builtins(rule) | {"method": method}, RaceRule)
    decide = msgspec.structs.replace(loaded.spec.decide, race=race)
    spec = msgspec.structs.replace(loaded.spec, decide=decide)
    planned_race(spec)
    document = loaded.document | {"decide": loaded.document["decide"] | {"race": msgspec.to_builtins(race)}}
    return msgspec.structs.replace(loaded, spec=spec, document=document)
