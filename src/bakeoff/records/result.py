"""Results: estimates, comparisons and the verdict, as they stand in `report/results.json`."""

from typing import Any

import msgspec

from bakeoff.records.costs import TargetCost
from bakeoff.records.scraped import ServerMetrics

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
    """The paired difference `a` minus `b` of a metric over the `n` cases that both answered.

    Attributes:
        only_a: cases that only `a` passed; for other values, those where it has the higher one.
        only_b: likewise of `b`.
        note: what can and cannot be concluded from these cases, and what was left out.
        unit: of the difference.
        n_b: cases of `b` where the two answered different ones; then `n` counts those of `a`.
    """

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
    unit: str = "share"
    n_b: int | None = None


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """How a target stands to one rule: `state` is met, missed or open, `text` says it with the numbers.

    Attributes:
        chance: that the rule holds, as far as the samples tell; None where they cannot.
    """

    target: str
    name: str
    state: str
    text: str
    chance: float | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A target's place in a ranking.

    Attributes:
        rank_low: the best rank that the comparisons leave open, 1 for the first.
        rank_high: the worst.
        best: chance of being the best, over resamples of the cases; None where it cannot be told.
        tied: it cannot be told from the best.
    """

    target: str
    value: float
    rank_low: int
    rank_high: int
    best: float | None = None
    tied: bool = False


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The targets by one metric, best first; no rank is without its tie set."""

    metric: str
    places: list[Place]
    n: int
    level: float = 0.95
    note: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: `state` is pass, fail, inconclusive or invalid; `tied` cannot be told from the choice.

    Attributes:
        constraints: how every target stands to every rule.
        frontier: the targets that no other one dominates in quality, latency and cost.
        dominated: by target, those that are at least as good in all of these and better in one.
        changes: what would change the choice.
        surer: what it would take to be surer.
        missing: the axes that nothing is known of: never assumed, always said.
    """

    state: str
    choice: str | None
    tied: list[str]
    sentence: str
    reasons: list[str] = []
    constraints: list[Constraint] = []
    frontier: list[str] = []
    dominated: dict[str, list[str]] = {}
    changes: list[str] = []
    surer: list[str] = []
    missing: list[str] = []


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


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The interval of a percentile; a side is None where the samples do not reach far enough for it."""

    low: float | None
    high: float | None


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """A summary of `n` values: mean, extremes and percentiles, in the unit of the values.

    Attributes:
        bounds: by the name of a percentile, its interval of confidence `level`, where one was computed.
    """

    n: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    min: float
    max: float
    bounds: dict[str, Bounds] = {}
    level: float = 0.95


class ServerStage(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of one load stage, beside what the client saw; None where it does not say.

    Attributes:
        ttft: its own time to first token; likewise `e2e`, `tpot` and `queue`.
        output_rate: tokens per second of an answer.
        ttft_overhead: what the client saw beyond it, from sending; likewise `e2e_overhead`.
        batch_size: requests that it computed together.
        switching_time: seconds between the least and the greatest `ttft` at the largest batch.
        draft_acceptance: share of drafted tokens that were accepted.
        metrics: what its `/metrics` said.
    """

    ttft: Distribution | None = None
    e2e: Distribution | None = None
    tpot: Distribution | None = None
    queue: Distribution | None = None
    output_rate: Distribution | None = None
    ttft_overhead: Distribution | None = None
    e2e_overhead: Distribution | None = None
    batch_size: Estimate | None = None
    switching_time: Estimate | None = None
    draft_acceptance: Estimate | None = None
    metrics: ServerMetrics | None = None


class StageResult(msgspec.Struct, frozen=True, kw_only=True):
    """One load stage of one target. Times are seconds, rates per second; None is unknown, never zero.

    Attributes:
        load: the load's `kind` and options.
        outcomes: samples by outcome.
        itl: gaps between tokens, None where an event held several tokens; `chunk_gap` has those.
        service: from sending to the end, without the time that a request waited on our side.
        request_rate: complete answers per second.
        request_rate_low: the lower end of its 95 % interval, by how the answers spread over the window; None
            where they are too few to tell.
        request_rate_high: its upper end.
        asked_rate: requests per second that the load asked for, None in a closed loop, or where it changes.
        slo_attainment: share of requests that met every latency target, with its exact interval.
        goodput: requests per second that met every latency target.
        seconds: length of the window that the rates stand for.
        concurrency_mean: requests in flight, on average.
        streams: answers between their first and last token, on average over the window.
        client: whether the client was the limit.
        steady_from: start of the steady window in seconds from the stage's first due request.
        steady_to: its end.
        server: what the server says, None where it says nothing.
    """

    benchmark: str
    target: str
    stage: str
    load: dict[str, Any] = {}
    outcomes: dict[str, int] = {}
    ttft: Distribution | None = None
    ttfa: Distribution | None = None
    itl: Distribution | None = None
    tpot: Distribution | None = None
    e2e: Distribution | None = None
    lag: Distribution | None = None
    chunk_gap: Distribution | None = None
    service: Distribution | None = None
    request_rate: float | None = None
    output_token_rate: float | None = None
    asked_rate: float | None = None
    slo_attainment: Estimate | None = None
    goodput: float | None = None
    seconds: float | None = None
    concurrency_mean: float | None = None
    client: StageCheck | None = None
    prompt_tokens: Distribution | None = None
    output_tokens: Distribution | None = None
    cached_tokens: Distribution | None = None
    steady_from: float | None = None
    steady_to: float | None = None
    streams: float | None = None
    server: ServerStage | None = None
    request_rate_low: float | None = None
    request_rate_high: float | None = None

    @property
    def valid(self) -> bool:
        """Tell whether the numbers are the server's, as far as the client was checked."""
        return self.client is None or self.client.valid

    @property
    def closed_loop(self) -> bool:
        """Tell whether requests waited for answers, so that a slow server was asked less often."""
        return self.load.get("kind") in {"sequential", "concurrent", "throughput"}


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The whole outcome of a run.

    Attributes:
        rule_hash: names the decision rule of the verdict.
        planned_rule_hash: names the one that the run was started with; empty where that was not kept.
    """

    run: str
    name: str
    plan_hash: str
    targets: list[TargetResult]
    comparisons: list[Comparison]
    verdict: Verdict
    rankings: list[Ranking] = []
    costs: list[TargetCost] = []
    checks: list[StageCheck] = []
    stages: list[StageResult] = []
    warnings: list[str] = []
    policy: str = ""
    rule_hash: str = ""
    planned_rule_hash: str = ""
    environment: dict[str, Any] = {}
    benchmarks: dict[str, Any] = {}
    schema_version: int = RESULTS_VERSION
