"""The metrics that single checks of a scorer feed: one score per case and repeat, made of its parts."""

from collections.abc import Container, Mapping

import msgspec

from bakeoff.records import Part, Score

Key = tuple[str, int]
Scores = dict[Key, Score]


def part_scores(scorers: Mapping[str, Scores]) -> dict[str, Scores]:
    """Return the scores of every metric that parts feed, by scorer and metric.

    A name that is taken, by a scorer or by another's part, gets its own scorer's metric before it. A sample
    without a grade is missing in a metric that all graded samples of the scorer have, else no part of it.
    """
    taken = {score.metric for scores in scorers.values() for score in list(scores.values())[:1]}
    found: dict[str, Scores] = {}
    for scorer, scores in scorers.items():
        names = dict.fromkeys(part.metric for score in scores.values() for part in score.parts if part.metric)
        for name in names:
            main = next(iter(scores.values())).metric
            unique = _free(name, main, taken)
            taken.add(unique)
            found[f"{scorer}:{name}"] = _of_metric(scores, name, unique)
    return found


def _of_metric(scores: Scores, name: str, unique: str) -> Scores:
    fed = {key: parts for key, score in scores.items() if (parts := _feeding(score, name))}
    whole = all(key in fed for key, score in scores.items() if score.parts)
    found: Scores = {}
    for key, score in scores.items():
        if key in fed or (whole and not score.parts):
            value = _mean(fed[key]) if key in fed else None
            found[key] = msgspec.structs.replace(score, metric=unique, value=value, passed=None, parts=[])
    return found


def _feeding(score: Score, name: str) -> list[Part]:
    return [part for part in score.parts if part.metric == name and part.value is not None]


def _mean(parts: list[Part]) -> float:
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
