"""Samples, scores and results made by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.decide.verdict.constraints import Measured
from bakeoff.decide.verdict.field import Evidence
from bakeoff.records import (
    BenchmarkSpec,
    Case,
    Choice,
    Comparison,
    DecideSpec,
    Estimate,
    Sample,
    Score,
    TargetResult,
)

METRIC = "b.accuracy"


def benchmark(**fields: Any) -> BenchmarkSpec:
    return BenchmarkSpec(**({"name": "b", "dataset": Choice(type="jsonl")} | fields))


def sample(case: str = "c0", target: str = "t", outcome: str = "ok", **fields: Any) -> Sample:
    return Sample(**({"benchmark": "b", "case": case, "target": target, "outcome": outcome} | fields))


def score(case: str = "c0", target: str = "t", passed: bool | None = True, **fields: Any) -> Score:
    known: dict[str, Any] = {
        "benchmark": "b",
        "case": case,
        "target": target,
        "scorer": "exact",
        "metric": "accuracy",
        "value": None if passed is None else float(passed),
        "passed": passed,
        "outcome": "ok" if passed is not None else "error",
    }
    return Score(**(known | fields))


def answers_of(target: str, passed: Sequence[bool | None]) -> tuple[list[Sample], list[Score]]:
    """Return one sample and one score per case; None is a failed request."""
    samples = [
        sample(f"c{n}", target, "error" if one is None else "ok", scheduled_at=n)
        for n, one in enumerate(passed)
    ]
    return samples, [score(f"c{n}", target, one) for n, one in enumerate(passed)]


def cases(count: int, **fields: Any) -> dict[str, Case]:
    return {f"c{n}": Case(id=f"c{n}", reference="r", **fields) for n in range(count)}


def share(value: float | None, *, n: int = 100, spread: float | None = 0.1) -> Estimate:
    known = value is not None and spread is not None
    return Estimate(
        value=value,
        unit="share",
        n=n,
        low=max(0.0, value - spread) if known else None,
        high=min(1.0, value + spread) if known else None,
    )


def result(name: str, metrics: Mapping[str, Estimate]) -> TargetResult:
    return TargetResult(name=name, model=name, engine=None, metrics=dict(metrics), outcomes={})


def row(a: str, b: str, difference: float | None, *, clear: bool, **fields: Any) -> Comparison:
    """Return a comparison; where `clear`, test and interval agree that the two differ."""
    d = difference or 0.0
    reach = abs(d) / 2 if clear else abs(d) + 0.05
    known: dict[str, Any] = {
        "a": a,
        "b": b,
        "metric": METRIC,
        "difference": difference,
        "low": d - reach,
        "high": d + reach,
        "p": 0.01 if clear else 0.5,
        "p_adjusted": 0.02 if clear else 0.7,
        "n": 100,
        "test": "exact McNemar, Tango interval",
        "only_a": 20,
        "only_b": 10,
    }
    return Comparison(**(known | fields))


def evidence(
    values: Mapping[str, float | None],
    comparisons: Sequence[Comparison] = (),
    *,
    rule: DecideSpec | None = None,
    more: Mapping[str, Mapping[str, Estimate]] | None = None,
    measured: Sequence[Measured] = (),
    **fields: Any,
) -> Evidence:
    """Return the evidence of targets with these values of the deciding metric."""
    extra = more or {}
    known: dict[str, Any] = {
        "targets": [
            result(name, {METRIC: share(value)} | dict(extra.get(name, {}))) for name, value in values.items()
        ],
        "comparisons": comparisons,
        "checks": [],
        "rule": rule or DecideSpec(),
        "quality": METRIC,
        "measured": measured,
        "partial": {},
    }
    return Evidence(**(known | fields))
