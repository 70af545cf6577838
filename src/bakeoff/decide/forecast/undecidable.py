"""Say in sentences what planned cases and requests cannot decide, before they are paid for."""

from collections.abc import Iterator, Sequence

from bakeoff.decide.forecast.floors import FloorScenario, PlannedFloor
from bakeoff.decide.forecast.power import (
    PERCENTILES,
    PlannedComparison,
    PlannedLoad,
    Scenario,
    bounding_requests,
)
from bakeoff.decide.wording import listed
from bakeoff.records import BenchmarkSpec, Spec

_TOLD = frozenset({"p90", "p95", "p99"})


def undecidable(
    spec: Spec,
    comparisons: Sequence[PlannedComparison],
    loads: Sequence[PlannedLoad],
    floors: Sequence[PlannedFloor] = (),
) -> Iterator[str]:
    """Yield what the planned data cannot decide, quality first."""
    yield from _missing_axes(spec, comparisons)
    for metric in dict.fromkeys(row.metric for row in comparisons):
        yield from _of_metric([row for row in comparisons if row.metric == metric])
    for floor in floors:
        yield from _of_floor(floor)
    for load in loads:
        yield from _of_load(load)
    yield from _rates(spec)


def _missing_axes(spec: Spec, comparisons: Sequence[PlannedComparison]) -> Iterator[str]:
    if len(spec.models) < 2:
        yield "there is one target, so nothing is compared: only rules with a fixed bound can be decided"
    elif not comparisons:
        yield "no benchmark grades the answers of two targets, so quality cannot be compared"
    if spec.decide.slo is not None and not any(b.measured for b in spec.benchmarks):
        yield "the latency targets stay open: no benchmark is a load test (`measured: true`)"


def _of_metric(rows: Sequence[PlannedComparison]) -> Iterator[str]:
    first = rows[0]
    seen = [row for row in rows if row.scenarios[0].source != "assumed"]
    guessed = next((row for row in rows if row not in seen), None)
    many = f"{first.family} comparisons, the first at {100 * first.alpha:.2g} %"
    how = f"{100 * first.power:g} % power, {many if first.family > 1 else 'one comparison'}"
    if guessed is not None:
        yield _gap_assumed(guessed, how)
    if seen:
        yield _gap_seen(seen, how)
    needs = [*_needed_seen(seen), *(_needed_assumed(guessed) if guessed is not None else ())]
    if needs:
        margin = f"for your margin of {_points(first.margin)} on {first.metric}"
        yield f"{margin}, {'; '.join(needs)} ({first.n:,} are planned)"


def _gap_assumed(row: PlannedComparison, how: str) -> str:
    least, most = row.scenarios[0], row.scenarios[-1]
    if least.gap is None and most.gap is None:
        return f"{_cases(row, least)} can show no gap at all on {row.metric}, however large ({how})"
    if least.gap is None:
        head = f"no gap on {row.metric} will be seen if two targets disagree on {_share(least)} of the cases"
        return f"with {_cases(row, least)}, {head}; {_least(most)} if on {_share(most)} ({how})"
    return (
        f"with {_cases(row, least)}, {_least(least)} on {row.metric} will mostly not be seen if two targets "
        f"disagree on {_share(least)} of the cases; {_least(most)} if on {_share(most)} ({how})"
    )


def _gap_seen(rows: Sequence[PlannedComparison], how: str) -> str:
    """Say it of the pair with the finest and of that with the coarsest gap."""
    ordered = sorted(rows, key=lambda row: 2.0 if row.scenarios[0].gap is None else row.scenarios[0].gap)
    ends = ordered if len(ordered) < 3 else [ordered[0], ordered[-1]]
    told = "; ".join(
        f"{_least(row.scenarios[0])} between {row.a} and {row.b}, who disagreed on "
        f"{_share(row.scenarios[0])} of {row.scenarios[0].source}"
        for row in ends
    )
    inner = len(rows) - 2
    rest = f"; {inner:,} {'pair lies' if inner == 1 else 'pairs lie'} between" if inner > 0 else ""
    first = rows[0]
    return (
        f"with {_cases(first, first.scenarios[0])}, these will mostly not be seen on {first.metric}: "
        f"{told}{rest} ({how})"
    )


def _least(scenario: Scenario) -> str:
    return "no gap however large" if scenario.gap is None else f"a gap under {_points(scenario.gap)}"


def _cases(row: PlannedComparison, scenario: Scenario) -> str:
    if scenario.icc is None:
        return f"{row.n:,} cases"
    worth = f"worth {scenario.effective:,.0f} at a correlation of {scenario.icc:.2g}"
    return f"{row.n:,} cases in clusters ({worth})"


def _needed_assumed(row: PlannedComparison) -> Iterator[str]:
    """Say how many cases a margin takes, where that is more than planned."""
    unmet = [one for one in row.scenarios if one.needed is not None and one.needed > row.n]
    if unmet:
        each = [f"{one.needed:,} if two targets disagree on {_share(one)} of them" for one in unmet[:1]]
        each += [f"{one.needed:,} if on {_share(one)}" for one in unmet[1:]]
        yield f"about this many cases are needed: {', '.join(each)}"


def _needed_seen(rows: Sequence[PlannedComparison]) -> Iterator[str]:
    for row in rows:
        needed = row.scenarios[0].needed
        if needed is not None and needed > row.n:
            yield f"about {needed:,} cases are needed for {row.a} and {row.b}"


def _of_floor(one: PlannedFloor) -> Iterator[str]:
    floor = f"your floor of {_percent(one.floor)} on {one.metric}"
    worth = "" if one.icc is None else f" (worth {one.effective:,.0f} at a correlation of {one.icc:.2g})"
    if one.fewest is None:
        yield f"no number of cases shows that a target reaches {floor}"
        return
    if one.passes is None:
        yield (
            f"with {one.n:,} cases{worth}, no target can be shown to reach {floor}, even if all its answers "
            f"are right: that takes {one.fewest:,}"
        )
    unmet = [each for each in one.scenarios if each.needed is not None and each.needed > one.n]
    if unmet:
        needs = ", ".join(map(_floor_need, unmet))
        yield (
            f"to show that a target reaches {floor}, about this many cases are needed: {needs} "
            f"({one.n:,}{worth} are planned; {100 * one.power:g} % power)"
        )
    for each in one.scenarios:
        if each.needed is None:
            yield f"{each.target} was right on {_percent(each.share)} of {each.source}, which misses {floor}"


def _floor_need(one: FloorScenario) -> str:
    if one.target:
        return f"{one.needed:,} for {one.target}, right on {_percent(one.share)} of {one.source}"
    return f"{one.needed:,} if it is right on {_percent(one.share)}"


def _percent(share: float) -> str:
    return f"{round(100 * share, 1):g} %"


def _of_load(load: PlannedLoad) -> Iterator[str]:
    if load.attainment is not None and load.misses is None:
        much = f"{100 * load.attainment:g} %"
        if load.needed is None:
            yield f"{load.benchmark}: no number of requests proves that {much} meet the latency targets"
        else:
            yield (
                f"{load.benchmark}: {load.requests:,} requests cannot prove an attainment of {much}, even "
                f"without a miss: that takes {load.needed:,}"
            )
    open_ones = [name for name in PERCENTILES if name in _TOLD and name not in load.percentiles]
    if open_ones:
        needs = ", ".join(
            f"{name} takes {bounding_requests(PERCENTILES[name], load.level):,}" for name in open_ones
        )
        yield (
            f"{load.benchmark}: with {load.requests:,} requests there is no upper bound of "
            f"{listed(open_ones)} ({needs})"
        )


def _rates(spec: Spec) -> Iterator[str]:
    """Say where the rate at which latency targets must hold is not the one that is sent."""
    for benchmark in spec.benchmarks:
        slo = benchmark.slo or spec.decide.slo
        if not benchmark.measured or slo is None or slo.at_rate is None or _finds_rate(benchmark):
            continue
        rate = benchmark.load.options.get("rate")
        if not isinstance(rate, int | float):
            yield (
                f"{benchmark.name}: answers set the pace of its load, so it says nothing of {slo.at_rate:g}/s"
            )
        elif rate < slo.at_rate:
            yield f"{benchmark.name}: it sends {rate:g}/s, so it cannot show that {slo.at_rate:g}/s is borne"


def _finds_rate(benchmark: BenchmarkSpec) -> bool:
    return benchmark.load.kind in {"search", "sweep"}


def _points(share: float) -> str:
    return f"{round(100 * share, 1):g} points"


def _share(scenario: Scenario) -> str:
    return f"{round(100 * scenario.disagreement, 1):g} %"
