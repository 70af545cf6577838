"""How sure the model was of its own words, from the log-probabilities that came with the answer."""

import math
from collections.abc import Iterator
from typing import Annotated, cast

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Share
from bakeoff.scorers import _expected


class Perplexity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer whose perplexity is at most `threshold`; without one, any answer with log-probabilities.

    Perplexity is exp(-mean log-probability of the answer's tokens), from 1 upwards. An answer without
    log-probabilities has no grade: ask for them with `params: {logprobs: true}`. promptfoo: `perplexity`.

    Attributes:
        threshold: the highest perplexity that passes.
        metric: the metric that it feeds.
    """

    threshold: Annotated[float, msgspec.Meta(ge=0)] | None = None
    metric: str = "perplexity"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the sample is enough
        """Return pass or fail."""
        mean = _mean(sample)
        if mean is None:
            return _expected.unknown("the answer came without log-probabilities")
        found = math.exp(min(-mean, 700.0))
        passed = self.threshold is None or found <= self.threshold
        limit = (
            "" if self.threshold is None else f", {'at most' if passed else 'more than'} {self.threshold:g}"
        )
        return _expected.judged(passed=passed, parsed=f"{found:.6g}", reason=f"perplexity {found:.6g}{limit}")


class PerplexityScore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure 1 / (1 + perplexity): up to 0.5, for a model that was sure of every token.

    promptfoo: `perplexity-score`. Log-probabilities are asked for as for `perplexity`.

    Attributes:
        threshold: passes from here on; without one, any answer with log-probabilities passes.
        metric: the metric that it feeds.
    """

    threshold: Share | None = None
    metric: str = "perplexity_score"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the sample is enough
        """Return the score, and whether it reaches the threshold."""
        mean = _mean(sample)
        if mean is None:
            return _expected.unknown("the answer came without log-probabilities")
        score = 1 / (1 + math.exp(min(-mean, 700.0)))
        passed = self.threshold is None or score >= self.threshold
        limit = "" if self.threshold is None else f" {'reaches' if passed else 'is below'} {self.threshold:g}"
        reason = f"perplexity score {score:.4f}{limit}"
        return Grade(value=score, passed=passed, reason=reason, parsed=f"{score:.6g}")


def _mean(sample: Sample) -> float | None:
    """Return the mean log-probability of the answer's tokens, or None where they are unknown."""
    found = list(_logprobs(sample.extra.get("logprobs")))
    return sum(found) / len(found) if found else None


def _logprobs(part: object) -> Iterator[float]:
    """Yield the log-probabilities in the chat form, the completion form, or a list of events of these."""
    if isinstance(part, list):
        for item in cast("list[object]", part):
            yield from _logprobs(item)
    elif isinstance(part, dict):
        fields = cast("dict[str, object]", part)
        numbers = fields.get("token_logprobs")
        if numbers is None:
            numbers = [_own(token) for token in _list(fields.get("content"))]
        for number in _list(numbers):
            if isinstance(number, int | float) and math.isfinite(number):
                yield min(float(number), 0.0)


def _own(token: object) -> object:
    return cast("dict[str, object]", token).get("logprob") if isinstance(token, dict) else None


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
