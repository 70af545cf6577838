"""What planned cases can show of a floor: whether a share of right answers reaches it.

As in the verdict, shown is what Wilson's interval shows. Scores between 0 and 1 vary less than passes of the
same mean, so they need no more cases than is said here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bakeoff.decide.forecast.power import ASSUMED_ICC, POWER, design_effect
from bakeoff.records import DecideSpec
from bakeoff.stats.power import floor_cases, floor_passes, floor_share

ASSUMED_ABOVE = (0.02, 0.05, 0.1)
"""How far above the floor a target is assumed to be, where no earlier run tells."""


class ObservedShare(msgspec.Struct, frozen=True, kw_only=True):
    """A share that an earlier run observed, over so many cases."""

    share: float
    n: int


class FloorQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A floor that targets are held against.

    Attributes:
        metric: as `benchmark.metric`.
        floor: the lowest accepted share.
        clusters: how many cases each cluster has; all 1 where cases are independent.
        seen: by target, what an earlier run observed.
        run: that run; empty without one.
    """

    metric: str
    floor: float
    clusters: Sequence[int]
    seen: Mapping[str, ObservedShare] = {}
    run: str = ""


class FloorScenario(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes if the true share is this.

    Attributes:
        target: whose it is; empty for any.
        share: the true share.
        source: `assumed`, or how many cases of which run it was observed on.
        needed: cases that show it to reach the floor with the stated power; None where it does not.
    """

    target: str
    share: float
    source: str
    needed: int | None


class PlannedFloor(msgspec.Struct, frozen=True, kw_only=True):
    """What the planned cases can show of one floor.

    Attributes:
        n: planned cases.
        effective: how many independent cases they are worth.
        icc: correlation within clusters that it counts with; None without clusters.
        passes: of the (effective) cases, how many have to be right to show the floor; None where all are too
            few.
        share: the smallest true share that they show to reach it with the stated power; None where none.
        fewest: cases that show it if all are right; None for a floor of 1, which no number shows.
        scenarios: what it takes for single targets or under assumptions.
    """

    metric: str
    floor: float
    n: int
    effective: float
    icc: float | None
    passes: int | None
    share: float | None
    fewest: int | None
    scenarios: list[FloorScenario]
    level: float
    power: float = POWER


def asked_floors(rule: DecideSpec, deciding: str | None) -> Iterator[tuple[str, float]]:
    """Yield the metrics with a floor; one of 0 is always reached.

    Args:
        rule: the decision rule.
        deciding: the metric that decides where the rule names none.
    """
    own = rule.quality.metric or deciding
    if own is not None and rule.quality.at_least:
        yield own, rule.quality.at_least
    for one in rule.rules:
        if one.at_least is not None and 0.0 < one.at_least <= 1.0:
            yield one.metric, one.at_least


def planned_floor(question: FloorQuestion, level: float) -> PlannedFloor:
    """Return what the planned cases can show of a floor."""
    clustered = any(size > 1 for size in question.clusters)
    icc = ASSUMED_ICC if clustered else None
    effect = design_effect(question.clusters, icc or 0.0)
    n, floor = sum(question.clusters), question.floor
    worth = math.floor(n / effect + 1e-9)
    fewest = None if floor >= 1.0 else floor_cases(1.0, floor, level=level, power=POWER)
    return PlannedFloor(
        metric=question.metric,
        floor=floor,
        n=n,
        effective=n / effect,
        icc=icc,
        passes=floor_passes(worth, floor, level=level),
        share=floor_share(worth, floor, level=level, power=POWER),
        fewest=_clustered(fewest, effect),
        scenarios=[
            FloorScenario(
                target=target,
                share=seen.share,
                source=f"{seen.n:,} cases of {question.run}" if seen.n else "assumed",
                needed=_clustered(floor_cases(seen.share, floor, level=level, power=POWER), effect),
            )
            for target, seen in _shares(question)
        ],
        level=level,
    )


def _clustered(cases: int | None, effect: float) -> int | None:
    return None if cases is None else math.ceil(cases * effect)


def _shares(question: FloorQuestion) -> list[tuple[str, ObservedShare]]:
    """Return the true shares to reckon with: those seen, else some above the floor."""
    if question.seen:
        return list(question.seen.items())
    above = [round(question.floor + one, 12) for one in ASSUMED_ABOVE]
    within = [one for one in above if one < 1.0] or [(1.0 + question.floor) / 2.0]
    return [("", ObservedShare(share=one, n=0)) for one in within if question.floor < 1.0]
