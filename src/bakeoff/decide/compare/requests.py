"""Compare targets request by request: times of a load, and what answers cost."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from bakeoff.decide.compare.conclusions import Basis, paired_conclusions, unpaired_conclusions
from bakeoff.decide.compare.pairs import adjusted, families
from bakeoff.decide.compare.rows import blank_row, paired_row, unpaired_row
from bakeoff.decide.gather.collect import Answers, Collected, RequestKey, Timed, cluster_names
from bakeoff.prices import usd
from bakeoff.records import BenchmarkSpec, Case, Comparison, DecideSpec, Price, Sample, Target
from bakeoff.stats.blocks import compare_neighbours
from bakeoff.stats.paired import compare_scores
from bakeoff.stats.unpaired import compare_means

_LATENCIES: dict[str, Callable[[Timed], float | None]] = {
    "ttft": lambda one: one.ttft,
    "e2e": lambda one: one.e2e,
}
_BATCHES = 16


def timed(sample: Sample, price: Price | None) -> Timed:
    """Return what is compared of one sample: times of a complete answer, and its cost where that is known."""
    start, first, end = sample.scheduled_at, sample.first_token_at, sample.done_at
    cost = usd(sample, price)
    return Timed(
        due=start,
        ttft=None if first is None or not sample.ok else (first - start) / 1e9,
        e2e=None if end is None or not sample.ok else (end - start) / 1e9,
        cost=None if cost is None or not cost.is_finite() else float(cost),
    )


def latency_comparisons(
    collected: Collected,
    benchmark: BenchmarkSpec,
    targets: Sequence[str],
    rule: DecideSpec,
    *,
    only_incumbent: bool = False,
) -> list[Comparison]:
    """Compare mean latencies in seconds on the requests that both answered, Holm-adjusted within families.

    Requests that are in the server together depend on each other, so whole stretches of neighbours are
    redrawn; see `stats.blocks`.
    """
    asked = families(targets, rule.incumbent, only_incumbent=only_incumbent)
    if not asked:
        return []
    requests = {
        target: _requests(answers, None)
        for target in targets
        if (answers := collected.get((benchmark.name, target))) is not None
    }
    found: list[Comparison] = []
    for metric, read in _LATENCIES.items():
        times = {target: _Times.of(own, read) for target, own in requests.items()}
        for family in asked:
            rows = [
                _compare_times(
                    blank_row(f"{benchmark.name}.{metric}", (a, b), unit="s", level=rule.level),
                    times[a],
                    times[b],
                )
                for a, b in family
                if a in times and b in times and times[a].seconds and times[b].seconds
            ]
            found += adjusted(rows)
    return found


class _Times(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of each request, and when it was due in ns."""

    seconds: dict[RequestKey, float]
    due: dict[RequestKey, int]

    @classmethod
    def of(cls, requests: Mapping[RequestKey, Timed], read: Callable[[Timed], float | None]) -> "_Times":
        """Return the requests that have a time, in the order in which they were due."""
        ordered = sorted(requests.items(), key=lambda each: each[1].due)
        seconds = {key: value for key, one in ordered if (value := read(one)) is not None}
        return cls(seconds=seconds, due={key: requests[key].due for key in seconds})


def cost_comparisons(
    collected: Collected,
    benchmark: BenchmarkSpec,
    cases: Mapping[str, Case],
    targets: Sequence[Target],
    rule: DecideSpec,
    *,
    only_incumbent: bool = False,
) -> list[Comparison]:
    """Compare mean costs in USD per request of the targets with prices, Holm-adjusted within families.

    Repeats of a case are averaged; cases of a cluster are kept together.
    """
    names = [target.name for target in targets]
    asked = families(names, rule.incumbent, only_incumbent=only_incumbent)
    if not asked:
        return []
    costs = {
        target.name: own
        for target in targets
        if (answers := collected.get((benchmark.name, target.name))) is not None
        and (own := _costs(_requests(answers, target.price)))
    }
    found: list[Comparison] = []
    for family in asked:
        rows = [
            _compare_costs(
                blank_row(f"{benchmark.name}.cost", (a, b), unit="USD", level=rule.level),
                costs[a],
                costs[b],
                cases,
            )
            for a, b in family
            if a in costs and b in costs
        ]
        found += adjusted(rows)
    return found


def _requests(answers: Answers, price: Price | None) -> Mapping[RequestKey, Timed]:
    """Return a target's requests; those of a folded load have their cost already."""
    if answers.requests is not None:
        return answers.requests
    return {(one.stage, one.case, one.repeat): timed(one, price) for one in answers.samples}


def _costs(requests: Mapping[RequestKey, Timed]) -> dict[str, float]:
    """Return the mean cost of each case that has one."""
    sums: dict[str, list[float]] = {}
    for (_, case, _), one in requests.items():
        if one.cost is not None:
            sums.setdefault(case, []).append(one.cost)
    return {case: sum(each) / len(each) for case, each in sums.items()}


def _compare_times(blank: Comparison, left: _Times, right: _Times) -> Comparison:
    shared = [key for key in left.seconds if key in right.seconds]
    if not shared:
        sides = [list(times.seconds.values()) for times in (left, right)]
        groups = [[at * _BATCHES // len(own) for at in range(len(own))] for own in sides]
        apart = compare_means(*sides, clusters_a=groups[0], clusters_b=groups[1], level=blank.level)
        return unpaired_row(blank, apart, unpaired_conclusions(apart, "requests"))
    # One schedule alone would make the result depend on which target is named first.
    shared.sort(key=lambda key: left.due[key] + right.due[key])
    a, b = ([times.seconds[key] for key in shared] for times in (left, right))
    result = compare_neighbours(a, b, level=blank.level)
    notes = ["difference of means, over requests that both answered"]
    if count := len(left.seconds) + len(right.seconds) - 2 * len(shared):
        notes.append(f"{count:,} requests are left out because only one of the two has a value")
    notes += paired_conclusions(result, Basis(a=a, b=b, shares=False, what="requests"))
    return paired_row(blank, result, notes)


def _compare_costs(
    blank: Comparison, left: Mapping[str, float], right: Mapping[str, float], cases: Mapping[str, Case]
) -> Comparison:
    shared = [case for case in left if case in right]
    if not shared:
        groups = [cluster_names(list(own), cases) for own in (left, right)]
        sides = [list(own.values()) for own in (left, right)]
        apart = compare_means(*sides, clusters_a=groups[0], clusters_b=groups[1], level=blank.level)
        return unpaired_row(blank, apart, unpaired_conclusions(apart, "cases"))
    a, b = ([own[case] for case in shared] for own in (left, right))
    clusters = cluster_names(shared, cases)
    result = compare_scores(a, b, clusters=clusters, level=blank.level, shares=False)
    notes = ["USD per request, over cases for which both have a cost"]
    if count := len(left) + len(right) - 2 * len(shared):
        notes.append(f"{count:,} cases are left out because only one of the two has a cost")
    notes += paired_conclusions(result, Basis(a=a, b=b, shares=False))
    return paired_row(blank, result, notes)
