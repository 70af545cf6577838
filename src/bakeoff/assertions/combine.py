"""The arithmetic of assertions: what several outcomes make together. It runs nothing.

Pass and fail are booleans of their own. No text is ever looked at: a failure without a reason stays one.
"""

from collections.abc import Sequence

import msgspec

from bakeoff.records import Judgement, Part

_SHOWN = 3
_LONG = 400


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an assertion, or a set of them, says of an answer.

    Attributes:
        score: its score; None where it has none.
        passed: None where nothing could be judged.
        judged: something of the answer was judged.
        reason: in words.
        weight: in the whole.
        excused: it cannot fail the whole: an assertion of weight 0.
        parts: of which it is made, itself first.
        judgements: what judges said of it.
        failed: what was to judge failed.
    """

    score: float | None
    passed: bool | None
    judged: bool = True
    reason: str = ""
    weight: float = 1.0
    excused: bool = False
    parts: list[Part] = []
    judgements: list[Judgement] = []
    failed: bool = False


def combine(outcomes: Sequence[Outcome], threshold: float | None = None) -> Outcome:
    """Return the outcome of a set: every one passed or, with a threshold, the weighted mean reaches it.

    The weighted mean is sum(score * weight) / sum(weight), and 0 where all weights are. An outcome whose
    `passed` is None leaves the whole open, unless it failed by another one. What could not be read from the
    answer counts as 0.
    """
    if not outcomes:
        return Outcome(score=1.0, passed=True, reason="nothing is asserted")
    counted = [outcome for outcome in outcomes if not outcome.excused]
    score = _mean(outcomes)
    passed = _all(counted) if threshold is None else None if score is None else score >= threshold
    return Outcome(
        score=score,
        passed=passed,
        judged=any(outcome.judged for outcome in outcomes),
        reason=_reason(counted, score, threshold, passed=passed),
        parts=[part for outcome in outcomes for part in outcome.parts],
        judgements=[judgement for outcome in outcomes for judgement in outcome.judgements],
        failed=passed is None and any(outcome.failed for outcome in outcomes),
    )


def as_set(whole: Outcome, *, scorer: str, metric: str, weight: float) -> Outcome:
    """Return a set's outcome as a member of the set around it: its own part first, its members' weighted.

    A metric that the set feeds itself is not fed by its members once more.
    """
    own = Part(
        scorer=scorer,
        metric=metric,
        value=whole.score,
        passed=whole.passed,
        weight=weight,
        reason=whole.reason,
    )
    members = [
        msgspec.structs.replace(
            part, weight=part.weight * weight, metric="" if part.metric == metric else part.metric
        )
        for part in whole.parts
    ]
    return msgspec.structs.replace(whole, weight=weight, parts=[own, *members])


def _mean(outcomes: Sequence[Outcome]) -> float | None:
    """Return the weighted mean score; None where one that counts could not be judged."""
    total = weights = 0.0
    for outcome in outcomes:
        if outcome.score is None and outcome.passed is None and outcome.weight:
            return None
        total += (outcome.score or 0.0) * outcome.weight
        weights += outcome.weight
    return total / weights if weights > 0 else 0.0


def _all(outcomes: Sequence[Outcome]) -> bool | None:
    passes = [outcome.passed for outcome in outcomes]
    return False if False in passes else None if None in passes else True


def _reason(
    outcomes: Sequence[Outcome], score: float | None, threshold: float | None, *, passed: bool | None
) -> str:
    others = [outcome for outcome in outcomes if outcome.passed is not True]
    told = "; ".join(_cut(outcome.reason) or "no reason given" for outcome in others[:_SHOWN])
    more = f"; and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    if threshold is not None and score is not None:
        verb = "reaches" if passed else "is below"
        return f"the weighted score {score:.4g} {verb} {threshold:g}" + (f": {told}{more}" if told else "")
    if not others:
        return _cut(outcomes[0].reason) if len(outcomes) == 1 else f"all {len(outcomes)} assertions passed"
    verb = "failed" if passed is False else "were not judged"
    return f"{len(others)} of {len(outcomes)} assertions {verb}: {told}{more}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
