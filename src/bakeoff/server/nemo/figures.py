"""The scores of a job as NeMo's results: each score with the statistics of its rows."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from bakeoff.records import Case, Estimate, Sample, Score
from bakeoff.scorers.overlap import corpus_bleu
from bakeoff.server.jobs.job import Job
from bakeoff.server.nemo.metrics import Wanted
from bakeoff.server.nemo.native import KEY, Asked, Part
from bakeoff.server.nemo.shapes import Group
from bakeoff.server.service import Service
from bakeoff.spec.adopted import mapping

Body = dict[str, Any]
_WARMUP = "warmup"


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Of the values of all rows that have one.

    Attributes:
        variance: of a sample, over n - 1; like `stddev` and `stderr` None for fewer than two rows.
        stderr: stddev over the root of n.
        nan_count: rows without a value: failed, cut off, or not gradable.
    """

    count: int
    sum: float | None = None
    sum_squared: float | None = None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    variance: float | None = None
    stddev: float | None = None
    stderr: float | None = None
    nan_count: int = 0


def stats_of(values: Sequence[float], missing: int = 0) -> Stats:
    """Return the statistics of values."""
    n = len(values)
    if not n:
        return Stats(count=0, nan_count=missing)
    mean = math.fsum(values) / n
    variance = math.fsum((each - mean) ** 2 for each in values) / (n - 1) if n > 1 else None
    deviation = None if variance is None else math.sqrt(variance)
    return Stats(
        count=n,
        sum=math.fsum(values),
        sum_squared=math.fsum(each * each for each in values),
        min=min(values),
        max=max(values),
        mean=mean,
        variance=variance,
        stddev=deviation,
        stderr=None if deviation is None else deviation / math.sqrt(n),
        nan_count=missing,
    )


def asked_of(job: Job) -> Asked:
    """Return the evaluation that a job runs."""
    return msgspec.convert(job.asked[KEY], Asked)


def figures(service: Service, job: Job) -> Body:
    """Return `{tasks, groups}` of a job, of what is stored so far; empty before anything is."""
    asked = asked_of(job)
    samples = [each for each in service.samples(job) if each.stage != _WARMUP]
    if not samples:
        return {"tasks": {}, "groups": {}}
    scores: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for score in service.scores(job):
        if score.stage != _WARMUP:
            scores[score.benchmark, score.metric].append(score)
    counts: dict[str, int] = defaultdict(int)
    for sample in samples:
        counts[sample.benchmark] += 1
    tasks: dict[str, Body] = {}
    values: dict[str, dict[tuple[str, str], list[float]]] = {}
    for part in asked.parts:
        if not counts[part.benchmark]:
            continue
        texts = (
            _texts(samples, service.cases(job)[part.benchmark], part.benchmark)
            if any(each.how == "corpus" for each in part.wanted)
            else []
        )
        wanted = part.wanted or _all(part, scores)
        values[part.task] = {
            (each.metric, each.score): values_of(scores[part.benchmark, each.feed], each)
            for each in wanted
            if each.how != "corpus"
        }
        tasks[part.task] = task_figures(wanted, values[part.task], texts, counts[part.benchmark])
    return {"tasks": tasks, "groups": groups_of(asked.groups, values)}


def task_figures(
    wanted: Iterable[Wanted],
    values: Mapping[tuple[str, str], Sequence[float]],
    texts: Sequence[tuple[str, Mapping[str, Any]]],
    rows: int,
) -> Body:
    """Return one task of a result.

    Args:
        wanted: its scores.
        values: of each metric and score, over rows.
        texts: answers with the columns of their rows, where BLEU over all of them is asked.
        rows: how many were asked.
    """
    metrics: dict[str, Body] = {}
    for each in wanted:
        scores = metrics.setdefault(each.metric, {"scores": {}})["scores"]
        if each.how == "corpus":
            value = each.scale * corpus_bleu([_pair(text, fields, each.feed) for text, fields in texts])
            stats = Stats(count=len(texts), nan_count=rows - len(texts))
            scores[each.score] = _score(value if texts else None, stats)
            continue
        known = values[each.metric, each.score]
        stats = stats_of(known, rows - len(known))
        scores[each.score] = _score(stats.mean, stats)
    return {"metrics": metrics}


def groups_of(
    groups: Mapping[str, Group] | None, values: Mapping[str, Mapping[tuple[str, str], list[float]]]
) -> Body:
    """Return the groups of a configuration: the rows of all their tasks taken together."""
    return {name: _group(group, values) for name, group in (groups or {}).items()}


def estimates(result: Body) -> dict[str, Estimate]:
    """Return the scores of a result as records of ours, named `task.metric.score`.

    Their interval is the mean ± 1.96 standard errors where the statistics have one.
    """
    found: dict[str, Estimate] = {}
    for task, body in _members_of(result, "tasks"):
        for metric, told in _members_of(body, "metrics"):
            for name, score in _members_of(told, "scores"):
                found[f"{task}.{metric}.{name}"] = _estimate(score)
    return found


def _members_of(value: Body, key: str) -> list[tuple[str, Body]]:
    """Return the objects below a key; another server may say anything."""
    return [
        (name, cast("Body", each)) for name, each in mapping(value.get(key)).items() if isinstance(each, dict)
    ]


def _estimate(score: Body) -> Estimate:
    stats = mapping(score.get("stats"))
    value, error, count = (
        _number(score.get("value")),
        _number(stats.get("stderr")),
        _number(stats.get("count")),
    )
    reach = None if value is None or error is None else 1.96 * error
    return Estimate(
        value=value,
        unit="",
        n=round(count or 0),
        low=None if value is None or reach is None else value - reach,
        high=None if value is None or reach is None else value + reach,
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _group(group: Group, values: Mapping[str, Mapping[tuple[str, str], list[float]]]) -> Body:
    pooled: dict[tuple[str, str], list[float]] = defaultdict(list)
    for task in _members(group):
        for key, some in values.get(task, {}).items():
            pooled[key] += some
    metrics: dict[str, Body] = {}
    for (metric, score), some in pooled.items():
        stats = stats_of(some)
        metrics.setdefault(metric, {"scores": {}})["scores"][score] = _score(stats.mean, stats)
    inner = {name: _group(each, values) for name, each in (group.groups or {}).items()}
    return {"metrics": metrics, "groups": inner}


def _members(group: Group) -> list[str]:
    found = list(group.tasks or ())
    for each in (group.groups or {}).values():
        found += _members(each)
    return list(dict.fromkeys(found))


def _all(part: Part, scores: Mapping[tuple[str, str], Sequence[Score]]) -> list[Wanted]:
    """Return all metrics of a benchmark under their own names."""
    names = sorted(metric for benchmark, metric in scores if benchmark == part.benchmark)
    return [Wanted(task=part.task, metric=name, score=name, feed=name) for name in names]


def values_of(scores: Iterable[Score], wanted: Wanted) -> list[float]:
    """Return the values of a score, on its scale."""
    if wanted.how == "passed":
        return [float(each.passed) for each in scores if each.passed is not None]
    return [each.value * wanted.scale for each in scores if each.value is not None]


def _texts(
    samples: Iterable[Sample], cases: Mapping[str, Case], benchmark: str
) -> list[tuple[str, Mapping[str, Any]]]:
    return [
        (each.text, cases[each.case].fields) for each in samples if each.ok and each.benchmark == benchmark
    ]


def _pair(text: str, fields: Mapping[str, Any], feed: str) -> tuple[str, list[str]]:
    start = f"value_{feed}_"
    return text, [str(value) for name, value in fields.items() if name.startswith(start)]


def _score(value: float | None, stats: Stats) -> Body:
    told = {name: each for name, each in msgspec.to_builtins(stats).items() if each is not None}
    return {"value": value, "stats": told}
