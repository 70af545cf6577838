"""Rank targets by a quality metric only as far as the paired tests allow."""

from collections.abc import Mapping, Sequence

from bakeoff.decide.gather.collect import Answers, Collected, cluster_names
from bakeoff.records import BenchmarkSpec, Case, Comparison, Place, Ranking
from bakeoff.stats.best import Chance, Scores, chances
from bakeoff.stats.multiple import holm
from bakeoff.stats.rank import Pairwise, Standing, rank_intervals, tied_with_best


def rankings(
    collected: Collected,
    benchmark: BenchmarkSpec,
    cases: dict[str, Case],
    comparisons: Sequence[Comparison],
    level: float,
) -> list[Ranking]:
    """Return the ranking of a benchmark's targets by each metric of its scorers.

    Places come from the tests of all pairs, Holm-adjusted together, so that all rank intervals hold at once
    with the given confidence; the chance of being the best from resampling the cases that all answered.

    Args:
        collected: graded answers.
        benchmark: whose answers are ranked.
        cases: of the benchmark, by id.
        comparisons: of its targets.
        level: confidence of the rank intervals.
    """
    graded: dict[str, dict[str, str]] = {}
    for (name, target), answers in collected.items():
        if name == benchmark.name:
            for scorer, scores in answers.scores.items():
                if scores:
                    graded.setdefault(next(iter(scores.values())).metric, {})[target] = scorer
    found: list[Ranking] = []
    for metric, by_target in graded.items():
        if len(by_target) < 2:
            continue
        values = {
            target: _values(collected[benchmark.name, target], scorer, cases, benchmark)
            for target, scorer in by_target.items()
        }
        name = f"{benchmark.name}.{metric}"
        rows = [row for row in comparisons if row.metric == name]
        if all(values.values()):
            found.append(_ranking(name, values, cases, rows, level))
    return found


def _ranking(
    metric: str,
    values: Mapping[str, Mapping[str, float]],
    cases: Mapping[str, Case],
    rows: Sequence[Comparison],
    level: float,
) -> Ranking:
    first = next(iter(values.values()))
    shared = [case for case in first if all(case in others for others in values.values())]
    means = {target: _mean(own, shared) for target, own in values.items()}
    standings = [Standing(name=target, value=mean) for target, mean in means.items()]
    adjusted = holm([row.p for row in rows])
    pairs = [Pairwise(a=row.a, b=row.b, p=p) for row, p in zip(rows, adjusted, strict=True)]
    tied = tied_with_best(standings, pairs, alpha=1 - level)
    best = _chances(values, shared, cases, level)
    return Ranking(
        metric=metric,
        places=[
            Place(
                target=one.name,
                value=means[one.name],
                rank_low=one.low,
                rank_high=one.high,
                best=best[one.name].best if best else None,
                tied=one.name in tied.tied,
            )
            for one in rank_intervals(standings, pairs, alpha=1 - level)
        ],
        n=len(shared),
        level=level,
        note=_note(values, shared),
    )


def _values(
    answers: Answers, scorer: str, cases: Mapping[str, Case], benchmark: BenchmarkSpec
) -> dict[str, float]:
    found = answers.values(scorer, cases, errors_count=benchmark.errors_count)
    return dict(zip(found.cases, found.values, strict=True))


def _mean(own: Mapping[str, float], shared: Sequence[str]) -> float:
    used = [own[case] for case in shared] if shared else list(own.values())
    return sum(used) / len(used)


def _chances(
    values: Mapping[str, Mapping[str, float]],
    shared: Sequence[str],
    cases: Mapping[str, Case],
    level: float,
) -> dict[str, Chance] | None:
    """Return the chances by name; None where no case was answered by all, or only one."""
    if len(shared) < 2:
        return None
    systems = [Scores(name=target, values=[own[case] for case in shared]) for target, own in values.items()]
    return {one.name: one for one in chances(systems, clusters=cluster_names(shared, cases), level=level)}


def _note(values: Mapping[str, Mapping[str, float]], shared: Sequence[str]) -> str:
    if not shared:
        return "no case was answered by all, so each value stands for cases of its own"
    left = len({case for own in values.values() for case in own}) - len(shared)
    return f"over the cases that all have a value for; {left} others are left out" if left else ""
