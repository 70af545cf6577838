"""Samples and scores: the lines of a run directory.

Format history: 1, first version.
"""

from decimal import Decimal
from typing import Any

import msgspec

from bakeoff.records.message import Likelihood, ServerFigures, Usage

SAMPLE_VERSION = 1
SCORE_VERSION = 1

OUTCOMES = ("ok", "truncated", "empty", "refused", "filtered", "error", "timeout", "cancelled")


def _written(value: Any) -> Any:  # noqa: ANN401  a default of the field's own type
    """Return a default that is written out even where defaults are left out."""
    return msgspec.field(default_factory=lambda: value)


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try that did not become the sample's answer, with its reason."""

    kind: str
    sent_at: int | None = None
    done_at: int | None = None
    status: int | None = None
    error: str = ""
    waited_ns: int = 0


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One logged observation. Times are ns on the run's monotonic clock, None where there was no such moment.

    Attributes:
        outcome: one of OUTCOMES.
        segment: 0 for the first process that worked on the run, 1 after the first resume, and so on.
        arrivals: how many different arrival times the content events had; fewer than `chunks` where several
            came at once.
        first_chunks: content events that came with the first.
        chunk_us: gaps between content events in microseconds, the first from `first_token_at`.
        attempts: earlier tries of the same intent, oldest first.
        error: what went wrong, empty for an answer.
        extra: fields of the answer that bakeoff does not know.
        stamped_by: who took the arrival stamps, "kernel" or "read".
        server: what the server said of its own work, None where it said nothing.
        likelihoods: one for each continuation of the case, in order, where these were asked.
        top_logprobs: for each token of the answer its alternatives with their log-probabilities, where asked.
    """

    benchmark: str
    case: str
    target: str
    outcome: str
    repeat: int = 0
    stage: str = "main"
    segment: int = 0
    scheduled_at: int = 0
    sent_at: int | None = None
    first_byte_at: int | None = None
    first_token_at: int | None = None
    first_answer_at: int | None = None
    last_token_at: int | None = None
    done_at: int | None = None
    usage: Usage = Usage()
    finish_reason: str | None = None
    model: str | None = None
    text: str = ""
    thinking: str = ""
    tool_calls: list[Any] = []
    status: int | None = None
    error: str = ""
    attempts: list[Attempt] = []
    chunks: int = 0
    arrivals: int = 0
    first_chunks: int = 1
    chunk_us: list[int] | None = None
    connect_ns: int = 0
    stamped_by: str = "read"
    extra: dict[str, Any] = {}
    server: ServerFigures | None = None
    likelihoods: list[Likelihood] = []
    top_logprobs: list[dict[str, float]] = []
    v: int = SAMPLE_VERSION

    @property
    def ok(self) -> bool:
        """Tell whether the target gave a complete answer."""
        return self.outcome == "ok"

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """Identify the intent that this sample fulfils."""
        return (self.benchmark, self.case, self.target, self.repeat, self.stage)


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one of several checks of an answer said.

    Attributes:
        scorer: the type of the check, without a `not-`.
        metric: the metric of its own that it feeds, empty where it has none.
        value: 0..1; a user's script may give any number. None where no value can be given.
        passed: the check's own yes or no, `not-` applied; never inferred from `reason`.
        weight: its weight in the whole; those of the sets that it stands in are multiplied.
        reason: why, in words.
        negated: the check was asked for with `not-`.
    """

    scorer: str
    metric: str = ""
    value: float | None
    passed: bool | None
    weight: float = 1.0
    reason: str = ""
    negated: bool = False


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model said of an answer, and what asking it took; kept apart from what the target took.

    Attributes:
        model: the judge, as it was asked for.
        answered_by: as it called itself, None where it did not.
        verdict: what counted of its words, empty where nothing did.
        text: its words, without its thoughts.
        usage: tokens of its answers; what a failed try took no server tells.
        usd: at the judge's price; None is unknown.
        tries: requests that were sent.
        error: why there is no verdict.
    """

    model: str
    answered_by: str | None = None
    verdict: str = ""
    text: str = ""
    usage: Usage = Usage()
    usd: Decimal | None = None
    tries: int = 1
    error: str = ""


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer says of one answer.

    Attributes:
        value: 0..1, or None where no value can be given.
        passed: the scorer's own yes or no; never inferred from `reason`.
        parsed: the part of the answer that was judged; None where nothing could be extracted.
        parts: what the checks said that it was made of, where it was made of several.
        judgements: what the judges said that it stands on.
        failed: what was to judge failed, so that nothing is known of the answer.
    """

    value: float | None
    passed: bool | None
    reason: str = ""
    parsed: str | None = None
    parts: list[Part] = []
    judgements: list[Judgement] = []
    failed: bool = False


class Score(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One scorer's grade of one sample. `outcome` is the sample's, or `unparsable` or `judge_failed`.

    A line holds every key; `parts` and `judgements` are left out where they are empty.
    """

    benchmark: str
    case: str
    target: str
    scorer: str
    metric: str
    value: float | None
    passed: bool | None
    outcome: str
    repeat: int = _written(0)
    stage: str = _written("main")
    reason: str = _written("")
    parsed: str | None = _written(None)
    parts: list[Part] = []
    judgements: list[Judgement] = []
    v: int = _written(SCORE_VERSION)
