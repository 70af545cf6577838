"""The scores of a job as NeMo's results: each score with the statistics of its rows."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from bakeoff.decide.gather.collect import CaseKey, case_values
from bakeoff.records import Sample, Score
from bakeoff.scorers.overlap import corpus_bleu
from bakeoff.server.jobs.job import Job
from bakeoff.server.nemo.metrics import Wanted
from bakeoff.server.nemo.native import KEY, Asked, Part
from bakeoff.server.nemo.shapes import Group
from bakeoff.server.service import Service

Body = dict[str, Any]
_WARMUP = "warmup"


Key = tuple[str, str]
"""A metric and its score."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One score over the rows of a task.

    Attributes:
        values: of the rows, those that count as 0 among them.
        missing: rows without a grade.
        pairs: answers with their references, where BLEU over all of them is asked.
        scale: of that BLEU.
    """

    values: list[float] = []
    missing: int = 0
    pairs: list[tuple[str, list[str]]] | None = None
    scale: float = 1.0


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Of the values of all rows; one that failed, was cut off or is unparsable has 0, as in our own results.

    Attributes:
        count: rows with a value. Where a judge failed nothing is known of the answer: such a row has none.
        variance: of a sample, over n - 1; like `stddev` and `stderr` None for fewer than two rows.
        stderr: stddev over the root of n.
        nan_count: rows without a grade of their own: those with 0 for that, and those that a judge failed on.
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
    samples: dict[str, dict[CaseKey, Sample]] = defaultdict(dict)
    for sample in service.samples(job):
        if sample.stage != _WARMUP:
            samples[sample.benchmark][sample.case, sample.repeat] = sample
    if not samples:
        return {"tasks": {}, "groups": {}}
    scores: dict[Key, dict[CaseKey, Score]] = defaultdict(dict)
    for score in service.scores(job):
        if score.stage != _WARMUP:
            scores[score.benchmark, score.metric][score.case, score.repeat] = score
    columns: dict[str, dict[Key, Column]] = {}
    for part in asked.parts:
        if not (answers := samples.get(part.benchmark)):
            continue
        found: dict[Key, Column] = {}
        for each in part.wanted or _all(part, scores):
            if each.how == "corpus":
                cases = service.cases(job)[part.benchmark]
                texts = [(_text(answer), cases[answer.case].fields) for answer in answers.values()]
                column = corpus_column(each, texts)
            else:
                column = column_of(each, scores[part.benchmark, each.feed], len(answers))
            found[each.metric, each.score] = column
        columns[part.task] = found
    return told_figures(columns, asked.groups)


def told_figures(columns: Mapping[str, Mapping[Key, Column]], groups: Mapping[str, Group] | None) -> Body:
    """Return `{tasks, groups}`; a group has the rows of all its tasks taken together.

    Args:
        columns: of each task.
        groups: of the configuration.
    """
    return {
        "tasks": {task: {"metrics": _metrics(found)} for task, found in columns.items()},
        "groups": {name: _group(group, columns) for name, group in (groups or {}).items()},
    }


def column_of(wanted: Wanted, scores: Mapping[CaseKey, Score], rows: int) -> Column:
    """Return the values of a score on its scale, one for each case, by the rule of our own results.

    Args:
        wanted: the score.
        scores: by case and repeat.
        rows: how many were asked.
    """
    if wanted.how == "passed":
        scores = {key: msgspec.structs.replace(each, value=None) for key, each in scores.items()}
    found = case_values(scores, {}, errors_count=True)
    return Column(values=[each * wanted.scale for each in found.values], missing=rows - found.graded)


def corpus_column(wanted: Wanted, texts: Iterable[tuple[str | None, Mapping[str, Any]]]) -> Column:
    """Return BLEU over all rows.

    Args:
        wanted: the score.
        texts: answers with the columns of their rows; None for no whole answer, which is an empty one here.
    """
    start = f"value_{wanted.feed}_"
    pairs: list[tuple[str, list[str]]] = []
    missing = 0
    for text, fields in texts:
        missing += text is None
        pairs.append((text or "", [str(each) for name, each in fields.items() if name.startswith(start)]))
    return Column(missing=missing, pairs=pairs, scale=wanted.scale)


def _text(sample: Sample) -> str | None:
    return sample.text if sample.ok else None


def _metrics(columns: Mapping[Key, Column]) -> Body:
    found: dict[str, Body] = {}
    for (metric, score), column in columns.items():
        found.setdefault(metric, {"scores": {}})["scores"][score] = _score(column)
    return found


def _score(column: Column) -> Body:
    if column.pairs is None:
        stats = stats_of(column.values, column.missing)
        value = stats.mean
    else:
        stats = Stats(count=len(column.pairs), nan_count=column.missing)
        value = column.scale * corpus_bleu(column.pairs) if column.pairs else None
    told = {name: each for name, each in msgspec.to_builtins(stats).items() if each is not None}
    return {"value": value, "stats": told}


def _group(group: Group, columns: Mapping[str, Mapping[Key, Column]]) -> Body:
    pooled: dict[Key, Column] = {}
    for task in _members(group):
        for key, column in columns.get(task, {}).items():
            pooled[key] = _joined(pooled[key], column) if key in pooled else column
    inner = {name: _group(each, columns) for name, each in (group.groups or {}).items()}
    return {"metrics": _metrics(pooled), "groups": inner}


def _joined(one: Column, other: Column) -> Column:
    pairs = None if one.pairs is None or other.pairs is None else one.pairs + other.pairs
    return Column(
        values=one.values + other.values,
        missing=one.missing + other.missing,
        pairs=pairs,
        scale=one.scale,
    )


def _members(group: Group) -> list[str]:
    found = list(group.tasks or ())
    for each in (group.groups or {}).values():
        found += _members(each)
    return list(dict.fromkeys(found))


def _all(part: Part, scores: Iterable[Key]) -> list[Wanted]:
    """Return all metrics of a benchmark under their own names."""
    names = sorted(metric for benchmark, metric in scores if benchmark == part.benchmark)
    return [Wanted(task=part.task, metric=name, score=name, feed=name) for name in names]
