"""Keep many samples and scores in less memory: what they have in common is kept once."""

from sys import intern
from typing import Any

from msgspec.structs import replace

from bakeoff.decide.gather.parts import feeding
from bakeoff.records import Part, Sample, Score

_NO_ITEMS: list[Any] = []
_NO_FACTS: dict[str, Any] = {}
_NO_PARTS: list[Part] = []


def shared_sample(sample: Sample) -> Sample:
    """Return the sample with texts that many have, and empty lists and mappings, kept once for all."""
    return replace(
        sample,
        benchmark=intern(sample.benchmark),
        target=intern(sample.target),
        stage=intern(sample.stage),
        outcome=intern(sample.outcome),
        model=sample.model and intern(sample.model),
        finish_reason=sample.finish_reason and intern(sample.finish_reason),
        stamped_by=intern(sample.stamped_by),
        tool_calls=sample.tool_calls or _NO_ITEMS,
        attempts=sample.attempts or _NO_ITEMS,
        likelihoods=sample.likelihoods or _NO_ITEMS,
        top_logprobs=sample.top_logprobs or _NO_ITEMS,
        extra=sample.extra or _NO_FACTS,
    )


def shared_score(score: Score) -> Score:
    """Return the score with common texts kept once for all, only the parts that count, and no judgements."""
    return replace(
        score,
        benchmark=intern(score.benchmark),
        target=intern(score.target),
        stage=intern(score.stage),
        outcome=intern(score.outcome),
        scorer=intern(score.scorer),
        metric=intern(score.metric),
        reason=intern(score.reason),
        parts=feeding(score.parts) if score.parts else _NO_PARTS,
        judgements=_NO_ITEMS,
    )
