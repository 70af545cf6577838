"""Counts of the stage that runs now, for displays: small, and mergeable over processes. Nothing is stored."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from bakeoff import clock
from bakeoff.records import Sample, Stage
from bakeoff.stats.histogram import Histogram, PackedHistogram


class StageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one process has done of a stage so far.

    Attributes:
        total: samples planned for the stage, by all processes.
        before: samples that earlier processes of the run stored.
        sent: requests that were begun by this process.
        tokens: of all answers; None where a server does not count them.
        began: monotonic ns of the stage's start.
        seconds: after this long no request is begun; None where there is no such limit.
        ttft: of complete answers in ns, from the time when they were due; likewise `e2e`.
    """

    benchmark: str
    target: str
    stage: str
    total: int
    before: int
    sent: int
    outcomes: dict[str, int]
    tokens: int | None
    began: int
    seconds: float | None
    ttft: PackedHistogram
    e2e: PackedHistogram

    @property
    def key(self) -> tuple[str, str, str]:
        """Name the stage."""
        return (self.benchmark, self.target, self.stage)

    @property
    def ended(self) -> int:
        """Return how many requests have ended, one way or another."""
        return sum(self.outcomes.values())

    @property
    def done(self) -> int:
        """Return how many samples of the stage are there."""
        return self.before + self.ended


class LiveStage:
    """Count one stage in one process."""

    def __init__(self, stage: Stage, *, total: int, before: int) -> None:
        self._stage = stage
        self._total = total
        self._before = before
        self._began = clock.now_ns()
        self._sent = 0
        self._outcomes: Counter[str] = Counter()
        self._tokens = 0
        self._uncounted = False
        self._ttft = Histogram()
        self._e2e = Histogram()

    def send(self) -> None:
        """Count a request that begins."""
        self._sent += 1

    def add(self, sample: Sample) -> None:
        """Count a request that ended."""
        self._outcomes[sample.outcome] += 1
        if not sample.ok or sample.done_at is None:
            return
        self._e2e.record(max(0, sample.done_at - sample.scheduled_at))
        if sample.first_token_at is not None:
            self._ttft.record(max(0, sample.first_token_at - sample.scheduled_at))
        if sample.usage.completion is None:
            self._uncounted = True
        else:
            self._tokens += sample.usage.completion

    def counts(self) -> StageCounts:
        """Return the counts as they are now."""
        return StageCounts(
            benchmark=self._stage.benchmark,
            target=self._stage.target,
            stage=self._stage.name,
            total=self._total,
            before=self._before,
            sent=self._sent,
            outcomes=dict(self._outcomes),
            tokens=None if self._uncounted else self._tokens,
            began=self._began,
            seconds=self._stage.seconds,
            ttft=self._ttft.pack(),
            e2e=self._e2e.pack(),
        )


def merged(parts: Sequence[StageCounts]) -> StageCounts:
    """Return the counts of all processes of one stage together."""
    if len(parts) == 1:
        return parts[0]
    outcomes: Counter[str] = Counter()
    ttft, e2e = Histogram(), Histogram()
    for part in parts:
        outcomes.update(part.outcomes)
        ttft.absorb(part.ttft)
        e2e.absorb(part.e2e)
    tokens = [part.tokens for part in parts]
    return msgspec.structs.replace(
        parts[0],
        sent=sum(part.sent for part in parts),
        outcomes=dict(outcomes),
        tokens=None if None in tokens else sum(each or 0 for each in tokens),
        began=min(part.began for part in parts),
        ttft=ttft.pack(),
        e2e=e2e.pack(),
    )
