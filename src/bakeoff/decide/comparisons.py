"""Paired comparisons of targets on the same cases, adjusted for how many are made."""

from collections.abc import Sequence, Set
from itertools import combinations

import msgspec

from bakeoff.decide.collect import Collected, case_values, cluster_names, slices
from bakeoff.records import BenchmarkSpec, Case, Comparison, DecideSpec, Sample
from bakeoff.stats.multiple import holm
from bakeoff.stats.paired import PairedResult, compare_passes, compare_scores

_LATENCIES = ("ttft", "e2e")
_BATCHES = 16


def quality_comparisons(
    collected: Collected,
    benchmark: BenchmarkSpec,
    cases: dict[str, Case],
    targets: Sequence[str],
    rule: DecideSpec,
) -> list[Comparison]:
    """Compare every pair of targets on each scorer's metric, Holm-adjusted over the pairs of the metric."""
    scorers = list(dict.fromkeys(s for t in targets for s in _scorers(collected, benchmark.name, t)))
    graded = _Graded(collected=collected, benchmark=benchmark, cases=cases, level=rule.level)
    found: list[Comparison] = []
    for scorer in scorers:
        both = pairs(targets, rule.incumbent)
        rows = [_compare_scorer(graded, scorer, pair, None) for pair in both]
        found += adjusted([row for row in rows if row is not None])
        found += _slice_comparisons(graded, scorer, both)
    return found


def _slice_comparisons(graded: "_Graded", scorer: str, both: Sequence[tuple[str, str]]) -> list[Comparison]:
    """Compare within each slice, Holm-adjusted over all slices of one name: looking at many is one family."""
    families: dict[str, list[Comparison]] = {}
    for label, members in slices(graded.cases.values()).items():
        for pair in both:
            row = _compare_scorer(graded, scorer, pair, (label, members))
            if row is not None and row.n:
                families.setdefault(label.partition("=")[0], []).append(row)
    return [row for rows in families.values() if len(rows) > 1 for row in adjusted(rows)]


class _Graded(msgspec.Struct, frozen=True, kw_only=True):
    """What comparisons of one benchmark's grades need."""

    collected: Collected
    benchmark: BenchmarkSpec
    cases: dict[str, Case]
    level: float


def latency_comparisons(
    collected: Collected, benchmark: BenchmarkSpec, targets: Sequence[str], rule: DecideSpec
) -> list[Comparison]:
    """Compare mean latencies in seconds of every pair on the requests that both answered.

    Requests that are in the server together depend on each other, so runs of neighbours are resampled as
    wholes (batch means), at most 16 of them, for which every sign pattern can be counted.
    """
    found: list[Comparison] = []
    for metric in _LATENCIES:
        rows: list[Comparison] = []
        for a, b in pairs(targets, rule.incumbent):
            left, right = (_latencies(collected, benchmark.name, t, metric) for t in (a, b))
            shared = [key for key in left if key in right]
            if len(shared) < 2:
                continue
            batches = min(_BATCHES, len(shared))
            result = compare_scores(
                [left[key] for key in shared],
                [right[key] for key in shared],
                clusters=[at * batches // len(shared) for at in range(len(shared))],
                level=rule.level,
            )
            row = _record(f"{benchmark.name}.{metric}", a, b, result, rule.level)
            note = "difference of means, over requests that both answered" + _left_out(
                left.keys() ^ right.keys(), "requests"
            )
            rows.append(msgspec.structs.replace(row, note=note))
        found += adjusted(rows)
    return found


def pairs(targets: Sequence[str], incumbent: str | None) -> list[tuple[str, str]]:
    """Return the pairs to compare: all, each challenger first against the incumbent where there is one."""
    if incumbent is not None and incumbent in targets:
        others = [target for target in targets if target != incumbent]
        return [(other, incumbent) for other in others] + list(combinations(others, 2))
    return list(combinations(targets, 2))


def adjusted(rows: list[Comparison]) -> list[Comparison]:
    """Return the rows with Holm-adjusted p values."""
    values = holm([row.p for row in rows])
    return [msgspec.structs.replace(row, p_adjusted=p) for row, p in zip(rows, values, strict=True)]


def _scorers(collected: Collected, benchmark: str, target: str) -> list[str]:
    answers = collected.get((benchmark, target))
    return list(answers.graded) if answers else []


def _compare_scorer(
    graded: _Graded, scorer: str, pair: tuple[str, str], part: tuple[str, frozenset[str]] | None
) -> Comparison | None:
    """Compare a pair on a scorer's values, over all cases or over a slice (its label and its cases)."""
    benchmark, cases, level = graded.benchmark, graded.cases, graded.level
    sides = [graded.collected.get((benchmark.name, target)) for target in pair]
    if any(side is None or not side.graded.get(scorer) for side in sides):
        return None
    scores = [side.graded[scorer] for side in sides if side is not None]
    keep = part[1] if part else None
    values = [case_values(each, cases, errors_count=benchmark.errors_count, keep=keep) for each in scores]
    left, right = (dict(zip(v.cases, v.values, strict=True)) for v in values)
    shared = [case for case in left if case in right]
    metric = f"{benchmark.name}.{next(iter(scores[0].values())).metric}" + (f"@{part[0]}" if part else "")
    if not shared:
        return Comparison(
            a=pair[0],
            b=pair[1],
            metric=metric,
            difference=None,
            low=None,
            high=None,
            p=None,
            p_adjusted=None,
            n=0,
            test="none",
            level=level,
            note="the two targets have no graded case in common",
        )
    clusters = cluster_names(shared, cases)
    if values[0].binary and values[1].binary:
        result = compare_passes(
            [left[case] == 1 for case in shared],
            [right[case] == 1 for case in shared],
            clusters=clusters,
            level=level,
        )
    else:
        result = compare_scores(
            [left[case] for case in shared], [right[case] for case in shared], clusters=clusters, level=level
        )
    row = _record(metric, pair[0], pair[1], result, level)
    return msgspec.structs.replace(
        row, note=_left_out(left.keys() ^ right.keys(), "cases").removeprefix("; ")
    )


def _left_out(keys: Set[object], what: str) -> str:
    return f"; {len(keys)} {what} are left out because only one of the two has a value" if keys else ""


def _record(metric: str, a: str, b: str, result: PairedResult, level: float) -> Comparison:
    return Comparison(
        a=a,
        b=b,
        metric=metric,
        difference=result.difference,
        low=result.low,
        high=result.high,
        p=result.p,
        p_adjusted=None,
        n=result.n,
        test=result.test,
        only_a=result.only_a,
        only_b=result.only_b,
        level=level,
    )


def _latencies(
    collected: Collected, benchmark: str, target: str, metric: str
) -> dict[tuple[str, int], float]:
    answers = collected.get((benchmark, target))
    if answers is None:
        return {}
    if answers.latencies is not None:
        return answers.latencies[metric]
    found: dict[tuple[str, int], float] = {}
    for sample in sorted(answers.samples, key=lambda sample: sample.scheduled_at):
        end = _end(sample, metric)
        if sample.ok and end is not None:
            found[sample.case, sample.repeat] = (end - sample.scheduled_at) / 1e9
    return found


def _end(sample: Sample, metric: str) -> int | None:
    return sample.first_token_at if metric == "ttft" else sample.done_at
