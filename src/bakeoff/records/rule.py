"""The decision rule: what `decide` in bakeoff.yaml, or a policy file, asks of the targets."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bakeoff.records.units import Count, Figure, Rate, Seconds, Share


class SloSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Latency targets, each in seconds, and the share of requests that must meet all of them.

    Attributes:
        ttft: longest time to the first token.
        ttfa: longest time to the first token of the answer proper.
        tpot: longest mean time per further token.
        e2e: longest time to the end of the answer.
        attainment: share of requests that must meet all limits.
        at_rate: the request rate at which this must hold; a load without a rate of its own leaves it open.
    """

    ttft: Seconds | None = None
    ttfa: Seconds | None = None
    tpot: Seconds | None = None
    e2e: Seconds | None = None
    attainment: Share = 0.95
    at_rate: Rate | None = None


class QualityRule(msgspec.Struct, frozen=True, kw_only=True):
    """The metric that decides, and the loss against the incumbent that would not matter.

    Attributes:
        metric: the metric that decides, as `benchmark.metric`.
        margin: the largest accepted loss against the incumbent, or against the best where there is none: a
            target that is shown to lose less may be chosen for its cost.
        at_least: the lowest accepted value of the metric.
    """

    metric: str | None = None
    margin: Share = 0.0
    at_least: Share | None = None


class MetricRule(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of one more metric; every part that is given must hold.

    Attributes:
        metric: the metric, as `benchmark.metric`.
        at_least: the lowest accepted value, in the metric's unit; times and rates also as `300ms` and `5/s`.
        at_most: the highest accepted value, in the metric's unit.
        margin: the largest accepted loss against the incumbent, in the metric's unit: 0.02 is 2 points.
    """

    metric: str
    at_least: Figure | None = None
    at_most: Figure | None = None
    margin: Annotated[Figure, Meta(ge=0)] | None = None


class BudgetRule(msgspec.Struct, frozen=True, kw_only=True):
    """Ceilings in USD.

    Attributes:
        usd_per_1k_requests: the highest accepted cost of 1,000 requests.
        usd_per_1k_successes: the highest accepted cost of 1,000 tasks that were done right.
        usd_per_month: the highest accepted cost of a month of the traffic that `decide.traffic` states.
    """

    usd_per_1k_requests: Decimal | None = None
    usd_per_1k_successes: Decimal | None = None
    usd_per_month: Decimal | None = None


class RaceRule(msgspec.Struct, frozen=True, kw_only=True):
    """How to stop before all cases are asked, at the same error rate.

    Attributes:
        method: `anytime` looks after every step and drops targets that are shown to be worse, by more than
            the accepted loss; `obrien_fleming` looks a few times at times that are fixed before.
        step: cases per target between two looks of `anytime`.
        looks: how often `obrien_fleming` looks.
        margin: a difference too small to matter: targets that are this close are called tied.
    """

    method: Literal["anytime", "obrien_fleming"] = "anytime"
    step: Count = 20
    looks: Annotated[int, Meta(ge=2, le=20)] = 5
    margin: Share = 0.0


class DecideSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The decision rule.

    Attributes:
        incumbent: the model in use today; another is chosen only where it was shown to be better.
        quality: the quality rule.
        rules: what is asked of further metrics.
        slo: the latency rule.
        budget: the cost rule.
        traffic: requests per second that the chosen target will have to serve, for costs and replicas.
        race: stop early where the cases asked so far decide; `true` takes the usual options.
        level: confidence of every interval and test.
    """

    incumbent: str | None = None
    quality: QualityRule = QualityRule()
    rules: tuple[MetricRule, ...] = ()
    slo: SloSpec | None = None
    budget: BudgetRule | None = None
    traffic: Rate | None = None
    race: bool | RaceRule = False
    level: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95
