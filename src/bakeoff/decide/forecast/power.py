"""What planned cases and requests can show, before anything is sent.

Knows counts, the decision rule and assumptions (or what an earlier run observed); no cases and no answers.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec

from bakeoff.decide.compare.pairs import Pair, families
from bakeoff.records import DecideSpec
from bakeoff.stats.intervals import clopper_pearson
from bakeoff.stats.power import noninferior_cases, paired_gap

ASSUMED_DISAGREEMENT = (0.2, 0.3, 0.5)
"""Shares of cases that exactly one of two targets gets right, where no earlier run tells."""
ASSUMED_ICC = 0.2
"""How alike the differences of one cluster are, where no earlier run tells."""
POWER = 0.8
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What an earlier run says of two targets.

    Attributes:
        disagreement: mean squared difference of their values; of passes, the share that one alone got.
        n: cases that both answered.
        icc: how alike the differences within a cluster are; None where that cannot be told.
    """

    disagreement: float
    n: int
    icc: float | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that is to be compared.

    Attributes:
        metric: as `benchmark.metric`.
        targets: who is asked.
        clusters: how many cases each cluster has; all 1 where cases are independent.
        margin: the largest loss that would not matter; 0 where none is asked.
    """

    metric: str
    targets: Sequence[str]
    clusters: Sequence[int]
    margin: float = 0.0

    @property
    def cases(self) -> int:
        """Return how many cases are planned."""
        return sum(self.clusters)

    @property
    def clustered(self) -> bool:
        """Tell whether some cases belong together."""
        return any(size > 1 for size in self.clusters)


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What is detectable if two targets disagree so often.

    Attributes:
        disagreement: the share of cases that exactly one of them gets right; of scores, their mean squared
            difference.
        source: `assumed`, or how many cases of which run it was observed on.
        gap: the smallest true gap that the planned cases show with the stated power; None where they show
            none, however large.
        needed: cases that show a loss to be below the margin, for two equally good targets; None without a
            margin.
        icc: correlation of the differences within clusters that it counts with; None without clusters.
        effective: how many independent cases the planned ones are worth.
    """

    disagreement: float
    source: str
    gap: float | None
    needed: int | None
    icc: float | None
    effective: float


class PlannedComparison(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison to come, `a` with `b`.

    Attributes:
        n: planned cases.
        family: how many comparisons share the level (Holm).
        alpha: what the first of them must fall below.
        margin: the largest loss that would not matter; 0 where none is asked.
    """

    a: str
    b: str
    metric: str
    n: int
    family: int
    alpha: float
    margin: float
    scenarios: list[Scenario]
    power: float = POWER


class PlannedLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What the requests of one load stage can show of one target.

    Attributes:
        requests: that are planned, of a search those of each step.
        attainment: the asked share within the latency targets; None where none is asked.
        needed: the fewest requests that prove it, all of them within; None where none can.
        misses: how many of the planned ones may miss it; None where they cannot prove it even without.
        percentiles: those with an upper bound at so many requests.
    """

    benchmark: str
    requests: int
    attainment: float | None
    needed: int | None
    misses: int | None
    percentiles: list[str]
    level: float


def planned_comparisons(
    question: Question, rule: DecideSpec, seen: Mapping[tuple[str, str], Observed], run: str = ""
) -> list[PlannedComparison]:
    """Return the comparisons of one metric that decide, each with what it can show.

    With an incumbent these are the challengers against it, else all pairs.

    Args:
        question: the metric and the planned cases.
        rule: for its level and its incumbent.
        seen: by pair in either order, what an earlier run observed.
        run: its name.
    """
    none: list[Pair] = []
    family = next(iter(families(question.targets, rule.incumbent)), none)
    alpha = round((1 - rule.level) / max(1, len(family)), 12)
    # One-sided, over the targets that are held against one reference.
    tail = (1 - rule.level) / 2 / max(1, len(question.targets) - 1)
    found: list[PlannedComparison] = []
    for a, b in family:
        observed = seen.get((a, b)) or seen.get((b, a))
        known = observed is not None and 0 < observed.disagreement <= 1
        assumed = [Observed(disagreement=d, n=0) for d in ASSUMED_DISAGREEMENT]
        scenarios = [
            _scenario(question, one, (alpha, tail), run) for one in ([observed] if known else assumed) if one
        ]
        found.append(
            PlannedComparison(
                a=a,
                b=b,
                metric=question.metric,
                n=question.cases,
                family=len(family),
                alpha=alpha,
                margin=question.margin,
                scenarios=scenarios,
            )
        )
    return found


def _scenario(question: Question, given: Observed, levels: tuple[float, float], run: str) -> Scenario:
    icc = (ASSUMED_ICC if given.icc is None else given.icc) if question.clustered else None
    effect = design_effect(question.clusters, icc or 0.0)
    alpha, tail = levels
    needed = None
    if question.margin:
        independent = noninferior_cases(
            min(1.0, question.margin), given.disagreement, alpha=tail, power=POWER
        )
        needed = math.ceil(independent * effect)
    # Signs of so few groups can be flipped in so few ways that no p falls below the level.
    decidable = 2.0 ** (1 - len(question.clusters)) < alpha
    return Scenario(
        disagreement=given.disagreement,
        source=f"{given.n:,} cases of {run}" if given.n else "assumed",
        gap=detectable_gap(question.cases / effect, given.disagreement, alpha) if decidable else None,
        needed=needed,
        icc=icc,
        effective=question.cases / effect,
    )


def detectable_gap(cases: float, disagreement: float, alpha: float) -> float | None:
    """Return the smallest true gap that so many independent cases show, None where they show none.

    Half a case is added to the gap of the approximate test: the exact one counts whole cases, which costs
    power where few disagree. Power at this gap is 79 to 92 %, nearer to 80 % the more cases disagree.
    """
    gap = paired_gap(math.floor(cases), disagreement, alpha=alpha, power=POWER)
    if gap is None:
        return None
    gap += 0.5 / math.floor(cases)
    return gap if gap < disagreement else None


def design_effect(clusters: Sequence[int], icc: float) -> float:
    """Return how many clustered cases are worth one independent case.

    1 + (sum m^2 / sum m - 1) icc over cluster sizes m; Kish 1965, with the size that a case sees.
    """
    total = sum(clusters)
    if not total:
        return 1.0
    return 1.0 + (sum(size * size for size in clusters) / total - 1.0) * icc


def planned_load(benchmark: str, requests: int, attainment: float | None, level: float) -> PlannedLoad:
    """Return what the requests of a load stage can show."""
    return PlannedLoad(
        benchmark=benchmark,
        requests=requests,
        attainment=attainment,
        needed=None if attainment is None else proving_requests(attainment, level),
        misses=None if attainment is None else allowed_misses(requests, attainment, level),
        percentiles=[name for name, q in PERCENTILES.items() if requests >= bounding_requests(q, level)],
        level=level,
    )


def proving_requests(attainment: float, level: float) -> int | None:
    """Return the fewest requests whose exact lower bound reaches a share, none of them missing.

    (1 - level) / 2 = attainment^n; None for a share of 1, which no number proves.
    """
    if attainment >= 1.0:
        return None
    if attainment <= 0.0:
        return 1
    needed = max(1, math.ceil(math.log((1.0 - level) / 2.0) / math.log(attainment)))
    # The logarithms may be off by one where they meet a whole number.
    return needed if clopper_pearson(needed, needed, level=level).low >= attainment else needed + 1


def allowed_misses(requests: int, attainment: float, level: float) -> int | None:
    """Return how many requests may miss while the rest still proves a share; None where even none may."""

    def proved(misses: int) -> bool:
        return clopper_pearson(requests - misses, requests, level=level).low >= attainment

    if not requests or not proved(0):
        return None
    low, high = 0, requests + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle <= requests and proved(middle) else (low, middle)
    return low


def bounding_requests(q: float, level: float) -> int:
    """Return the fewest independent values whose largest bounds the q-quantile: q^n <= (1 - level) / 2."""
    return math.ceil(math.log((1.0 - level) / 2.0) / math.log(q))
