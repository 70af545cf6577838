"""Results: estimates, comparisons and the verdict, as they stand in `report/results.json`."""

from typing import Any

import msgspec

RESULTS_VERSION = 1


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A metric's value over `n` samples, with an interval of confidence `level` where there is one.

    `value` is None where the samples cannot tell; shares are 0..1, times seconds, money USD.
    """

    value: float | None
    unit: str
    n: int
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    note: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The paired difference `a` minus `b` of a metric over the `n` cases that both answered."""

    a: str
    b: str
    metric: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    n: int
    test: str
    only_a: int | None = None
    only_b: int | None = None
    level: float = 0.95
    note: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: `state` is pass, fail, inconclusive or invalid; `tied` cannot be told from the choice."""

    state: str
    choice: str | None
    tied: list[str]
    sentence: str
    reasons: list[str] = []


class TargetResult(msgspec.Struct, frozen=True, kw_only=True):
    """Everything estimated of one target; `outcomes` counts samples per benchmark and outcome."""

    name: str
    model: str
    engine: str | None
    metrics: dict[str, Estimate]
    outcomes: dict[str, dict[str, int]]
    notes: list[str] = []
    answered_by: dict[str, int] = {}


class StageCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the client was the limit of a load stage; `reasons` say why and what to do."""

    benchmark: str
    target: str
    stage: str
    valid: bool
    reasons: list[str] = []
    facts: dict[str, float | str | None] = {}


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The whole outcome of a run."""

    run: str
    name: str
    plan_hash: str
    targets: list[TargetResult]
    comparisons: list[Comparison]
    verdict: Verdict
    checks: list[StageCheck] = []
    warnings: list[str] = []
    policy: str = ""
    environment: dict[str, Any] = {}
    benchmarks: dict[str, Any] = {}
    schema_version: int = RESULTS_VERSION
