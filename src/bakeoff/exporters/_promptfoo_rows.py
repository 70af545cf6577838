"""One answer as promptfoo writes it in `results.results`, and the sums over a column of them.

The fields are promptfoo's keys in camel case. What is not known is left out, as promptfoo does, or 0 where it
wants a number. Times are milliseconds from sending to the end of the answer, as promptfoo takes them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from bakeoff.prices import usd
from bakeoff.records import Case, Part, Sample, Score, Target, Usage

FAILED_BY_ASSERTION, FAILED_BY_ERROR = 1, 2
_OWN = ("assert", "messages")
_SCORE = "score"


class _Form(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What promptfoo's records have in common: names in camel case, and nothing that is unknown."""


class Tokens(_Form, frozen=True, kw_only=True):
    """Token counts; a class that nobody counted is left out."""

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    total: int | None = None
    num_requests: int | None = None
    completion_details: dict[str, int] | None = None


class Component(_Form, frozen=True, kw_only=True):
    """What one assertion said."""

    passed: bool = msgspec.field(name="pass")
    score: float
    reason: str
    assertion: dict[str, Any]


class Grading(_Form, frozen=True, kw_only=True):
    """What all assertions said of an answer together."""

    passed: bool = msgspec.field(name="pass")
    score: float
    reason: str
    named_scores: dict[str, float]
    named_score_weights: dict[str, float]
    component_results: list[Component]


class Answered(_Form, frozen=True, kw_only=True):
    """The answer itself."""

    output: Any
    token_usage: Tokens
    cached: bool
    cost: float | None = None
    finish_reason: str | None = None
    error: str | None = None


class Row(_Form, frozen=True, kw_only=True):
    """One cell of promptfoo's table: a test of a column, which is a prompt at a provider."""

    id: str
    prompt_idx: int
    test_idx: int
    prompt_id: str
    test_case: dict[str, Any]
    vars: dict[str, Any]
    prompt: dict[str, Any]
    provider: dict[str, str]
    response: Answered
    success: bool
    score: float
    failure_reason: int
    named_scores: dict[str, float]
    token_usage: Tokens
    metadata: dict[str, Any]
    error: str | None = None
    grading_result: Grading | None = None
    latency_ms: int | None = None
    cost: float | None = None


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Where a row stands, and whose it is.

    Attributes:
        prompt: its `raw` and `label`.
    """

    prompt_idx: int
    test_idx: int
    prompt_id: str
    prompt: dict[str, Any]
    target: Target
    case: Case


def row_of(cell: Cell, sample: Sample, scores: Sequence[Score]) -> Row:
    """Return a sample with its scores as promptfoo's row.

    What has no whole answer, or could not be judged, is an error; it is never counted as a failed assertion.
    """
    error = _error(sample, scores)
    grading = None if error else _grading(scores)
    passed = grading is not None and grading.passed
    price = usd(sample, cell.target.price)
    tokens = _tokens(sample.usage)
    fields = cell.case.fields
    known = {name: value for name, value in fields.items() if name not in _OWN and not name.startswith("__")}
    return Row(
        id="-".join(str(part) for part in sample.key),
        prompt_idx=cell.prompt_idx,
        test_idx=cell.test_idx,
        prompt_id=cell.prompt_id,
        test_case={"vars": known, "metadata": fields.get("__metadata") or {}, **_said(fields)},
        vars=known,
        prompt=cell.prompt,
        provider={"id": f"{cell.target.provider}:{cell.target.model}", "label": cell.target.name},
        response=Answered(
            output=sample.text or sample.tool_calls or "",
            token_usage=tokens,
            cached=sample.extra.get("cached_response") is True,
            cost=_float(price),
            finish_reason=sample.finish_reason,
            error=error or None,
        ),
        success=passed,
        score=grading.score if grading else 0.0,
        failure_reason=FAILED_BY_ERROR if error else 0 if passed else FAILED_BY_ASSERTION,
        named_scores=grading.named_scores if grading else {},
        token_usage=tokens,
        metadata=_metadata(sample),
        error=error or (grading.reason if grading and not passed else None),
        grading_result=grading,
        latency_ms=_latency_ms(sample),
        cost=_float(price),
    )


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what a case of a promptfoo configuration says beside its variables."""
    known: dict[str, Any] = {}
    if fields.get("__description"):
        known["description"] = fields["__description"]
    if isinstance(fields.get("assert"), list):
        known["assert"] = fields["assert"]
    return known


def _error(sample: Sample, scores: Sequence[Score]) -> str:
    if not sample.ok:
        return sample.error or f"the outcome is `{sample.outcome}`"
    return next((s.reason or s.outcome for s in scores if s.outcome == "judge_failed"), "")


def _grading(scores: Sequence[Score]) -> Grading:
    """Return the scorers' grades as one: all must have passed, the score is the mean of theirs."""
    passed = all(score.passed is True for score in scores)
    values = [_value(score) for score in scores]
    lost = [score.reason or f"`{score.scorer}` failed" for score in scores if score.passed is not True]
    means, weights = _named(scores)
    return Grading(
        passed=passed,
        score=sum(values) / len(values) if values else 1.0,
        reason="; ".join(lost) or ("All assertions passed" if scores else "No assertions"),
        named_scores=means,
        named_score_weights=weights,
        component_results=[each for score in scores for each in _components(score)],
    )


def _value(score: Score) -> float:
    """Return the weighted score of a list of assertions, whose own value is pass or fail; else the value."""
    first = score.parts[0] if score.parts and score.parts[0].metric == _SCORE else None
    return (score.value if first is None else first.value) or 0.0


def _parts(score: Score) -> list[Part]:
    if not score.parts:
        return [
            Part(
                scorer=score.scorer,
                metric=score.metric,
                value=score.value,
                passed=score.passed,
                reason=score.reason,
            )
        ]
    return [part for part in score.parts if part.metric != _SCORE]


def _components(score: Score) -> list[Component]:
    """Return the assertions; a part that is neither passed nor failed only feeds a named score."""
    return [
        Component(
            passed=part.passed is True,
            score=part.value or 0.0,
            reason=part.reason or ("Assertion passed" if part.passed else "Assertion failed"),
            assertion={"type": f"not-{part.scorer}" if part.negated else part.scorer}
            | ({"metric": part.metric} if part.metric else {})
            | ({"weight": part.weight} if part.weight != 1 else {}),
        )
        for part in _parts(score)
        if part.passed is not None or not part.metric or not score.parts
    ]


def _named(scores: Sequence[Score]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the weighted mean of each named score, and the weights behind it."""
    sums: dict[str, float] = {}
    weights: dict[str, float] = {}
    for part in (part for score in scores for part in _parts(score) if part.metric):
        sums[part.metric] = sums.get(part.metric, 0.0) + (part.value or 0.0) * part.weight
        weights[part.metric] = weights.get(part.metric, 0.0) + part.weight
    return {name: value / weights[name] if weights[name] else 0.0 for name, value in sums.items()}, weights


def _tokens(usage: Usage) -> Tokens:
    both = None if usage.prompt is None or usage.completion is None else usage.prompt + usage.completion
    return Tokens(
        prompt=usage.prompt,
        completion=usage.completion,
        cached=usage.cached,
        total=both,
        num_requests=1,
        completion_details=None if usage.reasoning is None else {"reasoning": usage.reasoning},
    )


def _latency_ms(sample: Sample) -> int | None:
    if sample.done_at is None or sample.sent_at is None:
        return None
    return round((sample.done_at - sample.sent_at) / 1e6)


def _metadata(sample: Sample) -> dict[str, Any]:
    known: dict[str, Any] = {
        "benchmark": sample.benchmark,
        "case": sample.case,
        "repeat": sample.repeat,
        "stage": sample.stage,
        "outcome": sample.outcome,
    }
    return known | ({"thinking": sample.thinking} if sample.thinking else {})


def _float(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
