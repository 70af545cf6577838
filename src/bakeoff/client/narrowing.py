"""Narrow a spec that names things of a service to some of its models and benchmarks, before it is sent."""

from typing import Any, cast

import msgspec

from bakeoff.run.select import chosen
from bakeoff.spec import NamedSpec

Plain = dict[str, Any]


def narrowed(
    named: NamedSpec, *, models: str | None = None, benchmarks: str | None = None, race: str | None = None
) -> NamedSpec:
    """Return the spec with only the named models and benchmarks, and with a race of a method; `off` for none.

    Raises:
        UsageError: a name is not in the spec.
    """
    document = dict(named.document)
    if models is not None:
        names = chosen(models, _known(document, "models"), "model")
        document["models"] = [each for each in _rows(document, "models") if _name(each) in names]
        asking = (_asking(each, names) for each in _rows(document, "benchmarks"))
        document["benchmarks"] = [each for each in asking if each is not None]
    if benchmarks is not None:
        names = chosen(benchmarks, _known(document, "benchmarks"), "benchmark")
        document["benchmarks"] = [each for each in _rows(document, "benchmarks") if _name(each) in names]
    if models is not None or benchmarks is not None:
        _leave_out(document)
    if race is not None:
        rule = _section(document, "decide")
        rule["race"] = False if race == "off" else {**_section(rule, "race"), "method": race}
        document["decide"] = rule
    return msgspec.structs.replace(named, document=document)


def _leave_out(document: Plain) -> None:
    """Take an incumbent and a metric that are no longer there out of the rule."""
    rule = _section(document, "decide")
    if rule.get("incumbent") not in _known(document, "models"):
        rule.pop("incumbent", None)
    quality = _section(rule, "quality")
    if str(quality.get("metric")).partition(".")[0] not in _known(document, "benchmarks"):
        quality.pop("metric", None)
        if "quality" in rule:
            rule["quality"] = quality
    if "decide" in document:
        document["decide"] = rule


def _asking(row: object, names: set[str]) -> object:
    """Return a benchmark without the models that were left out; None where none of its own is left."""
    if not isinstance(row, dict):
        return row
    section = cast("Plain", row)
    asked: object = section.get("models")
    if not isinstance(asked, list) or not asked:
        return section
    kept = [each for each in cast("list[object]", asked) if each in names]
    return {**section, "models": kept} if kept else None


def _section(document: Plain, key: str) -> Plain:
    found: object = document.get(key)
    return dict(cast("Plain", found)) if isinstance(found, dict) else {}


def _rows(document: Plain, key: str) -> list[object]:
    found: object = document.get(key)
    return cast("list[object]", found) if isinstance(found, list) else []


def _known(document: Plain, key: str) -> list[str]:
    return [_name(each) for each in _rows(document, key)]


def _name(row: object) -> str:
    """Return the name of a section, or of what stands for one, with or without a version."""
    if isinstance(row, dict):
        return str(cast("Plain", row).get("name", ""))
    return str(row).partition("@")[0]
