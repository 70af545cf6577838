"""junit.xml: every rule a test case, for the test report of a CI system."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from bakeoff.charts.svg import visible
from bakeoff.records import Results, TargetResult
from bakeoff.records.imported import StoredRun

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAILED = {"fail": "failure", "invalid": "error", "inconclusive": "skipped"}
_OF_RULES = {"missed": "failure", "open": "skipped"}


class Junit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """JUnit XML as most CI systems read it: a suite per target, a test case per rule.

    A rule that is missed is a failure, one that is open is skipped. A last suite holds the verdict as its
    one test case: inconclusive is skipped, invalid is an error.
    """

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `junit.xml`."""
        results = run.results
        at = (_EPOCH + timedelta(seconds=run.wall_ns // 10**9)).strftime("%Y-%m-%dT%H:%M:%S")
        root = ET.Element("testsuites")
        for target in results.targets:
            _target(root, results, target, at)
        _verdict(root, results, at)
        path = folder / "junit.xml"
        ET.indent(root)
        path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
        return [path]


def _target(root: ET.Element, results: Results, target: TargetResult, at: str) -> None:
    rows = [row for row in results.verdict.constraints if row.target == target.name]
    suite = _suite(root, results, target.name, at, [_OF_RULES.get(row.state, "") for row in rows])
    facts = {"model": target.model, "engine": target.engine or ""}
    for name, estimate in target.metrics.items():
        # Slices follow from the whole, and there may be many.
        if estimate.value is not None and "@" not in name:
            facts |= _numbers(name, estimate.value, estimate.low, estimate.high)
            facts[f"{name}.n"] = str(estimate.n)
    for row in rows:
        if row.chance is not None:
            facts[f"{row.name}.chance"] = _number(row.chance)
    _properties(suite, facts)
    for row in rows:
        _case(suite, _class(results, target.name), row.name, _OF_RULES.get(row.state, ""), row.text)
    _end(suite)


def _verdict(root: ET.Element, results: Results, at: str) -> None:
    verdict = results.verdict
    kind = _FAILED.get(verdict.state, "")
    suite = _suite(root, results, "verdict", at, [kind])
    facts = {
        "run": results.run,
        "plan_hash": results.plan_hash,
        "rule_hash": results.rule_hash,
        "planned_rule_hash": results.planned_rule_hash,
        "state": verdict.state,
        "choice": verdict.choice or "",
        "tied": ", ".join(verdict.tied),
    }
    for row in results.comparisons:
        if row.difference is not None and "@" not in row.metric:
            facts |= _numbers(f"{row.metric}: {row.a} minus {row.b}", row.difference, row.low, row.high)
    _properties(suite, facts)
    text = "\n".join([verdict.sentence, *verdict.reasons, *verdict.surer])
    _case(suite, _class(results, "verdict"), "verdict", kind, text)
    _end(suite)


def _suite(root: ET.Element, results: Results, name: str, at: str, kinds: list[str]) -> ET.Element:
    return ET.SubElement(
        root,
        "testsuite",
        {
            "id": str(len(root)),
            "package": _clean(results.name or results.run),
            "name": _clean(name),
            "timestamp": at,
            "hostname": "localhost",
            "tests": str(len(kinds)),
            "failures": str(kinds.count("failure")),
            "errors": str(kinds.count("error")),
            "skipped": str(kinds.count("skipped")),
            "time": "0",
        },
    )


def _properties(suite: ET.Element, facts: dict[str, str]) -> None:
    held = ET.SubElement(suite, "properties")
    for name, value in facts.items():
        if value:
            ET.SubElement(held, "property", {"name": _clean(name), "value": _clean(value)})


def _case(suite: ET.Element, group: str, name: str, kind: str, text: str) -> None:
    case = ET.SubElement(suite, "testcase", {"name": _clean(name), "classname": group, "time": "0"})
    first = _clean(text.partition("\n")[0])
    if kind == "skipped":
        ET.SubElement(case, kind, {"message": first})
    elif kind:
        ET.SubElement(case, kind, {"message": first, "type": kind}).text = _clean(text)
    ET.SubElement(case, "system-out").text = _clean(text)


def _end(suite: ET.Element) -> None:
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")


def _class(results: Results, name: str) -> str:
    return _clean(f"{results.name or results.run}.{name}")


def _numbers(name: str, value: float, low: float | None, high: float | None) -> dict[str, str]:
    ends = {f"{name}.low": low, f"{name}.high": high}
    return {name: _number(value)} | {key: _number(end) for key, end in ends.items() if end is not None}


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "unknown"


def _clean(text: str) -> str:
    """Return text that XML may hold."""
    return visible(text)
