"""The points of a throughput-latency curve, with the stages that can be recommended."""

from collections.abc import Sequence

import msgspec

from bakeoff.charts.throughput import LoadPoint
from bakeoff.records import StageResult
from bakeoff.records.view import SloLine
from bakeoff.reports.percentiles import distribution, supported

_STATISTICS = ("p95", "p90", "p50")
_KNEE_FROM = 3


class LoadPoints(msgspec.Struct, frozen=True, kw_only=True):
    """Points grouped by target, and the statistic of their latency."""

    points: list[LoadPoint]
    statistic: str


def knee(stages: Sequence[StageResult]) -> StageResult | None:
    """Return the stage with the largest rate divided by mean end-to-end time (Kleinrock's power).

    None with fewer than three valid stages, and where the fastest stage has it: then the load never
    came near the limit, and there is no knee to see.
    """
    known = [
        (stage.request_rate / stage.e2e.mean, stage)
        for stage in stages
        if stage.valid and stage.request_rate and stage.e2e is not None and stage.e2e.mean > 0
    ]
    if len(known) < _KNEE_FROM:
        return None
    best = max(known, key=lambda one: one[0])[1]
    fastest = max(known, key=lambda one: one[1].request_rate or 0.0)[1]
    return None if best is fastest else best


def meeting(stages: Sequence[StageResult], attainment: float) -> StageResult | None:
    """Return the valid stage of the highest rate whose attainment is surely at least `attainment`."""
    sure = [
        stage
        for stage in stages
        if stage.valid
        and stage.request_rate is not None
        and stage.slo_attainment is not None
        and stage.slo_attainment.low is not None
        and stage.slo_attainment.low >= attainment
    ]
    return max(sure, key=lambda stage: stage.request_rate or 0.0, default=None)


def _by_load(stages: Sequence[StageResult]) -> list[StageResult]:
    """Return stages from light to heavy load: by requests in flight, else by the rate that was reached."""
    if all(stage.concurrency_mean is not None for stage in stages):
        return sorted(stages, key=lambda stage: stage.concurrency_mean or 0.0)
    return sorted(stages, key=lambda stage: stage.request_rate or 0.0)


def load_points(
    stages: Sequence[StageResult], names: Sequence[str], metric: str, *, slos: Sequence[SloLine] = ()
) -> LoadPoints:
    """Return the points of a metric: its p95, or a lower percentile where a stage is too short for that."""
    found = [
        (stage, stage.request_rate, one)
        for stage in stages
        if stage.request_rate is not None
        and (one := distribution(stage, metric)) is not None
        and supported(one, _STATISTICS[-1])
    ]
    statistic = next(
        (name for name in _STATISTICS if all(supported(one, name) for _, _, one in found)), _STATISTICS[-1]
    )
    points: list[LoadPoint] = []
    for series, name in enumerate(names):
        own = _by_load([stage for stage in stages if stage.target == name])
        bend = knee(own)
        best = meeting(own, slos[0].attainment) if slos else None
        rates = {stage.stage: (rate, one) for stage, rate, one in found if stage.target == name}
        for stage in own:
            if stage.stage not in rates:
                continue
            rate, one = rates[stage.stage]
            bounds = one.bounds.get(statistic)
            points.append(
                LoadPoint(
                    target=name,
                    series=series,
                    stage=stage.stage,
                    rate=rate,
                    latency=getattr(one, statistic),
                    n=one.n,
                    low=None if bounds is None else bounds.low,
                    high=None if bounds is None else bounds.high,
                    valid=stage.valid,
                    knee=stage is bend,
                    meets=stage is best,
                )
            )
    return LoadPoints(points=points, statistic=statistic)
