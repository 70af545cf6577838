"""The metrics that single checks of a scorer feed: one score per case and repeat, made of its parts."""

from collections.abc import Container, Mapping, Sequence

import msgspec

from bakeoff.records import Part, Score

Key = tuple[str, int]
Scores = dict[Key, Score]

_NO_PARTS: list[Part] = []
_OF_SCORING = frozenset({"unparsable", "judge_failed"})
"""Outcomes that a scorer gives; the answer itself was one."""


def part_scores(scorers: Mapping[str, Scores]) -> dict[str, Scores]:
    """Return the scores of every metric that parts feed, by scorer and metric.

    A name that is taken, by a scorer or by another's part, gets its own scorer's metric before it. A sample
    without a grade is missing in a metric that all graded samples of the scorer have, else no part of it.
    """
    taken = {score.metric for scores in scorers.values() for score in list(scores.values())[:1]}
    found: dict[str, Scores] = {}
    for scorer, scores in scorers.items():
        for name, fed in _fed(scores).items():
            main = next(iter(scores.values())).metric
            unique = _free(name, main, taken)
            taken.add(unique)
            found[f"{scorer}:{name}"] = _of_metric(scores, fed, unique)
    return found


def feeding(parts: list[Part]) -> list[Part]:
    """Return the parts that feed a metric; all of them where none does, as a graded sample has some."""
    return [part for part in parts if part.metric] or parts


def _fed(scores: Scores) -> dict[str, dict[Key, tuple[Part, ...]]]:
    """Return the parts with a value by the metric that they feed, and by case and repeat."""
    found: dict[str, dict[Key, tuple[Part, ...]]] = {}
    for key, score in scores.items():
        for part in score.parts:
            if part.metric:
                fed = found.setdefault(part.metric, {})
                if part.value is not None:
                    fed[key] = (*fed.get(key, ()), part)
    return found


def _of_metric(scores: Scores, fed: Mapping[Key, tuple[Part, ...]], unique: str) -> Scores:
    whole = len(fed) == sum(1 for score in scores.values() if score.parts)
    found: Scores = {}
    for key, score in scores.items():
        parts = fed.get(key)
        if parts is not None or (whole and not score.parts):
            value = None if parts is None else _mean(parts)
            # What the whole score could not read, this metric could.
            outcome = "ok" if parts is not None and score.outcome in _OF_SCORING else score.outcome
            found[key] = msgspec.structs.replace(
                score, metric=unique, value=value, passed=None, outcome=outcome, parts=_NO_PARTS
            )
    return found


def _mean(parts: Sequence[Part]) -> float:
    """Return the weighted mean of values; a plain one where nothing has weight."""
    if len(parts) == 1:
        return parts[0].value or 0.0
    weights = sum(part.weight for part in parts)
    if weights <= 0:
        return sum(part.value or 0.0 for part in parts) / len(parts)
    return sum((part.value or 0.0) * part.weight for part in parts) / weights


def _free(name: str, main: str, taken: Container[str]) -> str:
    while name in taken:
        name = f"{main}_{name}"
    return name
