"""Gather stored samples and scores by benchmark and target, once, in plan order."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bakeoff.decide.gather.judge_use import JudgeUse
from bakeoff.decide.gather.parts import part_scores
from bakeoff.decide.gather.sharing import shared_sample, shared_score
from bakeoff.records import Case, Sample, Score

CaseKey = tuple[str, int]
RequestKey = tuple[str, str, int]
"""Stage, case and repeat."""


class Timed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is compared of one request of a load: when it was due, in ns, seconds since then, and USD."""

    due: int
    ttft: float | None = None
    e2e: float | None = None
    cost: float | None = None


class Answers(msgspec.Struct, kw_only=True):
    """What one target did in one benchmark.

    Attributes:
        samples: warm-up left out, the last one where an intent was tried again.
        scores: by scorer name, then by case and repeat.
        parts: scores of the metrics that single checks feed, by scorer and metric.
        warmups: how many samples the warm-up stage had.
        requests: of a load whose samples were folded; else `samples` has them.
        reduced: what `values` gave last, by scorer and policy.
        judges: what judging took, by the judge's model.
    """

    samples: list[Sample]
    scores: dict[str, dict[CaseKey, Score]]
    parts: dict[str, dict[CaseKey, Score]] = {}
    warmups: int = 0
    requests: dict[RequestKey, Timed] | None = None
    reduced: "dict[tuple[str, bool], Reduced]" = {}
    judges: dict[str, JudgeUse] = {}

    @property
    def graded(self) -> dict[str, dict[CaseKey, Score]]:
        """Return the scores of every metric: those of the scorers, then those of their parts."""
        return {**self.scores, **self.parts}

    def values(self, scorer: str, cases: Mapping[str, Case], *, errors_count: bool) -> "CaseValues":
        """Return one value per case for a metric of `graded`, computed once for the same cases.

        Args:
            scorer: or scorer and metric, as in `graded`.
            cases: of the benchmark.
            errors_count: count a sample without a grade as 0; otherwise leave it out.
        """
        known = self.reduced.get((scorer, errors_count))
        if known is None or known.of is not cases:
            found = case_values(self.graded[scorer], cases, errors_count=errors_count)
            known = self.reduced[scorer, errors_count] = Reduced(of=cases, values=found)
        return known.values

    @property
    def outcomes(self) -> dict[str, int]:
        """Count samples by outcome; what the first scorer made of an answer, if no grade, stands for `ok`."""
        counts = Counter(sample.outcome for sample in self.samples)
        nothing: dict[CaseKey, Score] = {}
        first = next(iter(self.scores.values()), nothing)
        for outcome in ("unparsable", "judge_failed"):
            unread = {key for key, score in first.items() if score.outcome == outcome}
            if unread:
                answered = {(sample.case, sample.repeat) for sample in self.samples if sample.ok}
                lost = len(unread & answered)
                counts[outcome] = lost
                counts["ok"] -= lost
        return {outcome: count for outcome, count in counts.items() if count}


Collected = dict[tuple[str, str], Answers]


def collect(samples: Iterable[Sample], scores: Iterable[Score], warmups: frozenset[str]) -> Collected:
    """Return the answers of every benchmark and target.

    Args:
        samples: in the order of the store.
        scores: in the order of the store; a later one of the same sample and scorer replaces an earlier one.
        warmups: names of the warm-up stages.
    """
    latest: dict[tuple[str, str, str, int, str], Sample] = {}
    for sample in samples:
        latest[sample.key] = shared_sample(sample)
    found: Collected = defaultdict(lambda: Answers(samples=[], scores=defaultdict(dict)))
    for sample in latest.values():
        answers = found[sample.benchmark, sample.target]
        if sample.stage in warmups:
            answers.warmups += 1
        else:
            answers.samples.append(sample)
    for score in scores:
        if score.stage not in warmups:
            answers = found[score.benchmark, score.target]
            answers.scores[score.scorer][score.case, score.repeat] = shared_score(score)
            for judgement in score.judgements:
                answers.judges.setdefault(judgement.model, JudgeUse()).add(judgement)
    for answers in found.values():
        answers.parts = part_scores(answers.scores)
    return dict(found)


class CaseValues(msgspec.Struct, frozen=True, kw_only=True):
    """One value per case for a scorer's metric, repeats averaged, cases in sending order.

    Attributes:
        cases: ids.
        values: 0..1 each; a missing one has been counted as the policy says.
        graded: how many samples had a grade of their own.
        missing: how many had none.
        right: sum over graded samples.
        binary: all values are 0 or 1 and each case was answered once.
        clusters: the cluster of each case where cases have one.
        lost: how many answers to a case had no grade, where there are some that count.
        several: how many answers count for a case, where these are several.
        unusable: grades that are NaN or infinite, which are none.
    """

    cases: list[str]
    values: list[float]
    graded: int
    missing: int
    right: float
    binary: bool
    clusters: list[str] | None
    lost: dict[str, int] = {}
    several: dict[str, int] = {}
    unusable: int = 0


class Reduced(msgspec.Struct, frozen=True, kw_only=True):
    """Values, and the cases that gave them their clusters."""

    of: Mapping[str, Case]
    values: CaseValues


def case_values(
    scores: Mapping[CaseKey, Score], cases: Mapping[str, Case], *, errors_count: bool
) -> CaseValues:
    """Reduce scores to one value per case.

    Args:
        scores: by case and repeat.
        cases: for their clusters.
        errors_count: count a sample without a grade as 0; otherwise leave it out. An answer on which the
            judge failed is always left out: nothing is known of it.
    """
    values: dict[str, float] = {}
    again: dict[str, list[float]] = {}
    lost: dict[str, int] = {}
    graded = missing = unusable = 0
    right = 0.0
    for (case, _repeat), score in scores.items():
        value = _value(score)
        if value is None:
            missing += 1
            unusable += score.value is not None and not math.isfinite(score.value)
            if not errors_count or score.outcome == "judge_failed":
                continue
            lost[case] = lost.get(case, 0) + 1
            value = 0.0
        else:
            graded += 1
            right += value
        if case in values:
            again.setdefault(case, [values[case]]).append(value)
        else:
            values[case] = value
    for case, each in again.items():
        values[case] = sum(each) / len(each)
    names = list(values)
    return CaseValues(
        cases=names,
        values=list(values.values()),
        graded=graded,
        missing=missing,
        right=right,
        binary=not again and set(values.values()) <= {0.0, 1.0},
        clusters=cluster_names(names, cases),
        lost=lost,
        several={name: len(each) for name, each in again.items()},
        unusable=unusable,
    )


def slices(cases: Iterable[Case]) -> dict[str, frozenset[str]]:
    """Return the cases of every slice, named `category=…`."""
    found: dict[str, set[str]] = {}
    for case in cases:
        for name, value in case.slices.items():
            found.setdefault(f"{name}={value}", set()).add(case.id)
    return {label: frozenset(members) for label, members in found.items()}


def cluster_names(names: Sequence[str], cases: Mapping[str, Case]) -> list[str] | None:
    """Return the cluster of each case, a case without one being its own; None where none has any."""
    found = [case.cluster if (case := cases.get(name)) else None for name in names]
    if not any(found):
        return None
    # The prefixes keep a case's id from meaning a cluster of the same name.
    return [f"cluster {own}" if own else f"case {name}" for name, own in zip(names, found, strict=True)]


def _value(score: Score) -> float | None:
    if score.outcome == "unparsable":
        return None
    if score.value is not None:
        return score.value if math.isfinite(score.value) else None
    return None if score.passed is None else float(score.passed)
