"""What hosting costs: the rate that one server was shown to hold, servers for a traffic, break-even rates."""

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import msgspec

from bakeoff.decide.load.rates import CLOSED
from bakeoff.records import BreakEven, SloSpec, StageResult

SECONDS_PER_HOUR = 3600


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What one server holds, per second.

    Attributes:
        requests: the highest rate of complete answers that was shown; None where none was.
        low: the lower end of its interval; None where that is unknown.
        high: its upper end.
        below: a rate at which the latency targets were shown to be missed.
        tokens: output tokens of a request, on average; None where they were not counted.
        note: which stage shows it, or why none does.
    """

    requests: float | None = None
    low: float | None = None
    high: float | None = None
    below: float | None = None
    tokens: float | None = None
    note: str = ""


class Hosting(msgspec.Struct, frozen=True, kw_only=True):
    """What hosting costs.

    Attributes:
        per_request: USD; None where the capacity is unknown.
        per_month: USD for all servers, over 30 days; None without a traffic.
        replicas: servers; None without a traffic.
        utilisation: share of the servers' capacity in use; None without a traffic.
    """

    per_request: Decimal | None = None
    per_month: Decimal | None = None
    replicas: int | None = None
    utilisation: float | None = None


def capacity_of(stages: Sequence[StageResult], slo: SloSpec | None) -> Capacity:
    """Return what the stages of one load on one server show.

    Only stages in which the client kept up count. With latency targets, a stage counts where the lower bound
    of its attainment is high enough; without, each counts.

    Args:
        stages: of one target in one benchmark.
        slo: the latency targets.
    """
    if not stages:
        return Capacity(note="its throughput was not measured: no benchmark with `measured: true` asked it")
    sound = [stage for stage in stages if stage.valid and stage.request_rate]
    if not sound:
        return Capacity(note="its throughput is unknown: in no stage the client kept up and answers came")
    good = sound if slo is None else [stage for stage in sound if _shown(stage, slo)]
    if slo is not None and not good:
        return Capacity(below=_missed(sound, slo, 0.0), note=_never(sound, slo))
    best = max(good, key=_rate)
    below = None if slo is None else _missed(sound, slo, _rate(best))
    tokens = None if best.output_token_rate is None else best.output_token_rate / _rate(best)
    return Capacity(
        requests=_rate(best),
        low=best.request_rate_low,
        high=best.request_rate_high,
        below=below,
        tokens=tokens or None,
        note=_how(best, slo, below),
    )


def hosting(hour: Decimal, capacity: float, traffic: float | None) -> Hosting:
    """Return what whole servers cost for a traffic; without one, what a request costs on a full server.

    Args:
        hour: USD per hour of one server.
        capacity: requests per second that one server holds.
        traffic: requests per second that are to be served.
    """
    if traffic is None:
        return Hosting(per_request=hour / SECONDS_PER_HOUR / Decimal(capacity))
    replicas = math.ceil(Fraction(traffic) / Fraction(capacity))
    per_second = hour * replicas / SECONDS_PER_HOUR
    return Hosting(
        per_request=per_second / Decimal(traffic),
        per_month=hour * replicas * 24 * 30,
        replicas=replicas,
        utilisation=traffic / (replicas * capacity),
    )


def break_even(hour: Decimal, capacity: float, per_request: Decimal, against: str) -> BreakEven:
    """Return from which traffic whole servers are cheaper than a price by the request.

    n servers hold n * capacity requests/s and cost as much as n * hour / (3600 * per_request) paid ones do.

    Args:
        hour: USD per hour of one server.
        capacity: requests per second that one server holds.
        per_request: USD of a request that is paid by the token.
        against: who charges it.
    """
    if not per_request:
        return BreakEven(against=against, note=f"never: {against} costs nothing")
    first = Fraction(hour) / (SECONDS_PER_HOUR * Fraction(per_request))
    share = first / Fraction(capacity)
    if share >= 1:
        full = float(share) * float(per_request)
        note = f"never: even a full server costs ${1000 * full:.4g} per 1,000 requests, {against} "
        return BreakEven(against=against, note=f"{note}${1000 * per_request:.4g}")
    # With n servers hosting is cheaper throughout ((n-1) * capacity, n * capacity] once n * share <= n - 1.
    dearer = math.ceil(1 / (1 - share)) - 1
    return BreakEven(against=against, from_rate=float(first), always_from=float(dearer * first))


def bounded(point: BreakEven, at_least: BreakEven | None, at_most: BreakEven | None) -> BreakEven:
    """Return a break-even with the interval that follows from that of the throughput.

    More throughput never moves it up, so its ends are the break-evens at the ends. What a paid request costs
    is taken as it is.

    Args:
        point: at the throughput that was measured.
        at_least: at the lower end of the throughput's interval; None where that is unknown.
        at_most: at the upper end.
    """
    if at_least is None or at_most is None:
        return point
    low = at_most.always_from
    note = point.note
    if low is not None and point.always_from is None:
        note += f", but above {low:.4g} requests/s at the upper end of the throughput that was measured"
    return msgspec.structs.replace(
        point,
        always_from_low=low,
        always_from_high=at_least.always_from,
        may_never=low is not None and at_least.always_from is None,
        note=note,
    )


def _rate(stage: StageResult) -> float:
    return stage.request_rate or 0.0


def _shown(stage: StageResult, slo: SloSpec) -> bool:
    share = stage.slo_attainment
    return share is not None and share.low is not None and share.low >= slo.attainment


def _missed(stages: Sequence[StageResult], slo: SloSpec, above: float) -> float | None:
    """Return the lowest rate above another one at which the targets were shown to be missed."""
    rates = [
        stage.asked_rate or _rate(stage)
        for stage in stages
        if stage.slo_attainment is not None
        and stage.slo_attainment.high is not None
        and stage.slo_attainment.high < slo.attainment
    ]
    return min((rate for rate in rates if rate > above), default=None)


def _how(best: StageResult, slo: SloSpec | None, below: float | None) -> str:
    told = f"{_rate(best):.4g} requests/s in stage {best.stage} of {best.benchmark}"
    if slo is None:
        return f"capacity: {told}, the highest rate measured, with no latency target"
    higher = f"at {below:.4g}/s they were missed" if below else "no higher rate was shown to miss them"
    told = f"capacity: at least {told}, where {slo.attainment:.0%} or more met the targets; {higher}"
    return f"{told}; {CLOSED}" if best.closed_loop else told


def _never(stages: Sequence[StageResult], slo: SloSpec) -> str:
    best = max(stages, key=lambda stage: (stage.slo_attainment.low or 0.0) if stage.slo_attainment else 0.0)
    share = best.slo_attainment
    if share is None or share.value is None or share.low is None:
        return "its capacity is unknown: no stage tells how many requests met the latency targets"
    asked = f"no stage was shown to meet the latency targets for {slo.attainment:.0%} of requests"
    nearest = f"{best.stage} came nearest with {share.value:.1%} (at least {share.low:.1%}, n = {share.n})"
    return f"its capacity is unknown: {asked}; {nearest}"
