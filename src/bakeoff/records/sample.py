"""Samples and scores: the lines of a run directory.

Format history: 1, first version.
"""

from typing import Any

import msgspec

from bakeoff.records.message import Usage

SAMPLE_VERSION = 1
SCORE_VERSION = 1

OUTCOMES = ("ok", "truncated", "empty", "refused", "filtered", "error", "timeout", "cancelled")


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
        chunk_us: gaps between content events in microseconds, the first from `first_token_at`.
        attempts: earlier tries of the same intent, oldest first.
        error: what went wrong, empty for an answer.
        extra: fields of the answer that bakeoff does not know.
        stamped_by: who took the arrival stamps, "kernel" or "read".
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
    chunk_us: list[int] | None = None
    connect_ns: int = 0
    stamped_by: str = "read"
    extra: dict[str, Any] = {}
    v: int = SAMPLE_VERSION

    @property
    def ok(self) -> bool:
        """Tell whether the target gave a complete answer."""
        return self.outcome == "ok"

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """Identify the intent that this sample fulfils."""
        return (self.benchmark, self.case, self.target, self.repeat, self.stage)


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer says of one answer.

    Attributes:
        value: 0..1, or None where no value can be given.
        passed: the scorer's own yes or no; never inferred from `reason`.
        parsed: the part of the answer that was judged; None where nothing could be extracted.
    """

    value: float | None
    passed: bool | None
    reason: str = ""
    parsed: str | None = None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One scorer's grade of one sample. `outcome` is the sample's, or `unparsable` or `judge_failed`."""

    benchmark: str
    case: str
    target: str
    scorer: str
    metric: str
    value: float | None
    passed: bool | None
    outcome: str
    repeat: int = 0
    stage: str = "main"
    reason: str = ""
    parsed: str | None = None
    v: int = SCORE_VERSION
